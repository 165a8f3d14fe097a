import ComputeModel
package import Resources

extension Placer {
    /// Where VMs that are to be placed together go, so that as many as possible are placed, and then as few hosts as
    /// possible are in use. It counts hosts alone: images and taints to avoid do not matter here, filters do.
    ///
    /// Some orders of decreasing demand are placed one VM after the other by this placer's policy, and the best result is
    /// taken. For up to `maximumSearched` VMs a search then looks for a better one, and stops after `effort` steps; if it
    /// ends before, there is no better one. Deterministic: the order of the requests does not matter.
    ///
    /// - Parameter effort: steps of the search, some hundred nanoseconds each.
    /// - Returns: VM to host; a VM that is missing has no place. Nothing is recorded.
    package func together(_ requests: [PlacementRequest], effort: Int = 200_000) -> [ResourceID: ResourceID] {
        let requests = requests.filter { host(of: $0.id) == nil }.sorted { $0.id < $1.id }
        var best: [ResourceID: ResourceID] = [:]
        var bestCost = Int.max
        for key in Self.demands {
            var placer = self
            var placed: [ResourceID: ResourceID] = [:]
            // Equal demands stay in the order of their ids.
            for request in requests.sorted(by: { (key($1.demand), $0.id) < (key($0.demand), $1.id) }) {
                if let choice = placer.place(request) { placed[request.id] = choice.host }
            }
            let cost = Self.cost(unplaced: requests.count - placed.count, hosts: placer.hostsInUse, of: hostCount)
            if cost < bestCost { (best, bestCost) = (placed, cost) }
        }
        guard requests.count <= Self.maximumSearched else { return best }
        var placer = self
        var search = PackingSearch(placer.current(), requests, bestCost, effort)
        return search.run() ?? best
    }

    package static let maximumSearched = 24

    /// A VM without a place is worse than all hosts in use.
    static func cost(unplaced: Int, hosts: Int, of all: Int) -> Int { unplaced * (all + 1) + hosts }

    private static let demands: [@Sendable (Capacity) -> UInt64] = [
        { $0.memoryMiB }, { $0.cpus }, { $0.diskGiB },
        { capacity in
            // CPUs at 4 GiB and disk at 20 GiB a piece, as machines usually come.
            [capacity.cpus, capacity.memoryMiB / 4096, capacity.diskGiB / 20].max() ?? 0
        },
    ]
}

/// Branch and bound over all ways to place a few VMs.
struct PackingSearch {
    private let requests: [PlacementRequest]
    private let candidates: [[Int]]
    private let hosts: [PlacementHost]
    private var free: [Free]
    private var load: [Int]
    private var groups: [[AntiAffinityGroup: Int]]
    private var chosen: [Int?]
    private var best: [Int?]?
    private var bestCost: Int
    private var steps: Int

    init(_ index: PlacementIndex, _ requests: [PlacementRequest], _ bestCost: Int, _ steps: Int) {
        var index = index
        // The most demanding first: they have the fewest places.
        self.requests = requests.sorted {
            ($1.demand.memoryMiB, $1.demand.cpus, $0.id) < ($0.demand.memoryMiB, $0.demand.cpus, $1.id)
        }
        candidates = self.requests.map { index.candidates(for: $0).places }
        hosts = index.hosts
        free = index.free
        load = index.hosts.indices.map { index.used[$0] == .none ? 0 : 1 }
        groups = index.hosts.map { _ in [:] }
        chosen = requests.map { _ in nil }
        self.bestCost = bestCost
        self.steps = steps
    }

    /// nil when nothing better was found.
    mutating func run() -> [ResourceID: ResourceID]? {
        descend(0, unplaced: 0, inUse: load.count { $0 > 0 })
        guard let best else { return nil }
        var result: [ResourceID: ResourceID] = [:]
        for (request, place) in zip(requests, best) { if let place { result[request.id] = hosts[place].id } }
        return result
    }

    private mutating func descend(_ depth: Int, unplaced: Int, inUse: Int) {
        let cost = Placer.cost(unplaced: unplaced, hosts: inUse, of: hosts.count)
        guard cost < bestCost, steps > 0 else { return }
        steps -= 1
        guard depth < requests.count else {
            (best, bestCost) = (chosen, cost)
            return
        }
        let demand = Free(requests[depth].demand)
        var tried: [Int] = []
        for place in candidates[depth].sorted(by: { (load[$0] > 0 ? 0 : 1, $0) < (load[$1] > 0 ? 0 : 1, $1) })
        where free[place].covers(demand) && !requests[depth].groups.contains(where: { groups[place][$0] != nil }) {
            // Of empty hosts that are alike one is enough.
            if load[place] == 0 {
                guard !tried.contains(where: { isAlike($0, place, from: depth) }) else { continue }
                tried.append(place)
            }
            put(depth, at: place, 1)
            descend(depth + 1, unplaced: unplaced, inUse: inUse + (load[place] == 1 ? 1 : 0))
            put(depth, at: place, -1)
        }
        chosen[depth] = nil
        descend(depth + 1, unplaced: unplaced + 1, inUse: inUse)
    }

    private func isAlike(_ left: Int, _ right: Int, from depth: Int) -> Bool {
        hosts[left].allocatable == hosts[right].allocatable
            && candidates[depth...].allSatisfy { $0.contains(left) == $0.contains(right) }
    }

    private mutating func put(_ depth: Int, at place: Int, _ count: Int) {
        let isAdded = count > 0
        free[place] = free[place].changed(by: Free(requests[depth].demand), isAdded: !isAdded) ?? .none
        load[place] += count
        for group in requests[depth].groups { groups[place][group] = isAdded ? 1 : nil }
        chosen[depth] = isAdded ? place : nil
    }
}
