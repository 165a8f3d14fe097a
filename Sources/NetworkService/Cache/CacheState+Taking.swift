import Logging
import NetworkModel
import Persistence
import Resources

/// How the state follows the store.
extension CacheState {
    mutating func take(_ batch: StoreBatch, logger: Logger) {
        for event in batch.events {
            switch event {
            case .put(let entry): put(entry, at: batch.revision, logger: logger)
            case .delete(let key): delete(key, at: batch.revision)
            }
        }
        revision = max(revision, batch.revision)
        signal()
    }

    /// Takes over a listing; what is not in it is gone.
    ///
    /// The pages of a listing may be of different revisions, of which `first` is the oldest: the watch begins there, and
    /// what it repeats is recognised by its revision.
    mutating func takeList(_ entries: [StoreEntry], from first: Revision, to last: Revision, logger: Logger) {
        let listed = Set(entries.map(\.key))
        let isFirst = revision == .zero
        for key in knownKeys where !listed.contains(key) { delete(key, at: last) }
        // Hosts and projects first: items show their names. Segments before attachments, whose addresses lie in them.
        func rank(_ key: StoreKey) -> Int {
            switch WatchedKey(key) {
            case .resource(.project, _, _), .resource(.host, _, _), .resource(.segment, _, _): 0
            case .resource: 1
            default: 2
            }
        }
        let ranked = entries.map { (rank($0.key), $0) }
        for wanted in 0...2 {
            for (rank, entry) in ranked where rank == wanted { put(entry, at: last, logger: logger) }
        }
        revision = max(revision, first)
        isSynced = true
        if isFirst { log.reset(at: revision) }
        signal()
    }

    private var knownKeys: [StoreKey] {
        items.values.map(\.key) + uses.keys.map(StoreLayout.use) + leases.keys.map(StoreLayout.lease)
            + lastSeen.keys.map(StoreLayout.seen)
            + reports.flatMap { id, hosts in hosts.keys.map { StoreLayout.report(id, host: $0) } }
            + learned.lists.keys.map(StoreLayout.learned) + probes.keys.map(StoreLayout.probe)
            + names.signingKeys.keys.map(StoreLayout.signingKey)
            + answers.flatMap { id, hosts in hosts.keys.map { StoreLayout.answer(id, host: $0) } }
    }

    private mutating func put(_ entry: StoreEntry, at revision: Revision, logger: Logger) {
        // What this server has just written need be read again as little as its key.
        if let own = expected[entry.key], own.stored == entry.value {
            if let known = items[own.resource.metadata.id], known.revision >= entry.modified { return }
            return show(own.resource, of: entry, project: own.projectID, at: revision)
        }
        do {
            switch WatchedKey(entry.key) {
            case .resource(let kind, let project, let id):
                if let known = items[id], known.revision >= entry.modified { return }
                try kind.type.take(entry, project: project, at: revision, into: &self)
            case .report(let id, let host):
                let report = try Report(json: try JSONParser.parse(kept: entry.value), path: "")
                guard reports[id]?[host] != report else { return }
                reports[id, default: [:]][host] = report
                refresh(id, at: revision)
            case .learned(let place):
                if let known = learned.lists[place], known.revision >= entry.modified { return }
                let list = try LearnedAddresses(json: try JSONParser.parse(kept: entry.value), path: "")
                takeLearned(list, of: place, at: entry.modified)
            case .signingKey(let zone):
                takeSigningKey(SigningKey(secret: String(decoding: entry.value, as: UTF8.self)), of: zone)
            case .probe(let id):
                takeProbe(try Probe(json: try JSONParser.parse(kept: entry.value), path: ""), id, lease: entry.lease)
            case .answer(let id, let host):
                answers[id, default: [:]][host] = try ProbeResult(
                    json: try JSONParser.parse(kept: entry.value), path: "")
            case .use(let id): uses[id] = entry.modified
            case .lease(let host):
                let wasUp = leases.updateValue(entry.lease ?? LeaseID(0), forKey: host) != nil
                let were = agents[host]
                agents[host] =
                    entry.value.isEmpty ? nil : try HostAgents(json: try JSONParser.parse(kept: entry.value), path: "")
                let areTwo = agents[host]?.areTwo ?? false
                guard !wasUp || areTwo != (were?.areTwo ?? false) else { return }
                refresh(host, at: revision)
            case .seen(let host):
                lastSeen[host] = Timestamp(rfc3339: String(decoding: entry.value, as: UTF8.self)) ?? .now
                refresh(host, at: revision)
            case .progress: break
            case nil: logger.warning("the store has a key that is none of ours", metadata: ["key": "\(entry.key)"])
            }
        } catch {
            logger.error(
                "the store has a value that cannot be read", metadata: ["key": "\(entry.key)", "error": "\(error)"])
        }
    }

