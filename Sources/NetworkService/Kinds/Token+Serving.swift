import NetworkModel
import Persistence
import Resources

/// A token gives at most what its maker has: the admin of a project gives roles in it, and who is admin over all projects
/// gives roles over all. A token makes and changes no tokens: what narrows it could be shed that way.
extension Token: ServedKind {
    static var tag: Kind { .token }
    static func wrap(_ resource: Resource<Token>) -> AnyResource { .token(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Token>? {
        if case .token(let token) = resource { token } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    ) {
        try requireMayGive(spec, plan)
        guard let digest = plan.tokenDigest else {
            throw Problem(
                field: "kind", value: kind.singular,
                rule: "must not be 'token' in a batch: its secret is shown once, in the answer to a request of its own")
        }
        plan.claim(StoreLayout.token(digest), for: plan.id)
        return (spec, Assigned(digest: digest))
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Token>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        try requireMayGive(spec, plan)
        return (spec, old.assigned)
    }

    static func release(_ old: Resource<Token>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        plan.delete(StoreLayout.token(old.assigned.digest))
    }

    private static func requireMayGive(_ spec: Spec, _ plan: WritePlan) throws(Problem) {
        if case .identity(let identity) = plan.principal, identity.isToken {
            throw Problem(.forbidden, "a token makes and changes no tokens: ask with another credential")
        }
        guard !spec.allProjects || plan.principal.roleEverywhere == .admin else {
            throw Problem(
                .forbidden, "only who is admin over all projects gives a role over all projects",
                field: "spec.allProjects", value: "true")
        }
        for (index, text) in spec.kinds.enumerated() where Kind(rawValue: text) == nil {
            throw Problem(
                field: "spec.kinds[\(index)]", value: text,
                rule: "must be one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }
}

extension CacheState {
    /// Finds who holds a token by its digest as long as it exists: made here, when it changes, and not with every request.
    mutating func indexToken(_ old: Item?, _ new: Item?) {
        if let token = old.flatMap({ Token.unwrap($0.resource) }) { tokens[token.assigned.digest] = nil }
        if let new, let token = Token.unwrap(new.resource) {
            tokens[token.assigned.digest] = Identity(token, in: new.projectID)
        }
    }
}

extension Identity {
    /// Who holds a token: as its resource says. nil for one that is in no project, or has a selector that is none.
    fileprivate init?(_ token: Resource<Token>, in project: ResourceID?) {
        guard let project else { return nil }
        let spec = token.spec
        // Written only after it was parsed.
        let selector = spec.selector.flatMap { try? Selector(parsing: $0) }
        guard (spec.selector == nil) == (selector == nil) else { return nil }
        let isNarrowed = !spec.verbs.isEmpty || !spec.kinds.isEmpty || selector != nil
        let scope = Scope(
            verbs: spec.verbs.isEmpty ? nil : Set(spec.verbs), kinds: spec.kinds.isEmpty ? nil : Set(spec.kinds),
            selector: selector)
        self.init(
            name: "token/\(token.metadata.name)",
            grants: spec.allProjects
                ? Grants(everywhere: spec.role) : Grants(projects: [project.description: spec.role]),
            scope: isNarrowed ? scope : nil, expires: spec.expires, isToken: true)
    }
}
