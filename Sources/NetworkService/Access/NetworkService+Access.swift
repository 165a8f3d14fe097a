import NetworkModel
package import Persistence
package import Resources
import Synchronization

/// What a request may do, before anything of it is done. A read asks here; a write is judged again in its plan, on the
/// state that it is committed against.
extension NetworkService {
    /// Lets a request with that verb on a kind through, or says why not: what somebody may not know of is not found, in
    /// the words for what does not exist; what is known and not allowed is forbidden.
    /// - Parameters: `project` is a name or an id, for a kind that lives in one; `item` likewise, for a request about one
    ///   resource.
    @discardableResult
    package func admit(
        _ principal: Principal, to verb: Verb, _ kind: Kind, project: String? = nil, item: String? = nil
    ) async throws(Problem) -> Admission {
        if case .administrator = principal { return Admission(view: .full) }
        guard case .identity = principal else { throw Problem.forbidden(principal, verb, kind) }
        if !cache.isSynced { try await self.await(.any) }
        return try cache.state.withLock { state throws(Problem) in
            var owner: Item?
            if kind.name.isInProject {
                guard let found = state.item(.project, project: nil, project ?? ""), principal.role(in: found) != nil
                else { throw Problem.noProject(String((project ?? "").prefix(64))) }
                owner = found
            }
            var admission = Admission(view: principal.view(of: owner))
            if let item {
                // A create's item is not there yet; all others must be known of first.
                guard let found = state.item(kind, project: owner?.id, item), principal.sees(found, state) else {
                    if kind.name.isInProject, !principal.may(.read, kind, in: owner) {
                        throw Problem.forbidden(principal, verb, kind)
                    }
                    throw Problem.nothing(kind, item, project: project)
                }
                admission.item = found
            }
            guard principal.may(verb, kind, in: owner) else { throw Problem.forbidden(principal, verb, kind) }
            return admission
        }
    }

    /// What somebody is shown of a kind (in a project).
    package func view(_ principal: Principal, project: String?) -> View {
        if case .administrator = principal { return .full }
        return cache.state.withLock { state in
            principal.view(of: project.flatMap { state.item(.project, project: nil, $0) })
        }
    }

    /// What somebody is shown of one resource.
    package func view(_ principal: Principal, of item: Item) -> View {
        if case .administrator = principal { return .full }
        return cache.state.withLock { state in principal.view(of: item.projectID.flatMap { state.items[$0] }) }
    }

    /// Whether somebody may know of a resource.
    package func isShown(_ item: Item, to principal: Principal) -> Bool {
        if case .administrator = principal { return true }
        return cache.state.withLock { principal.sees(item, $0) }
    }

    /// Who holds the token with that digest: as its resource says now. nil when it was deleted or has expired.
    package func identity(ofToken digest: String, now: Timestamp) -> Identity? {
        guard let identity = cache.state.withLock({ $0.tokens[digest] }) else { return nil }
        if let expires = identity.expires, expires <= now { return nil }
        return identity
    }
}

/// What a request was let in to, as it was then.
package struct Admission: Sendable {
    package var view: View
    /// What its path names; nil when that was not looked up.
    package var item: Item?

    package init(view: View, item: Item? = nil) {
        self.view = view
        self.item = item
    }
}

extension Problem {
    static func nothing(_ kind: Kind, _ item: String, project: String?) -> Problem {
        let place = project.map { " in project '\($0.prefix(64))'" } ?? ""
        return Problem(.notFound, "there is no \(kind.name) '\(item.prefix(64))'\(place)")
    }

    static func forbidden(_ principal: Principal, _ verb: Verb, _ kind: Kind) -> Problem {
        Problem(.forbidden, "\(principal) may not \(verb.rawValue) \(kind.name.plural) here; ask for a role that may")
    }
}
