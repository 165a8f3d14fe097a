import ComputeModel
import Resources

/// All hosts, each at its place, with everything a choice looks at. Places are in the order in which equal scores are
/// decided; they change when hosts come, go or change their size, and then the index is made anew.
struct PlacementIndex: Sendable {
    let policy: PlacementPolicy
    private(set) var hosts: [PlacementHost]
    private(set) var places: [ResourceID: Int]
    private(set) var used: [Free]
    private(set) var free: [Free]
    private var keys: [PlaceOrder.Key]
    private var order: PlaceOrder
    /// Per group how many of its VMs are at a place.
    private(set) var groups: [AntiAffinityGroup: [Int: Int]] = [:]
    private(set) var unreachable: [ResourceID: HostSet] = [:]
    private(set) var images: [ResourceID: HostSet] = [:]
    private var filters: [HostFilter: FilteredHosts] = [:]

    /// So many different filters are remembered; one more, and all are forgotten.
    private static let maximumFilters = 512

    init(policy: PlacementPolicy, hosts: some Sequence<PlacementHost>) {
        self.policy = policy
        let hosts = hosts.sorted(by: Self.precedes)
        self.hosts = hosts
        places = Dictionary(uniqueKeysWithValues: hosts.enumerated().map { ($1.id, $0) })
        used = [Free](repeating: .none, count: hosts.count)
        let free = hosts.map { Free($0.allocatable) }
        self.free = free
        keys = hosts.indices.map { Self.key(policy, fullness: 0, place: $0) }
        order = PlaceOrder(keys: keys) { free[Self.place(of: $0)] }
        for place in hosts.indices { note(hosts[place], at: place, true) }
    }

    private static func precedes(_ left: PlacementHost, _ right: PlacementHost) -> Bool {
        let (a, b) = (left.allocatable, right.allocatable)
        if a.memoryMiB != b.memoryMiB { return a.memoryMiB > b.memoryMiB }
        if a.cpus != b.cpus { return a.cpus > b.cpus }
        if a.diskGiB != b.diskGiB { return a.diskGiB > b.diskGiB }
        return left.id < right.id
    }

    private static func key(_ policy: PlacementPolicy, fullness: UInt32, place: Int) -> PlaceOrder.Key {
        let rank = policy.strategy == .pack ? UInt32(PlacementPolicy.million) - fullness : fullness
        return UInt64(rank) << 32 | UInt64(place)
    }

    @inline(__always) private static func place(of key: PlaceOrder.Key) -> Int { Int(key & 0xffff_ffff) }

    func fullness(at place: Int) -> UInt32 { Self.fullness(used[place], of: hosts[place].allocatable) }

    /// The largest share in millionths, rounded up.
    static func fullness(_ used: Free, of capacity: Capacity) -> UInt32 {
        func share(_ used: UInt64, _ amount: UInt64) -> UInt32 {
            guard used < amount else { return used == 0 ? 0 : 1_000_000 }
            // used < amount, so the quotient is below a million.
            let (quotient, remainder) = amount.dividingFullWidth(used.multipliedFullWidth(by: 1_000_000))
            return UInt32(quotient) + (remainder == 0 ? 0 : 1)
        }
        return max(
            share(used.cpus, capacity.cpus), share(used.memoryMiB, capacity.memoryMiB),
            share(used.diskGiB, capacity.diskGiB))
    }

    // MARK: what is placed

    /// Adds a demand to a place, or takes it away. False when the sum would be beyond 2^64, or below zero.
    mutating func change(_ request: PlacementRequest, at place: Int, isAdded: Bool) -> Bool {
        guard let sum = used[place].changed(by: Free(request.demand), isAdded: isAdded) else { return false }
        let old = keys[place]
        used[place] = sum
        free[place] = Free(hosts[place].allocatable).remaining(after: sum)
        let new = Self.key(policy, fullness: fullness(at: place), place: place)
        keys[place] = new
        order.replace(old, with: new) { free[Self.place(of: $0)] }
        for group in request.groups {
            let count = groups[group]?[place] ?? 0
            groups[group, default: [:]][place] = isAdded ? count + 1 : count > 1 ? count - 1 : nil
            if groups[group]?.isEmpty == true { groups[group] = nil }
        }
        return true
    }

    /// A host of the same size in the place of that id.
    mutating func replace(_ host: PlacementHost, at place: Int) {
        note(hosts[place], at: place, false)
        hosts[place] = host
        note(host, at: place, true)
        for (filter, var filtered) in filters {
            filtered.update(place, filter, host)
            filters[filter] = filtered
        }
    }

    private mutating func note(_ host: PlacementHost, at place: Int, _ isThere: Bool) {
        for segment in host.unreachable {
            unreachable[segment, default: HostSet(count: hosts.count)].set(place, isThere)
        }
        for image in host.images { images[image, default: HostSet(count: hosts.count)].set(place, isThere) }
    }

