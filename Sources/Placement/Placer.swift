package import ComputeModel
package import Resources

/// The scheduler: hosts, what is placed on them, and the choice of a host for one VM more. A value, without a clock and
/// without randomness: the same hosts, placements and request give the same host, in whatever order they were told.
///
/// With n hosts, m of them candidates after filtering: a choice combines the filters (state, architecture, labels, taints,
/// segments, image) by sets of n/64 words, removes the hosts of its anti-affinity groups one by one, and then goes through
/// the hosts in the order of their scores, in blocks that are passed by when nothing in them can fit. It ends at the first
/// host that will do. What costs per host: making the answer of a filter that was never asked before, and, at worst, a
/// request that fits many hosts of which none is a candidate (more than 64 candidates, all full, among empty hosts that
/// are none). Adding and removing a placement is O(log n + 64). A host that comes, goes or changes its size costs
/// O(n log n) once, before the next choice.
package struct Placer: Sendable {
    package let policy: PlacementPolicy
    private var hosts: [ResourceID: PlacementHost] = [:]
    private var placements: [ResourceID: Placement] = [:]
    /// nil until it is needed again.
    private var index: PlacementIndex?

    /// A VM at its host.
    struct Placement: Sendable {
        var request: PlacementRequest
        var host: ResourceID
    }

    /// The host for a VM, and why it and no other.
    package struct Choice: Hashable, Sendable {
        package var host: ResourceID
        /// As `PlacementPolicy` says; only its order means something.
        package var score: Int64

        package init(host: ResourceID, score: Int64) {
            self.host = host
            self.score = score
        }
    }

    package init(_ policy: PlacementPolicy, hosts: some Sequence<PlacementHost> = []) {
        self.policy = policy
        for host in hosts { self.hosts[host.id] = host }
    }

    // MARK: hosts

    package var hostCount: Int { hosts.count }

    /// How many hosts have at least one VM.
    package var hostsInUse: Int { Set(placements.values.map(\.host)).count }

    /// Adds a host, or replaces what was known of it. What is placed on it stays, also if it does not fit any more.
    package mutating func set(_ host: PlacementHost) {
        let old = hosts.updateValue(host, forKey: host.id)
        if old?.allocatable == host.allocatable, let place = index?.places[host.id] {
            index?.replace(host, at: place)
        } else {
            index = nil
        }
    }

    /// Forgets a host and what is placed on it.
    package mutating func remove(host: ResourceID) {
        guard hosts.removeValue(forKey: host) != nil else { return }
        placements = placements.filter { $0.value.host != host }
        index = nil
    }

    // MARK: placements

    /// Where a VM is placed; nil when it is not.
    package func host(of vm: ResourceID) -> ResourceID? { placements[vm]?.host }

    /// What of a host may still be promised; nil for a host that is not known.
    package mutating func free(on host: ResourceID) -> Capacity? {
        prepare()
        guard let index, let place = index.places[host] else { return nil }
        let free = index.free[place]
        return Capacity(cpus: free.cpus, memoryMiB: free.memoryMiB, diskGiB: free.diskGiB)
    }

    /// Chooses a host for a VM and places it there. nil when no host will do, or when it has a place already; `explain`
    /// says which.
    package mutating func place(_ request: PlacementRequest) -> Choice? {
        guard let choice = choose(request), record(request, on: choice.host) else { return nil }
        return choice
    }

    /// As `place`, without placing it.
    package mutating func choose(_ request: PlacementRequest) -> Choice? {
        guard placements[request.id] == nil else { return nil }
        prepare()
        guard let best = index?.best(for: request), let host = index?.hosts[best.place] else { return nil }
        return Choice(host: host.id, score: best.score)
    }

    /// Records where a VM is, whether it fits or not: what is so is so. False, and nothing is changed, when the host is
    /// not known, the VM has a place already, or the host's sum would be beyond 2^64.
    package mutating func record(_ request: PlacementRequest, on host: ResourceID) -> Bool {
        guard placements[request.id] == nil else { return false }
        prepare()
        guard let place = index?.places[host], index?.change(request, at: place, isAdded: true) == true else {
            return false
        }
        placements[request.id] = Placement(request: request, host: host)
        return true
    }

    /// Takes a VM off its host; nothing when it has none.
    package mutating func remove(vm: ResourceID) {
        prepare()
        guard let placement = placements.removeValue(forKey: vm), let place = index?.places[placement.host] else {
            return
        }
        _ = index?.change(placement.request, at: place, isAdded: false)
    }

    private mutating func prepare() {
        guard index == nil else { return }
        var index = PlacementIndex(policy: policy, hosts: hosts.values)
        for placement in placements.values {
            guard let place = index.places[placement.host] else { continue }
            // The sum was possible before.
            _ = index.change(placement.request, at: place, isAdded: true)
        }
        self.index = index
    }

    // MARK: for what stands beside it

    /// The index as it is now.
    mutating func current() -> PlacementIndex {
        prepare()
        return index ?? PlacementIndex(policy: policy, hosts: [])
    }
}
