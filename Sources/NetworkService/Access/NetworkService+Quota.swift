import NetworkModel
import Persistence
import Resources
import Synchronization

extension NetworkService {
    /// Runs a creation, alone if its project has a quota of the network's.
    func counted<Outcome: Sendable>(
        in project: ResourceID?, _ body: () async throws(Problem) -> Outcome
    ) async throws(Problem) -> Outcome {
        let hasQuota = cache.state.withLock { state in
            project.flatMap { state.items[$0] }.flatMap { Project.unwrap($0.resource) }?.spec.quotas.limitsNetwork
                ?? false
        }
        guard hasQuota, let project else { return try await body() }
        return try await quotaGates.alone(in: project, body)
    }
}
