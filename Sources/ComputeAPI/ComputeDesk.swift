package import ComputeModel
package import ComputeService
import Glibc
package import HTTPServing
package import HTTPTypes
package import Persistence
package import Resources

/// Who is let in to the compute API, and to what.
///
/// It hears only this machine: a peer at its Unix socket that the kernel says to be root or its own user. What such a peer
/// says of who asks is believed, since `kcd api` has checked it; nobody else can say it.
package struct ComputeDesk: ServedService {
    let service: ComputeService
    let projects: any ProjectDirectory

    /// Who may call a route. What is asked of one resource is judged by the service, which knows its labels.
    package enum Access: Sendable {
        case anyone
        case authenticated
        case kind(ComputeKind)
        /// The host that the path names, and the administrator.
        case hostItself
        /// KC's host that the path names, whether or not it is a compute host, and the administrator.
        case networkHost
        /// Who has a role over all projects.
        case cluster
    }

    /// What a request was let in to.
    package struct Admission: Sendable {
        package var view: ComputeView
        package var project: ProjectIdentity?
        /// The compute host of the path, for what hosts ask.
        package var computeHost: ResourceID?
        /// KC's host of the path, for what gateways ask.
        package var networkHost: Reference<NetworkHost>?
    }

    /// The kernel has said who is there: there is nothing to be shown.
    package var challenges: [String] { [] }

    package func isForAnyone(_ access: Access) -> Bool { if case .anyone = access { true } else { false } }

    package func authenticate(
        _ request: CheckedRequest, _ headers: HTTPFields
    ) async throws(Problem) -> Principal {
        guard case .unix(let user) = request.peer, user == 0 || user == geteuid() else {
            throw Problem(
                .forbidden, "this socket is for KC's own programs: ask the API of 'kcd api', which knows who you are")
        }
        let said = headers[values: PrincipalHeader.name]
        guard let text = said.first else { return .administrator(via: "root@unix") }
        guard said.count == 1 else { throw Problem(.malformed, "two headers say who asks") }
        return try PrincipalHeader.read(text)
    }

    package func admit(
        _ principal: Principal, to access: Access, _ values: RouteValues
    ) async throws(Problem) -> Admission {
        var admission = Admission(view: principal.view())
        switch access {
        case .anyone, .authenticated: break
        case .cluster:
            guard admission.view == .full else { throw refusal(principal) }
        case .kind(let kind):
            try requirePerson(principal)
            guard kind.name.isInProject else { return admission }
            admission.project = try await project(values["project"] ?? "", for: principal)
        case .networkHost: admission.networkHost = try networkHost(values["host"] ?? "", for: principal)
        case .hostItself: admission.computeHost = try computeHost(values["host"] ?? "", for: principal)
        }
        return admission
    }

    private func requirePerson(_ principal: Principal) throws(Problem) {
        switch principal {
        case .administrator, .identity: return
        case .host, .joining: throw refusal(principal)
        }
    }

    private func refusal(_ principal: Principal) -> Problem {
        Problem(.forbidden, "\(principal) may not do this; ask the administrator")
    }

    /// A project that somebody may not know of is not there, in the same words.
    private func project(_ text: String, for principal: Principal) async throws(Problem) -> ProjectIdentity {
        let nothing = Problem(.notFound, "there is no project '\(text.prefix(64))'")
        let project: ProjectIdentity
        do { project = try await projects.project(text) } catch {
            throw error.code == .notFound ? nothing : error
        }
        guard case .identity(let identity) = principal else { return project }
        guard identity.grants.role(inProject: project.name, project.id) != nil else { throw nothing }
        return project
    }

    private func networkHost(_ text: String, for principal: Principal) throws(Problem) -> Reference<NetworkHost> {
        guard let host = Reference<NetworkHost>(text) else {
            throw Problem(.notFound, "there is no host '\(text.prefix(64))'")
        }
        switch principal {
        case .administrator: return host
        case .host(let id):
            guard host.id == id else { throw Problem(.forbidden, "a host may speak for itself alone") }
            return host
        case .identity, .joining: throw refusal(principal)
        }
    }

    /// - Parameter text: KC's id of the host, or the name or id of the compute host.
    private func computeHost(_ text: String, for principal: Principal) throws(Problem) -> ResourceID {
        let found = ResourceID(text).flatMap { service.cache.computeHost(of: $0) } ?? service.cache.computeHost(text)
        switch principal {
        case .administrator: break
        case .host(let id):
            guard ResourceID(text) == id || found.map({ service.cache.host(of: $0.id) == id }) ?? false else {
                throw Problem(.forbidden, "a host may speak for itself alone")
            }
        case .identity, .joining: throw refusal(principal)
        }
        guard let found else {
            throw Problem(
                .notFound,
                "host \(text.prefix(64)) is no compute host: an administrator makes it one with "
                    + "'kc host create', or POST /compute/v1/compute-hosts")
        }
        return found.id
    }

    package func await(_ freshness: Freshness) async throws(Problem) { try await service.await(freshness) }

    package func renewed(_ admission: Admission) -> Admission { admission }
}

typealias Route = HTTPServing.Route<ComputeDesk>
typealias RouteRequest = HTTPServing.RouteRequest<ComputeDesk>
