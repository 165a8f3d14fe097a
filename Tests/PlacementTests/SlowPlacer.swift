import ComputeModel
import Placement
import Resources

/// The rules once more, in the plainest way: every host is looked at for every VM, and nothing is kept but the truth.
struct SlowPlacer {
    let policy: PlacementPolicy
    var hosts: [ResourceID: PlacementHost] = [:]
    var placed: [ResourceID: (request: PlacementRequest, host: ResourceID)] = [:]

    func used(_ host: ResourceID) -> Capacity {
        placed.values.filter { $0.host == host }.reduce(.zero) { sum, item in
            Capacity(
                cpus: sum.cpus + item.request.demand.cpus, memoryMiB: sum.memoryMiB + item.request.demand.memoryMiB,
                diskGiB: sum.diskGiB + item.request.demand.diskGiB)
        }
    }

    func suits(_ host: PlacementHost, _ request: PlacementRequest) -> Bool {
        let (used, all, need) = (used(host.id), host.allocatable, request.demand)
        let refusing = host.taints.filter { $0.effect == .refuse }.map(\.key)
        let neighbours = placed.values.filter { $0.host == host.id && $0.request.project == request.project }
        return host.state == .ready && host.architecture == request.architecture
            && used.cpus + need.cpus <= max(all.cpus, used.cpus)
            && used.diskGiB + need.diskGiB <= max(all.diskGiB, used.diskGiB)
            && used.memoryMiB + need.memoryMiB <= max(all.memoryMiB, used.memoryMiB)
            && (request.wish.hosts?.matches(host.labels) ?? true)
            && Set(refusing).isSubset(of: request.wish.tolerations)
            && host.unreachable.isDisjoint(with: request.segments)
            && (!request.needsLocalImage || request.image.map(host.images.contains) ?? true)
            && neighbours.allSatisfy { $0.request.wish.antiAffinity.isDisjoint(with: request.wish.antiAffinity) }
    }

    /// In millionths, rounded up, by floating point of enough digits for the amounts of these tests.
    func fullness(_ host: PlacementHost) -> Int64 {
        func share(_ used: UInt64, _ all: UInt64) -> Int64 {
            used == 0 ? 0 : used >= all ? 1_000_000 : (Int64(used) * 1_000_000 + Int64(all) - 1) / Int64(all)
        }
        let used = used(host.id)
        return [
            share(used.cpus, host.allocatable.cpus), share(used.memoryMiB, host.allocatable.memoryMiB),
            share(used.diskGiB, host.allocatable.diskGiB),
        ].max() ?? 0
    }

    func score(_ host: PlacementHost, _ request: PlacementRequest) -> Int64 {
        let avoided = host.taints.contains { $0.effect == .avoid && !request.wish.tolerations.contains($0.key) }
        let isLocal = request.image.map(host.images.contains) ?? false
        let fit = policy.strategy == .pack ? fullness(host) : 1_000_000 - fullness(host)
        return Int64(policy.fit) * fit + (isLocal ? Int64(policy.localImage) * 1_000_000 : 0)
            - (avoided ? Int64(policy.avoid) * 1_000_000 : 0)
    }

    func choose(_ request: PlacementRequest) -> Placer.Choice? {
        guard placed[request.id] == nil else { return nil }
        func rank(_ host: PlacementHost) -> (UInt64, UInt64, UInt64) {
            (host.allocatable.memoryMiB, host.allocatable.cpus, host.allocatable.diskGiB)
        }
        var best: (host: PlacementHost, score: Int64)?
        for host in hosts.values where suits(host, request) {
            let score = score(host, request)
            guard let other = best else {
                best = (host, score)
                continue
            }
            let isFirst = rank(host) == rank(other.host) ? host.id < other.host.id : rank(host) > rank(other.host)
            if score > other.score || score == other.score && isFirst { best = (host, score) }
        }
        return best.map { Placer.Choice(host: $0.host.id, score: $0.score) }
    }
}
