import NetworkModel
import Resources

extension Project: ServedKind {
    static var tag: Kind { .project }
    static func wrap(_ resource: Resource<Project>) -> AnyResource { .project(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Project>? {
        if case .project(let project) = resource { project } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) { (spec, Nothing()) }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Project>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        guard old.metadata.name != .standard || name == .standard else {
            throw Problem(field: "name", value: name.text, rule: "must stay 'default': this project always exists")
        }
        return (spec, Nothing())
    }

    static func release(_ old: Resource<Project>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        guard old.metadata.name != .standard else { throw Problem(.inUse, "the project 'default' always exists") }
        if let zone = state.names.zones.values.first(where: { zone in
            state.resource(zone, as: Zone.self)?.spec.projects.contains(.id(old.metadata.id)) ?? false
        }) {
            throw Problem(
                .inUse, "project '\(old.metadata.name)' is in the 'projects' of \(state.place(zone)); take it out first"
            )
        }
        let members = state.relations.membersOfProject[old.metadata.id] ?? 0
        guard members == 0 else {
            throw Problem(
                .inUse, "project '\(old.metadata.name)' still has \(members) resources; delete them first")
        }
    }
}

extension Name {
    /// The name of what exists from the first start: a project and the underlay.
    static var standard: Name { Name.constant("default") }

    /// A name written in this code.
    static func constant(_ text: StaticString) -> Name {
        guard let name = Name(text.description) else { preconditionFailure("'\(text)' is no name") }
        return name
    }
}
