import ComputeModel
import Resources

/// The part of a request that depends on nothing but what a host is: the same for many VMs, so its answer is kept.
struct HostFilter: Hashable, Sendable {
    let architecture: Architecture
    let labels: Selector?
    let tolerations: Set<TaintKey>

    init(_ request: PlacementRequest) {
        architecture = request.architecture
        labels = request.wish.hosts
        tolerations = request.wish.tolerations
    }

    func admits(_ host: PlacementHost) -> Bool {
        host.state == .ready && host.architecture == architecture && labels?.matches(host.labels) ?? true
            && !host.taints.contains { $0.effect == .refuse && !tolerations.contains($0.key) }
    }

    func avoids(_ host: PlacementHost) -> Bool {
        host.taints.contains { $0.effect == .avoid && !tolerations.contains($0.key) }
    }
}

/// The answer of a filter.
struct FilteredHosts: Sendable {
    private(set) var candidates: HostSet
    private(set) var avoided: HostSet
    private(set) var avoidedCount = 0

    init(count: Int) {
        candidates = HostSet(count: count)
        avoided = candidates
    }

    mutating func update(_ place: Int, _ filter: HostFilter, _ host: PlacementHost) {
        candidates.set(place, filter.admits(host))
        let (was, isAvoided) = (avoided.contains(place), filter.avoids(host))
        guard was != isAvoided else { return }
        avoided.set(place, isAvoided)
        avoidedCount += isAvoided ? 1 : -1
    }
}
