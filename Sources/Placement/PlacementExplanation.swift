package import ComputeModel
package import Resources

/// Why a host will not do for a VM.
package enum PlacementRejection: Hashable, Sendable, CustomStringConvertible {
    /// Cordoned, draining, drained, lost or unknown.
    case state(ComputeHostState)
    case architecture(Architecture)
    /// Its labels do not match the VM's selector.
    case labels
    case taint(TaintKey)
    /// A VM of that group is there.
    case antiAffinity(Name)
    case segment(ResourceID)
    case image(ResourceID)
    case cpus(need: UInt64, free: UInt64)
    case memory(need: UInt64, free: UInt64)
    case disk(need: UInt64, free: UInt64)

    package var description: String {
        switch self {
        case .state(let state): "is \(state)"
        case .architecture(let architecture): "is of \(architecture.rawValue)"
        case .labels: "does not have the labels asked for"
        case .taint(let key): "has the taint \(key)"
        case .antiAffinity(let name): "has a VM of the group \(name)"
        case .segment(let id): "cannot carry the segment \(id)"
        case .image(let id): "does not have the image \(id)"
        case .cpus(let need, let free): "lacks CPUs (need \(need), \(free) free)"
        case .memory(let need, let free): "lacks memory (need \(need) MiB, \(free) free)"
        case .disk(let need, let free): "lacks disk (need \(need) GiB, \(free) free)"
        }
    }

    /// For several hosts in one sentence: what they share, and the order of the sentences.
    fileprivate var sort: (order: Int, one: String, many: String) {
        switch self {
        case .cpus: (0, "lacks CPUs", "lack CPUs")
        case .memory: (1, "lacks memory", "lack memory")
        case .disk: (2, "lacks disk", "lack disk")
        case .antiAffinity(let name): (3, description, "have a VM of the group \(name)")
        case .segment(let id): (4, description, "cannot carry the segment \(id)")
        case .image(let id): (5, description, "do not have the image \(id)")
        case .labels: (6, description, "do not have the labels asked for")
        case .taint(let key): (7, description, "have the taint \(key)")
        case .architecture(let architecture): (8, description, "are of \(architecture.rawValue)")
        case .state(let state): (9, "is \(Self.word(state))", "are \(Self.word(state))")
        }
    }

    private static func word(_ state: ComputeHostState) -> String {
        switch state {
        case .lost: "lost"
        case .draining: "draining"
        case .ready, .cordoned, .drained, .unknown: state.description
        }
    }

    /// What is needed and what is there, of a sort with numbers.
    fileprivate var room: (need: UInt64, free: UInt64, unit: String)? {
        switch self {
        case .cpus(let need, let free): (need, free, "")
        case .memory(let need, let free): (need, free, " MiB")
        case .disk(let need, let free): (need, free, " GiB")
        default: nil
        }
    }
}

/// Why a VM is, or is not, placed where it is: of each host everything that speaks against it.
package struct PlacementExplanation: Sendable {
    /// By id, with all reasons of each; hosts without one will do.
    package let hosts: [(host: ResourceID, rejections: [PlacementRejection])]

    /// The hosts that will do.
    package var suitable: [ResourceID] { hosts.filter(\.rejections.isEmpty).map(\.host) }

    /// One sentence: "3 hosts: 2 lack memory (need 4096 MiB, at most 2048 free), 1 is cordoned". Each host is counted
    /// once, by its first reason: those that stay (state, architecture, labels) come before those that pass (room).
    package var summary: String {
        var counts: [String: (count: Int, first: PlacementRejection, most: UInt64)] = [:]
        for (_, rejections) in hosts {
            guard let first = rejections.first else { continue }
            let old = counts[first.sort.many]
            counts[first.sort.many] = (
                (old?.count ?? 0) + 1, old?.first ?? first, max(old?.most ?? 0, first.room?.free ?? 0)
            )
        }
        var parts = counts.values.sorted {
            ($0.first.sort.order, $0.first.sort.many) < ($1.first.sort.order, $1.first.sort.many)
        }
        .map { entry in
            let said = "\(entry.count) \(entry.count == 1 ? entry.first.sort.one : entry.first.sort.many)"
            guard let room = entry.first.room else { return said }
            return "\(said) (need \(room.need)\(room.unit), \(entry.count == 1 ? "" : "at most ")\(entry.most) free)"
        }
        let suitable = suitable.count
        if suitable > 0 { parts.append("\(suitable) will do") }
        let total = "\(hosts.count) host\(hosts.count == 1 ? "" : "s")"
        return hosts.isEmpty ? "there are no hosts" : "\(total): \(parts.joined(separator: ", "))"
    }
}

extension Placer {
    /// Looks at every host, so O(n): for people, not for placing. A VM that has a place is explained as if it had none.
    package func explain(_ request: PlacementRequest) -> PlacementExplanation {
        var placer = self
        placer.remove(vm: request.id)
        let index = placer.current()
        return PlacementExplanation(
            hosts: index.hosts.indices.map { (index.hosts[$0].id, index.rejections(of: request, at: $0)) }
                .sorted { $0.0 < $1.0 })
    }
}

extension PlacementIndex {
    func rejections(of request: PlacementRequest, at place: Int) -> [PlacementRejection] {
        let (host, free, need) = (hosts[place], free[place], request.demand)
        var reasons: [PlacementRejection] = []
        if host.state != .ready { reasons.append(.state(host.state)) }
        if host.architecture != request.architecture { reasons.append(.architecture(host.architecture)) }
        if let labels = request.wish.hosts, !labels.matches(host.labels) { reasons.append(.labels) }
        for taint in host.taints where taint.effect == .refuse && !request.wish.tolerations.contains(taint.key) {
            reasons.append(.taint(taint.key))
        }
        for segment in request.segments.sorted() where host.unreachable.contains(segment) {
            reasons.append(.segment(segment))
        }
        if request.needsLocalImage, let image = request.image, !host.images.contains(image) {
            reasons.append(.image(image))
        }
        for group in request.groups.sorted(by: { $0.name < $1.name }) where groups[group]?[place] != nil {
            reasons.append(.antiAffinity(group.name))
        }
        if free.cpus < need.cpus { reasons.append(.cpus(need: need.cpus, free: free.cpus)) }
        if free.memoryMiB < need.memoryMiB { reasons.append(.memory(need: need.memoryMiB, free: free.memoryMiB)) }
        if free.diskGiB < need.diskGiB { reasons.append(.disk(need: need.diskGiB, free: free.diskGiB)) }
        return reasons
    }
}
