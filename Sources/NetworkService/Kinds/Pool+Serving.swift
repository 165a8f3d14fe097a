import Addressing
import NetworkModel
import Resources

/// A pool may be changed or deleted while values of it are held: holders keep what they have (uniqueness is by holder,
/// not by pool) and nothing further is given out of it. So an operator can move to another range at once.
extension Pool: ServedKind {
    static var tag: Kind { .pool }
    static func wrap(_ resource: Resource<Pool>) -> AnyResource { .pool(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Pool>? {
        if case .pool(let pool) = resource { pool } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) {
        try requireUsable(spec, state)
        try requireDisjoint(spec, plan.id, state)
        return (spec, Nothing())
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Pool>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        guard spec.type == old.spec.type else {
            throw Problem(
                field: "spec.type", value: spec.type.rawValue,
                rule: "must stay '\(old.spec.type.rawValue)'; create another pool")
        }
        if spec != old.spec { try requireUsable(spec, state) }
        try requireDisjoint(spec, plan.id, state)
        return (spec, Nothing())
    }

    static func release(_ old: Resource<Pool>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {}

    private static func requireUsable(_ spec: Spec, _ state: CacheState) throws(Problem) {
        guard let networks = spec.networks else { return }
        try requireUsablePrefix(networks)
        guard let (prefix, gateway) = state.translation(inside: networks) else { return }
        throw Problem(
            field: "spec.prefix", value: networks.description,
            rule: "must not have \(prefix) in it, where \(state.place(gateway)) shows the IPv4 world")
    }

    /// The same /64 is either a segment's or behind a router.
    private static func requireDisjoint(_ spec: Spec, _ id: ResourceID, _ state: CacheState) throws(Problem) {
        guard let prefix = spec.networks else { return }
        for other in state.all(Pool.self) where other.metadata.id != id && other.spec.type != spec.type {
            guard let range = other.spec.networks, range.overlaps(prefix) else { continue }
            throw Problem(
                field: "spec.prefix", value: prefix.description,
                rule: "must not overlap \(range) of pool '\(other.metadata.name)', which is of type "
                    + "'\(other.spec.type.rawValue)'")
        }
    }
}
