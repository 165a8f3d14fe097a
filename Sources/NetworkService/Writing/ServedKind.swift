import NetworkModel
import Resources

/// A kind with the rules of its writes.
///
/// All three verbs look only at the state they are given, add conditions and changes to the plan, and have no other
/// effect than taking values out of pools (which the plan remembers, to give them back when it fails).
protocol ServedKind: ResourceKind {
    static var tag: Kind { get }
    static func wrap(_ resource: Resource<Self>) -> AnyResource
    static func unwrap(_ resource: AnyResource) -> Resource<Self>?

    /// The spec with its references resolved, and what KC assigns.
    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    )
    /// The same for a change of `old`; `name` is the name it will have.
    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Self>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned)
    /// Refuses a deletion, or adds what goes with it.
    static func release(_ old: Resource<Self>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem)

    /// The spec as a tenant sees it: without what is the operator's.
    static func shown(_ spec: Spec) -> Spec
    /// A tenant's spec with what `shown` leaves out taken from the old one; refuses a tenant who sets that.
    static func completed(_ spec: Spec, over old: Spec?) throws(Problem) -> Spec
    /// Refuses a tenant's change or deletion of what reaches into hosts.
    static func requireTenants(_ spec: Spec) throws(Problem)
}

extension ServedKind {
    static func shown(_ spec: Spec) -> Spec { spec }
    static func completed(_ spec: Spec, over old: Spec?) throws(Problem) -> Spec { spec }
    static func requireTenants(_ spec: Spec) throws(Problem) {}
}
