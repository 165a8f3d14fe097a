package import APIClient
package import ComputeModel
package import ComputeService
import NetworkModel
package import Resources
import Synchronization

/// Layer 6. What the compute service knows of the network, through the API that everybody has: which things there are, and
/// ports for VMs. To the network it is one client more.
///
/// Concurrency: any task.
package final class NetworkClient: NetworkDirectory, ProjectDirectory {
    let api: APIClient
    private let projects = Mutex<[String: (project: ProjectIdentity, until: ContinuousClock.Instant)]>([:])

    /// For so long a project counts as still there, still called so, and with the same quotas: it stands in the path of
    /// every request.
    private static let memory = Duration.seconds(2)
    /// Beyond this many all are forgotten.
    private static let maximumCount = 10_000

    package init(_ api: APIClient) { self.api = api }

    package func project(_ text: String) async throws(Problem) -> ProjectIdentity {
        let now = ContinuousClock.now
        if let known = projects.withLock({ $0[text] }), known.until > now { return known.project }
        let found = try await find("project", ["v1", "projects", text])
        let quotas: Quotas
        do { quotas = try found.spec?["quotas"].map { try Quotas(json: $0, path: "spec.quotas") } ?? Quotas() } catch {
            throw Problem(network: error)
        }
        let project = ProjectIdentity(id: found.id, name: found.name, quotas: quotas)
        projects.withLock { projects in
            if projects.count >= Self.maximumCount { projects = [:] }
            projects[text] = (project, now + Self.memory)
        }
        return project
    }

    package func host(_ reference: Reference<NetworkHost>) async throws(Problem) -> ResourceID {
        try await find("host", ["v1", "hosts", reference.description]).id
    }

    package func segment(
        _ reference: Reference<NetworkSegment>, of project: ProjectIdentity
    ) async throws(Problem) -> ResourceID {
        try await find("segment", ["v1", "projects", project.id.description, "segments", reference.description]).id
    }

    package func policy(
        _ reference: Reference<NetworkPolicy>, of project: ProjectIdentity
    ) async throws(Problem) -> Reference<NetworkPolicy> {
        if BuiltInPolicy(rawValue: reference.description) != nil { return reference }
        return .id(
            try await find(
                "policy", ["v1", "projects", project.id.description, "policies", reference.description]
            ).id)
    }

    package func attachment(
        _ reference: Reference<NetworkAttachment>, of project: ProjectIdentity
    ) async throws(Problem) -> ResourceID {
        try await find(
            "attachment", ["v1", "projects", project.id.description, "attachments", reference.description]
        ).id
    }

    private func find(_ what: String, _ path: [String]) async throws(Problem) -> ResourceDocument {
        let request = APIRequest(.get, path, query: [("consistent", "true")], timeout: .seconds(10))
        do {
            let node = try await api.send(request).json(of: request)
            return try ResourceDocument(node)
        } catch let problem as APIProblem where problem.status == 404 {
            throw Problem(
                .notFound, "there is no \(what) '\((path.last ?? "").prefix(64))'", field: what,
                value: String((path.last ?? "").prefix(64)),
                rule: "must be \(what == "attachment" ? "an" : "a") \(what) that exists: `kcnet \(what) list` has them")
        } catch { throw Problem(network: error) }
    }
}

extension Problem {
    /// The network's API did not do what the compute service needs of it.
    init(network error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let problem as APIProblem:
            self.init(.unavailable, "the network's API refuses the compute service: \(problem)")
        default: self.init(.unavailable, "the network's API does not answer the compute service: \(error)")
        }
    }
}
