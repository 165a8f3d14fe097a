import Hummingbird
import NetworkService
import Resources

/// Diagnostic requests of a project.
struct ProbeRoutes: Sendable {
    let service: NetworkService

    var routes: [Route] { [create, read, delete] }

    private var create: Route {
        Route(
            method: .post, path: "/v1/projects/{project}/probes", operation: "createProbe",
            summary: "Asks the hosts concerned; answers come in within seconds, and go a minute after the last.",
            access: .cluster(.create), body: .named("ProbeDraft"), status: .created, answer: .named("Probe")
        ) { request throws(Problem) in
            let draft: ProbeDraft
            do { draft = try ProbeDraft(json: try request.document()) } catch { throw Problem(reading: error) }
            let (json, revision) = try await service.makeProbe(project: request.value("project"), draft)
            return .json(json, written: revision)
        }
    }

    private var read: Route {
        Route(
            method: .get, path: "/v1/projects/{project}/probes/{probe}", operation: "readProbe",
            summary: "Reads a probe with what hosts have answered so far.", access: .cluster(.read),
            parameters: [.minRevision, .consistent], answer: .named("Probe")
        ) { request throws(Problem) in
            .json(try await service.probe(project: request.value("project"), request.value("probe")))
        }
    }

    private var delete: Route {
        Route(
            method: .delete, path: "/v1/projects/{project}/probes/{probe}", operation: "deleteProbe",
            summary: "Ends a probe; its answers are gone.", access: .cluster(.delete), status: .noContent
        ) { request throws(Problem) in
            try await service.endProbe(project: request.value("project"), request.value("probe"))
            return .nothing()
        }
    }
}
