import NetworkModel
package import Persistence
package import Resources

/// How much of a resource somebody is shown.
package enum View: Hashable, Sendable {
    /// Everything but secrets.
    case full
    /// Without hosts, VTEPs, VNIs and what else a tenant has no use for.
    case tenant
}

/// What may be known, and what may be done: the one place that says so. Everything else asks here.
extension Principal {
    /// The role over all projects.
    package var roleEverywhere: Role? {
        switch self {
        case .administrator: .admin
        case .identity(let identity): identity.grants.everywhere
        case .host, .joining: nil
        }
    }

    /// The role in a project; nil for somebody who may not know that it exists.
    package func role(in project: Item) -> Role? {
        switch self {
        case .administrator: .admin
        case .identity(let identity): identity.grants.role(inProject: project.name, project.id)
        case .host, .joining: nil
        }
    }

    /// What is shown of a project's resources, or with nil of the cluster's.
    package func view(of project: Item?) -> View {
        if roleEverywhere != nil { return .full }
        return project.flatMap(role(in:)) == .consumer ? .full : .tenant
    }

    /// Whether the request may do this with resources of a kind of the cluster, or of that project.
    package func may(_ verb: Verb, _ kind: Kind, in project: Item? = nil) -> Bool {
        (scope?.verbs?.contains(verb) ?? true) && allows(verb, kind, in: project)
    }

    /// The same for a credential that is for any verb.
    private func allows(_ verb: Verb, _ kind: Kind, in project: Item?) -> Bool {
        guard scope?.kinds?.contains(kind.name.singular) ?? true else { return false }
        if kind.name.isInProject {
            guard let project, let role = role(in: project) else { return false }
            return Self.mayDo(verb, kind, as: role, view(of: project))
        }
        guard let role = roleEverywhere else { return verb == .read && kind.isSeenByTenants && isTenant }
        switch role {
        case .admin: return true
        case .operator: return verb == .read || kind == .zone
        case .viewer, .consumer: return verb == .read
        }
    }

    private static func mayDo(_ verb: Verb, _ kind: Kind, as role: Role, _ view: View) -> Bool {
        switch (kind, verb) {
        case (.token, _): role == .admin
        case (.service, .read): view == .full
        case (.service, _): role == .consumer || view == .full && (role == .operator || role == .admin)
        case (_, .read): true
        case (.attachment, _): role != .viewer
        default: role == .operator || role == .admin
        }
    }

    /// Whether the request may do this with what concerns all projects and is no resource: metrics, probes, moves.
    package func mayEverywhere(_ verb: Verb) -> Bool {
        guard let role = roleEverywhere else { return false }
        if let scope {
            guard scope.kinds == nil, scope.selector == nil, scope.verbs?.contains(verb) ?? true else { return false }
        }
        return verb == .read || role == .operator || role == .admin
    }

    /// Where the frames of an attachment that he may write can be captured by him.
    var capturePoints: [CapturePoint] { mayEverywhere(.create) ? CapturePoint.allCases : CapturePoint.ofTenants }

    /// Whether the resource may be known of. Of the cluster's kinds a tenant sees its projects and the zones given to
    /// them; a credential with a selector sees what that matches.
    func sees(_ item: Item, _ state: CacheState) -> Bool {
        if let selector = scope?.selector, !selector.matches(item.resource.metadata.labels) { return false }
        if let id = item.projectID {
            guard let project = state.items[id] else { return false }
            return allows(.read, item.resource.kind, in: project)
        }
        guard allows(.read, item.resource.kind, in: nil) else { return false }
        guard roleEverywhere == nil else { return true }
        switch item.resource {
        case .project: return role(in: item) != nil
        case .zone(let zone):
            return zone.spec.projects.isEmpty
                || zone.spec.projects.contains { $0.id.flatMap { state.items[$0] }.flatMap(role(in:)) != nil }
        default: return false
        }
    }

    /// Whether a refusal may name the resource: who holds what a request wanted.
    func isToldOf(_ item: Item, _ state: CacheState) -> Bool {
        if case .identity = self { sees(item, state) } else { true }
    }

    /// Whether a project may stand in the path of a request about what it has.
    func isToldOf(_ project: Item, inPath: Bool) -> Bool {
        if case .identity = self { role(in: project) != nil } else { true }
    }

    /// What narrows the credential; nil when nothing does.
    var scope: Identity.Scope? { if case .identity(let identity) = self { identity.scope } else { nil } }

    /// Somebody with roles in some projects and none over all.
    var isTenant: Bool { if case .identity(let identity) = self { identity.grants.everywhere == nil } else { false } }
}

extension Kind {
    /// Of the cluster's kinds: some of them are a tenant's to know.
    fileprivate var isSeenByTenants: Bool { self == .project || self == .zone }
}