    // MARK: a choice

    /// The place with the highest score, and that score; nil when none will do.
    mutating func best(for request: PlacementRequest) -> (place: Int, score: Int64)? {
        let filtered = hosts(for: HostFilter(request))
        let candidates = without(excluded: request, of: filtered.candidates)
        let demand = Free(request.demand)
        var best: (place: Int, score: Int64)?
        for level in levels(request, candidates, filtered) {
            if let best, best.score > level.bonus + Int64(policy.fit) * PlacementPolicy.million { continue }
            guard let place = first(demand, in: level.hosts) else { continue }
            let score = level.bonus + policy.points(fullness: fullness(at: place))
            guard let other = best else {
                best = (place, score)
                continue
            }
            if score > other.score || score == other.score && place < other.place { best = (place, score) }
        }
        return best
    }

    /// The hosts that will do but for their room.
    mutating func candidates(for request: PlacementRequest) -> HostSet {
        without(excluded: request, of: hosts(for: HostFilter(request)).candidates)
    }

    private mutating func hosts(for filter: HostFilter) -> FilteredHosts {
        if let known = filters[filter] { return known }
        var filtered = FilteredHosts(count: hosts.count)
        for place in hosts.indices { filtered.update(place, filter, hosts[place]) }
        if filters.count >= Self.maximumFilters { filters.removeAll(keepingCapacity: true) }
        filters[filter] = filtered
        return filtered
    }

    private func without(excluded request: PlacementRequest, of hosts: HostSet) -> HostSet {
        var hosts = hosts
        for segment in request.segments {
            if let unable = unreachable[segment] { hosts = hosts.subtracting(unable) }
        }
        for group in request.groups {
            for place in (groups[group] ?? [:]).keys { hosts.remove(place) }
        }
        guard request.needsLocalImage, let image = request.image else { return hosts }
        return hosts.intersection(images[image] ?? HostSet(count: self.hosts.count))
    }

    /// The candidates in parts of equal bonus, the highest first.
    private func levels(_ request: PlacementRequest, _ candidates: HostSet, _ filtered: FilteredHosts)
        -> [(hosts: HostSet, bonus: Int64)]
    {
        var parts: [(hosts: HostSet, bonus: Int64)] = []
        let local = request.image.flatMap { images[$0] }
        func split(_ hosts: HostSet, isAvoided: Bool) {
            guard let local else {
                parts.append((hosts, policy.bonus(hasImage: false, isAvoided: isAvoided)))
                return
            }
            parts.append((hosts.intersection(local), policy.bonus(hasImage: true, isAvoided: isAvoided)))
            parts.append((hosts.subtracting(local), policy.bonus(hasImage: false, isAvoided: isAvoided)))
        }
        if filtered.avoidedCount == 0 {
            split(candidates, isAvoided: false)
        } else {
            split(candidates.subtracting(filtered.avoided), isAvoided: false)
            split(candidates.intersection(filtered.avoided), isAvoided: true)
        }
        if parts.count > 1 { parts.sort { $0.bonus > $1.bonus } }
        return parts
    }

    /// The place of the best key among those of `hosts` that have the room.
    private func first(_ demand: Free, in hosts: HostSet) -> Int? {
        let count = hosts.count
        guard count > 0 else { return nil }
        // Few: they are looked at one by one, instead of all others being passed by.
        if count <= 64 {
            return hosts.places.filter { free[$0].covers(demand) }.min { keys[$0] < keys[$1] }
        }
        return order.first(demand) { key in
            let place = Self.place(of: key)
            return free[place].covers(demand) && hosts.contains(place)
        }
        .map(Self.place)
    }
}

extension Free {
    init(_ capacity: Capacity) {
        self.init(cpus: capacity.cpus, memoryMiB: capacity.memoryMiB, diskGiB: capacity.diskGiB)
    }

    /// nil beyond 2^64 and below zero.
    func changed(by other: Free, isAdded: Bool) -> Free? {
        func sum(_ left: UInt64, _ right: UInt64) -> UInt64? {
            let (value, overflows) =
                isAdded ? left.addingReportingOverflow(right) : left.subtractingReportingOverflow(right)
            return overflows ? nil : value
        }
        guard let cpus = sum(cpus, other.cpus), let memory = sum(memoryMiB, other.memoryMiB),
            let disk = sum(diskGiB, other.diskGiB)
        else { return nil }
        return Free(cpus: cpus, memoryMiB: memory, diskGiB: disk)
    }

    /// Nothing remains of what is exceeded.
    func remaining(after used: Free) -> Free {
        Free(
            cpus: cpus > used.cpus ? cpus - used.cpus : 0,
            memoryMiB: memoryMiB > used.memoryMiB ? memoryMiB - used.memoryMiB : 0,
            diskGiB: diskGiB > used.diskGiB ? diskGiB - used.diskGiB : 0)
    }
}
