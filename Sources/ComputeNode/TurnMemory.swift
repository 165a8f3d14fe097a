import ComputeModel
import ComputePlanning
import Resources

/// What was told to guests, and since when: a guest that does not listen in its time is not asked again.
struct TurnMemory: Sendable {
    private var ending: [ResourceID: ContinuousClock.Instant] = [:]
    private var rebooting: [ResourceID: (count: UInt64, since: ContinuousClock.Instant)] = [:]
    /// VMs that are here and of which nothing is said, since when; and whether their removal was said.
    private var absent: [ResourceID: ContinuousClock.Instant] = [:]
    private var removed: Set<ResourceID> = []
    /// Of the last plan.
    var obstacles: [ResourceID: [Obstacle]] = [:]

    mutating func did(
        _ step: ComputeStep, _ vm: ResourceID, at: ContinuousClock.Instant, _ reboots: inout [ResourceID: UInt64]
    ) {
        switch step {
        case .shutdown: ending[vm] = at
        case .reboot(let count): rebooting[vm] = (count, at)
        case .reset(let count):
            rebooting[vm] = nil
            reboots[vm] = count
        case .start, .destroy:
            ending[vm] = nil
            rebooting[vm] = nil
        default: break
        }
    }

    mutating func rebooted(_ vm: ResourceID, _ reboots: inout [ResourceID: UInt64]) {
        guard let told = rebooting.removeValue(forKey: vm) else { return }
        reboots[vm] = told.count
    }

    /// Notes which VMs are here without an order.
    mutating func note(absent now: Set<ResourceID>, removed said: Set<ResourceID>, at instant: ContinuousClock.Instant)
    {
        removed = removed.union(said).intersection(now)
        absent = Dictionary(now.map { ($0, absent[$0] ?? instant) }) { $1 }
    }

    /// Whether a VM of which nothing is said may be removed.
    func mayRemove(_ vm: ResourceID, after absence: Duration, at now: ContinuousClock.Instant) -> Bool {
        removed.contains(vm) || absent[vm].map { $0 + absence <= now } ?? false
    }

    mutating func forget(where isOff: (ResourceID) -> Bool) {
        ending = ending.filter { !isOff($0.key) }
        rebooting = rebooting.filter { !isOff($0.key) }
    }

    func seen(
        _ orders: HostOrders, _ reboots: [ResourceID: UInt64], at now: ContinuousClock.Instant
    ) -> ComputeMemory {
        func grace(_ vm: ResourceID) -> Duration { .seconds(orders.machines[vm]?.graceSeconds ?? 0) }
        var memory = ComputeMemory(reboots: reboots)
        // Power that is wanted again ends the wait: the guest may have begun to end, and is then started again.
        for (vm, since) in ending where orders.machines[vm]?.power == .off {
            memory.ending[vm] = since + grace(vm) <= now
        }
        for (vm, told) in rebooting { memory.rebooting[vm] = told.since + grace(vm) <= now }
        return memory
    }

    func nextDue(
        _ orders: HostOrders?, absence: Duration, after now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        let told = ending.map { ($0.key, $0.value) } + rebooting.map { ($0.key, $0.value.since) }
        let graces = told.map { $0.1 + .seconds(orders?.machines[$0.0]?.graceSeconds ?? 0) }
        return (graces + absent.values.map { $0 + absence }).filter { $0 > now }.min()
    }
}
