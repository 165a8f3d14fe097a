import HTTPTypes
import Hummingbird
import NIOCore
import NetworkService
import Persistence
import Resources

/// Who asks, and whether that may.
extension Responder {
    /// What the checker is shown.
    func checked(_ request: Request, _ path: String, _ match: RouteTable.Match) -> CheckedRequest {
        var project: String?
        if case .route(_, let values) = match { project = values["project"] }
        let origin = ConnectionOrigin.current
        let certificates = ConnectionOrigin.certificates
        return CheckedRequest(
            authorization: request.headers[.authorization], method: request.method.rawValue, path: path,
            project: project, peer: origin?.peer ?? .tcp(""), shown: origin?.shown,
            certificates: certificates.flatMap { $0.chain.isEmpty ? nil : $0 })
    }

    /// Who asks, unless too many were refused before him.
    func letIn(_ request: CheckedRequest, now: UInt64) async throws(Problem) -> Principal {
        try strangers.admit(request, now: now)
        do {
            let principal = try await authenticate(request)
            let origin = ConnectionOrigin.current
            if origin?.letIn.isNew(request.authorization) ?? true {
                strangers.letIn(request)
                origin?.place.letIn()
            }
            return principal
        } catch {
            if error.code == .unauthenticated { strangers.refused(request, now: now) }
            throw error
        }
    }

    func authenticate(_ request: CheckedRequest) async throws(Problem) -> Principal {
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
        case .pass where request.authorization == nil:
            throw Problem(
                .unauthenticated,
                "the certificate of this connection is of no authority that is trusted here: send a token in "
                    + "'Authorization: Bearer <token>', or connect with another certificate")
        case .pass: throw Problem(.unauthenticated, "the Authorization header is of no kind that is taken here")
        }
    }

    /// A stream ends soon after its client would no longer be let in as who it was: at most half a second for people and
    /// tokens, two for hosts, which are many.
    func whileLetIn(
        _ principal: Principal, _ request: CheckedRequest, _ channel: any Channel, _ source: @escaping EventSource
    ) -> EventSource {
        let interval: Duration
        switch principal {
        case .identity: interval = .milliseconds(500)
        case .host: interval = .seconds(2)
        case .administrator, .joining: return source
        }
        var request = request
        request.isOngoing = true
        return { [request] writer in
            try await withTicks(
                every: interval,
                {
                    // A store that does not answer takes nothing back.
                    do throws(Problem) {
                        if try await authenticate(request) == principal { return }
                    } catch { if error.code != .unauthenticated { return } }
                    channel.close(promise: nil)
                }, while: { try await source(&writer) })
        }
    }

    /// Lets the request through, with what it is shown and what its path names, if that had to be looked up.
    func authorize(
        _ principal: Principal, for route: Route, _ values: RouteValues
    ) async throws(Problem) -> Admission {
        switch (route.access, principal) {
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
}
