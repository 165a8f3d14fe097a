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
    ) { (spec, Nothing()) }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Pool>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        guard spec.type == old.spec.type else {
            throw Problem(
                field: "spec.type", value: spec.type.rawValue,
                rule: "must stay '\(old.spec.type.rawValue)'; create another pool")
        }
        return (spec, Nothing())
    }

    static func release(_ old: Resource<Pool>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {}
}
