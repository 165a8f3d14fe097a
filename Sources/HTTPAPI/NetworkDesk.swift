package import HTTPServing
package import HTTPTypes
package import NetworkService
package import Persistence
package import Resources

/// Who is let in to the network's API, and to what.
package struct NetworkDesk: ServedService {
    let service: NetworkService
    let checker: any Checker

    /// Who may call a route.
    package enum Access: Sendable {
        case anyone
        /// Whoever has proved who he is.
        case authenticated
        /// Who is admin over all projects.
        case administrator
        /// Who has a role over all projects that shows what concerns them all, or (for other verbs) changes it.
        case cluster(Verb)
        /// Who may do that with the kind in the project of the path, and know of its item if the path names one.
        case kind(Kind, Verb)
        /// Each operation of a batch is judged by itself.
        case eachOperation
        /// The host that the path names, and the administrator.
        case hostItself
        /// The holder of a join token, and the administrator.
        case joining
    }

    package var challenges: [String] { checker.challenges }

    package func isForAnyone(_ access: Access) -> Bool { if case .anyone = access { true } else { false } }

    package func authenticate(_ request: CheckedRequest, _ headers: HTTPFields) async throws(Problem) -> Principal {
        if request.authorization == nil, request.certificates == nil {
            switch request.peer {
            case .unix(userID: 0): return .administrator(via: "root@unix")
            case .unix(let user):
                throw Problem(
                    .forbidden,
                    "user \(user) is not root: run as root, or send a token in 'Authorization: Bearer <token>'")
            case .tcp: throw Problem(.unauthenticated, "send a token in 'Authorization: Bearer <token>'")
            }
        }
        let verdict: Verdict
        do { verdict = try await checker.check(request, now: .now) } catch { throw Problem(error) }
        switch verdict {
        case .allow(let principal):
            if case .host(let id) = principal, service.cache.isSynced, service.cache.item(.host, id) == nil {
                throw Problem(.unauthenticated, "the host of this credential was deleted")
            }
            return principal
        case .token(let digest):
            if !service.cache.isSynced { try await service.await(.any) }
            guard let identity = service.identity(ofToken: digest, now: .now) else {
                throw Problem(.unauthenticated, "the token is not known, or no longer")
            }
            return .identity(identity)
        case .deny(let reason): throw Problem(.unauthenticated, reason)
        case .wait(let seconds):
            var problem = Problem(
                .rateLimited, "too many wrong credentials came before; try again in \(seconds) s")
            problem.retryAfterSeconds = seconds
            throw problem
        case .busy(let seconds):
            var problem = Problem(
                .rateLimited, "as many are proving who they are as are checked at once; try again in \(seconds) s")
            problem.retryAfterSeconds = seconds
            throw problem
        case .pass where request.authorization == nil:
            throw Problem(
                .unauthenticated,
                "the certificate of this connection is of no authority that is trusted here: send a token in "
                    + "'Authorization: Bearer <token>', or connect with another certificate")
        case .pass: throw Problem(.unauthenticated, "the Authorization header is of no kind that is taken here")
        }
    }

    package func admit(
        _ principal: Principal, to access: Access, _ values: RouteValues
    ) async throws(Problem) -> Admission {
        switch (access, principal) {
        case (.anyone, _), (.authenticated, _), (_, .administrator): break
        case (.joining, .joining): break
        case (.kind(let kind, let verb), _):
            return try await service.admit(principal, to: verb, kind, project: values["project"], item: values["item"])
        case (.cluster(let verb), _) where principal.mayEverywhere(verb): break
        case (.administrator, _) where principal.mayEverywhere(.create) && principal.roleEverywhere == .admin: break
        case (.eachOperation, .identity): break
        case (.hostItself, .host(let id)):
            if values["host"] == id.description { break }
            if let item = service.cache.item(.host, id), item.name.text == values["host"] { break }
            throw Problem(.forbidden, "a host may speak for itself alone")
        default:
            throw Problem(.forbidden, "\(principal) may not do this; ask the administrator")
        }
        return Admission(view: service.view(principal, project: values["project"]))
    }

    package func await(_ freshness: Freshness) async throws(Problem) { try await service.await(freshness) }

    package func renewed(_ admission: Admission) -> Admission { Admission(view: admission.view) }
}

typealias Route = HTTPServing.Route<NetworkDesk>
typealias RouteRequest = HTTPServing.RouteRequest<NetworkDesk>

extension HTTPServing.RouteRequest<NetworkDesk> {
    /// How much of what the path names is shown.
    var view: View { admission.view }
    /// What the path names, when it was looked up to let the request in and is new enough; nil otherwise.
    var found: Item? { admission.item }
}
