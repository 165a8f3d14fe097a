import NetworkPlanning
import Persistence
import Resources

/// How a batch sees its own operations before they are committed: they are made in the state itself, and taken back
/// before the lock is given up. A copy would cost as much as all resources; this costs as much as the batch.
extension CacheState {
    /// Runs `body`, then takes back everything that it tried out, so that only what the plan took out of pools is left.
    mutating func trying<Outcome>(
        _ plan: inout WritePlan, _ body: (inout WritePlan, inout CacheState) throws(Problem) -> Outcome
    ) throws(Problem) -> Outcome {
        isTrying = true
        defer {
            while let (old, new) = tried.popLast() { exchange(new, old) }
            isTrying = false
            for value in plan.taken {
                switch value {
                case .vni(let vni): vnis.take(vni)
                case .prefix(let prefix): prefixes.take(prefix)
                case .mac(let mac): macs.take(mac)
                case .ipv4(let address): ipv4s.take(address)
                case .delegated(let prefix): delegations.take(prefix)
                }
            }
        }
        return try body(&plan, &self)
    }

    /// Makes the change that an operation planned visible to the next one.
    mutating func tryOut(_ effect: WritePlan.Effect) {
        let new = effect.new.map { new in
            Item(
                resource: new.resource, projectID: effect.projectID,
                created: effect.old?.order.created ?? Revision(revision.value + 1), status: Item.Status())
        }
        exchange(effect.old, new)
        tried.append((effect.old, new))
    }

    /// What a plan is about to put need not be parsed again when the watch brings it.
    mutating func expect(_ effects: [WritePlan.Effect]) {
        expected.reserveCapacity(expected.count + effects.count)
        for effect in effects {
            guard let new = effect.new else { continue }
            expected[effect.key] = Expected(
                resource: new.resource, projectID: effect.projectID, stored: new.stored)
        }
    }

    mutating func expectNoLonger(_ effects: [WritePlan.Effect]) {
        for effect in effects { expected[effect.key] = nil }
    }
}
