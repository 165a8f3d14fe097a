import ComputeModel
import Logging
import Persistence
import Placement
import Resources

/// How the state follows the store.
extension ComputeState {
    mutating func take(_ batch: StoreBatch, logger: Logger) {
        for event in batch.events {
            switch event {
            case .put(let entry): put(entry, at: batch.revision, logger: logger)
            case .delete(let key): if let key = ComputeKey(key) { delete(key, at: batch.revision) }
            }
        }
        revision = max(revision, batch.revision)
    }

    /// Takes over a listing; what is not in it is gone.
    mutating func takeList(_ entries: [StoreEntry], from first: Revision, to last: Revision, logger: Logger) {
        let isFirst = revision == .zero
        let ranked = entries.compactMap { entry in ComputeKey(entry.key).map { ($0, entry) } }
            .sorted { $0.0.rank < $1.0.rank }
        let listed = Set(ranked.map(\.0))
        for key in knownKeys where !listed.contains(key) { delete(key, at: last) }
        for (_, entry) in ranked { put(entry, at: last, logger: logger) }
        revision = max(revision, first)
        if isFirst { log.reset(at: revision) }
    }

    private var knownKeys: [ComputeKey] {
        items.values.map { .resource($0.kind, project: $0.projectID, $0.id) } + uses.keys.map { .use($0) }
            + reports.keys.map { .report($0) } + places.keys.map { .place($0) } + obstacles.keys.map { .obstacle($0) }
            + unported.keys.map { .unported($0) }
            + loads.keys.map { .load($0) } + consoles.keys.map { .console($0) }
            + removals.keys.map { .removal($0) } + agents.keys.map { .agent($0) } + arrivals.map { .arrival($0) }
    }

    private mutating func put(_ entry: StoreEntry, at revision: Revision, logger: Logger) {
        do {
            switch ComputeKey(entry.key) {
            case .resource(let kind, let project, let id):
                if let known = items[id], known.revision >= entry.modified { return }
                let resource = try kind.type.read(entry.value, at: entry.modified)
                takeResource(resource, kind, project, id, created: entry.created, at: revision)
            case .report(let id):
                guard reports[id]?.revision != entry.modified else { return }
                reports[id] = Seen(value: entry.value, revision: entry.modified)
                if items[id]?.kind == .computeHost {
                    refit(id)
                    for vm in residents[id, default: []] { refresh(vm, at: revision) }
                }
                refresh(id, at: revision)
            case .use(let id): uses[id] = entry.modified
            case .place(let vm):
                let place = try VirtualMachinePlace(json: try JSONParser.parse(kept: entry.value), path: "")
                takePlace(Seen(value: place, revision: entry.modified), of: vm, at: revision)
            case .obstacle(let vm):
                let obstacle = try Hindrance(json: try JSONParser.parse(kept: entry.value), path: "")
                obstacles[vm] = Seen(value: obstacle, revision: entry.modified)
                refresh(vm, at: revision)
            case .unported(let vm):
                unported[vm] = try Hindrance(json: try JSONParser.parse(kept: entry.value), path: "")
                refresh(vm, at: revision)
            case .load(let host):
                loads[host] = entry.modified
            case .removal(let vm):
                removals[vm] = try VirtualMachinePlace(json: try JSONParser.parse(kept: entry.value), path: "")
            case .agent(let host): agents[host] = .some(entry.lease)
            case .arrival(let host): arrivals.insert(host)
            case .console(let vm): consoles[vm] = try ConsoleSession(entry, of: vm)
            case .mark: break
            case nil: logger.warning("the store has a key that is none of ours", metadata: ["key": "\(entry.key)"])
            }
        } catch {
            logger.error(
                "the store has a value that cannot be read", metadata: ["key": "\(entry.key)", "error": "\(error)"])
        }
    }

    private mutating func delete(_ key: ComputeKey, at revision: Revision) {
        switch key {
        case .resource(_, _, let id): dropResource(id, at: revision)
        case .report(let id):
            guard reports.removeValue(forKey: id) != nil else { return }
            if items[id]?.kind == .computeHost { refit(id) }
            refresh(id, at: revision)
        case .use(let id): uses[id] = nil
        case .place(let vm): takePlace(nil, of: vm, at: revision)
        case .obstacle(let vm):
            obstacles[vm] = nil
            refresh(vm, at: revision)
        case .unported(let vm):
            unported[vm] = nil
            refresh(vm, at: revision)
        case .load(let host): loads[host] = nil
        case .console(let vm): consoles[vm] = nil
        case .removal(let vm): removals[vm] = nil
        case .agent(let host): agents.removeValue(forKey: host)
        case .arrival(let host): arrivals.remove(host)
        case .mark: break
        }
    }

    // MARK: resources

    private mutating func takeResource(
        _ resource: any AnyResource, _ kind: ComputeKind, _ project: ResourceID?, _ id: ResourceID,
        created: Revision, at revision: Revision
    ) {
        let old = items[id]
        let scope = Scope(kind: kind, project: project)
        if let old {
            collections[scope]?.names[old.name] = nil
            use(old, isAdded: false)
        }
        let item = ComputeItem(resource: resource, kind: kind, projectID: project, created: created)
        collections[scope, default: Collection()].names[item.name] = id
        if old == nil {
            let order = collections[scope]?.order ?? []
            collections[scope]?.order.insert(item.order, at: order.partition { $0 > item.order })
        }
        items[id] = item
        use(item, isAdded: true)
        if kind == .computeHost { refit(id) }
        if kind == .vm {
            reseat(id)
            if places[id] == nil { waiting.insert(id) }
            chances += 1
        }
        let shown = item.showing(status(of: item))
        items[id] = shown
        log.append(old: old, new: shown, at: revision)
        // A VM of another size leaves its host another room.
        if kind == .vm, let host = places[id]?.value.host { refresh(host, at: revision) }
        if kind == .computeHost, old?.name != item.name {
            for vm in residents[id, default: []] { refresh(vm, at: revision) }
        }
    }

    private mutating func dropResource(_ id: ResourceID, at revision: Revision) {
        guard let old = items.removeValue(forKey: id) else { return }
        let scope = Scope(kind: old.kind, project: old.projectID)
        collections[scope]?.names[old.name] = nil
        collections[scope]?.order.removeAll { $0 == old.order }
        use(old, isAdded: false)
        switch old.kind {
        case .computeHost: placer.remove(host: id)
        case .vm:
            placer.remove(vm: id)
            waiting.remove(id)
        case .machineType, .image: break
        }
        log.append(old: old, new: nil, at: revision)
    }

    /// Which VMs use what, and what projects have.
    private mutating func use(_ item: ComputeItem, isAdded: Bool) {
        charge(item, isAdded: isAdded)
        guard let vm = item.unwrap(VirtualMachine.self) else { return }
        for id in [vm.spec.machineType.id, vm.spec.image.id].compactMap(\.self) {
            if isAdded { users[id, default: []].insert(item.id) } else { users[id]?.remove(item.id) }
            if users[id]?.isEmpty == true { users[id] = nil }
        }
    }

    /// Shows a resource anew if something beside it has changed.
    mutating func refresh(_ id: ResourceID, at revision: Revision) {
        guard let old = items[id] else { return }
        let status = status(of: old)
        guard status != old.status else { return }
        let new = old.showing(status)
        items[id] = new
        log.append(old: old, new: new, at: revision)
    }
}

extension Array where Element: Comparable {
    /// The first index whose element is beyond, in an ascending array.
    fileprivate func partition(_ isBeyond: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
