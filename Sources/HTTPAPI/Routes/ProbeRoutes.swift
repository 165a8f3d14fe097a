import HTTPServing
import Hummingbird
import NetworkService
import Resources

/// Diagnostic requests of a project. Who may change its attachments may ask about them; about hosts and what is the
/// cluster's, who has a role over all projects.
struct ProbeRoutes: Sendable {
    let service: NetworkService

    var routes: [Route] { [create, read, delete] }

    private var create: Route {
        Route(
            method: .post, path: "/v1/projects/{project}/probes", operation: "createProbe",
            summary: "Asks the hosts concerned; answers come in within seconds, and go a minute after the last.",
            access: .kind(.attachment, .update), body: .named("ProbeDraft"), status: .created, answer: .named("Probe")
        ) { request throws(Problem) in
            let draft: ProbeDraft
            do { draft = try ProbeDraft(json: try request.document()) } catch { throw Problem(reading: error) }
            let (json, revision) = try await service.makeProbe(
                project: request.value("project"), draft, by: request.principal, request.view)
            return .json(json, written: revision)
        }
    }

    private var read: Route {
        Route(
            method: .get, path: "/v1/projects/{project}/probes/{probe}", operation: "readProbe",
            summary: "Reads a probe with what hosts have answered so far.", access: .kind(.attachment, .read),
            parameters: [.minRevision, .consistent], answer: .named("Probe")
        ) { request throws(Problem) in
            .json(
                try await service.probe(
                    project: request.value("project"), request.value("probe"), by: request.principal, request.view))
        }
    }

    private var delete: Route {
        Route(
            method: .delete, path: "/v1/projects/{project}/probes/{probe}", operation: "deleteProbe",
            summary: "Ends a probe; its answers are gone.", access: .kind(.attachment, .update), status: .noContent
        ) { request throws(Problem) in
            try await service.endProbe(
                project: request.value("project"), request.value("probe"), by: request.principal)
            return .nothing()
        }
    }
}