    private mutating func delete(_ key: StoreKey, at revision: Revision) {
        switch WatchedKey(key) {
        case .resource(_, _, let id):
            if let item = items[id] { replace(item, with: nil, at: revision) }
        case .report(let id, let host):
            guard reports[id]?.removeValue(forKey: host) != nil else { return }
            if reports[id]?.isEmpty == true { reports[id] = nil }
            refresh(id, at: revision)
        case .learned(let place): takeLearned(nil, of: place, at: revision)
        case .signingKey(let zone): takeSigningKey(nil, of: zone)
        case .probe(let id): takeProbe(nil, id, lease: nil)
        case .answer(let id, let host):
            answers[id]?[host] = nil
            if answers[id]?.isEmpty == true { answers[id] = nil }
        case .use(let id): uses[id] = nil
        case .lease(let host):
            renewals[host] = nil
            guard leases.removeValue(forKey: host) != nil else { return }
            agents[host] = nil
            lastSeen[host] = .now
            refresh(host, at: revision)
        case .seen(let host): lastSeen[host] = nil
        case .progress, nil: break
        }
    }

    /// Shows a resource as the entry has it.
    mutating func show(
        _ resource: AnyResource, of entry: StoreEntry, project: ResourceID?, at revision: Revision
    ) {
        var resource = resource
        resource.metadata.revision = entry.modified
        if let name = project.flatMap({ items[$0]?.name }) { resource.metadata.project = name }
        let id = resource.metadata.id
        let item = Item(
            resource: resource, projectID: project, created: entry.created,
            status: status(of: id, kind: resource.kind))
        replace(items[id], with: item, at: revision)
    }

    /// Makes a new item where what it shows has changed though the resource has not.
    mutating func refresh(_ id: ResourceID, at revision: Revision) {
        guard let item = items[id] else { return }
        let new = Item(
            resource: item.resource, projectID: item.projectID, created: item.order.created,
            status: status(of: id, kind: item.resource.kind))
        items[id] = new
        log.append(old: item, new: new, at: revision)
    }

    /// Puts one item in the place of another (nil: none), in every index.
    mutating func replace(_ old: Item?, with new: Item?, at revision: Revision) {
        exchange(old, new)
        log.append(old: old, new: new, at: revision)
        if let old, let new, old.name != new.name { showNewName(of: new) }
    }

    /// The part of `replace` that planning looks at; exchanging back undoes it.
    mutating func exchange(_ old: Item?, _ new: Item?) {
        if let old, old.name != new?.name || new == nil {
            let scope = Scope(kind: old.resource.kind, project: old.projectID)
            if collections[scope]?.names[old.name] == old.id { collections[scope]?.names[old.name] = nil }
            if new == nil {
                let index = collections[scope]?.order.partitioningIndex { $0 >= old.order } ?? 0
                collections[scope]?.order.remove(at: index)
                items[old.id] = nil
            }
        }
        if let new {
            let scope = Scope(kind: new.resource.kind, project: new.projectID)
            collections[scope, default: Collection()].names[new.name] = new.id
            if old == nil {
                let index = collections[scope]?.order.partitioningIndex { $0 >= new.order } ?? 0
                collections[scope, default: Collection()].order.insert(new.order, at: index)
            }
            items[new.id] = new
        }
        index(old, new)
    }

    /// Names of projects and hosts stand in what other items show.
    private mutating func showNewName(of item: Item) {
        switch item.resource.kind {
        case .project:
            for other in items.values where other.projectID == item.id {
                var resource = other.resource
                resource.metadata.project = item.name
                items[other.id] = Item(
                    resource: resource, projectID: other.projectID, created: other.order.created, status: other.status)
            }
        case .host:
            for (id, hosts) in reports where hosts[item.id] != nil {
                guard let other = items[id] else { continue }
                items[id] = Item(
                    resource: other.resource, projectID: other.projectID, created: other.order.created,
                    status: status(of: id, kind: other.resource.kind))
            }
        default: break
        }
    }

    private func signal() { for follower in followers.values { follower.yield() } }
}

extension ServedKind {
    /// Reads a stored resource and puts it into the state.
    static func take(_ entry: StoreEntry, project: ResourceID?, at revision: Revision, into state: inout CacheState)
        throws
    {
        let resource = try Resource<Self>(json: try JSONParser.parse(kept: entry.value), path: "")
        state.show(wrap(resource), of: entry, project: project, at: revision)
    }
}

extension RandomAccessCollection {
    /// The first index whose element and all behind it satisfy `predicate`, of a collection divided so.
    func partitioningIndex(where predicate: (Element) -> Bool) -> Index {
        var low = startIndex
        var count = count
        while count > 0 {
            let half = count / 2
            let middle = index(low, offsetBy: half)
            if predicate(self[middle]) {
                count = half
            } else {
                low = index(after: middle)
                count -= half + 1
            }
        }
        return low
    }
}
