import Addressing
import NetworkModel
import NetworkPlanning
import Resources

extension Gateway {
    /// The IPv4 address for outgoing connections, out of the pool that `nat64` names; nil when it names none. It stays
    /// while the pool stays. Resolves the pool's reference.
    static func takeOutgoing(
        _ spec: inout Spec, over old: Resource<Gateway>?, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> IPv4Address? {
        let present = old?.assigned.outgoing
        guard var nat64 = spec.nat64, var pool = nat64.pool else {
            if let present { plan.delete(StoreLayout.ipv4(present)) }
            return nil
        }
        let item = try state.resolve(pool, as: Pool.self, in: nil, field: "spec.nat64.pool")
        pool = .id(item.id)
        nat64.pool = pool
        spec.nat64 = nat64
        if let present, old?.spec.nat64?.pool == pool { return present }
        if let present { plan.delete(StoreLayout.ipv4(present)) }
        var wanted: Reference<Pool>? = pool
        do throws(Problem) {
            return try state.takeIPv4(nil, &wanted, &plan)
        } catch {
            throw Problem(error.code, error.detail, field: "spec.nat64.pool", value: item.name.text, rule: error.rule)
        }
    }
}
