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

/// A resource as a client writes it.
struct Draft<Served: ServedKind>: Sendable {
    var name: Name
    var labels: Labels
    var annotations: Annotations
    var protected: Bool
    var spec: Served.Spec
    /// The revision the document carries, which a replacement must match.
    var revision: Revision?

    /// - Parameter old: the resource that is replaced; nil to create one. Only a replacement may carry the members that
    ///   a read gives: identity must match, `status` and times are passed over.
    init(_ node: JSONNode, over old: Metadata?) throws(FieldError) {
        var reader = try FieldReader(node, path: "")
        if let kind = try reader.optional("kind", as: String.self), kind != Served.kind.singular {
            throw FieldError(field: "kind", value: kind, rule: "must be '\(Served.kind)' here")
        }
        if let old {
            if let id = try reader.optional("id", as: ResourceID.self), id != old.id {
                throw FieldError(field: "id", value: id.description, rule: "must be \(old.id), which never changes")
            }
            if let project = try reader.optional("project", as: Name.self), project != old.project {
                throw FieldError(
                    field: "project", value: project.text,
                    rule: old.project.map { "must be '\($0)', which never changes" } ?? "must be absent")
            }
            revision = try reader.optional("revision")
            for ignored in ["generation", "created", "updated", "status"] { _ = reader.node(ignored) }
        }
        name = try reader.required("name")
        labels = try reader.optional("labels") ?? Labels()
        annotations = try reader.optional("annotations") ?? Annotations()
        protected = try reader.optional("protected") ?? false
        spec = try reader.required("spec")
        try reader.finish()
    }

    init(restoring resource: Resource<Served>) {
        name = resource.metadata.name
        labels = resource.metadata.labels
        annotations = resource.metadata.annotations
        protected = resource.metadata.protected
        spec = resource.spec
    }
}
