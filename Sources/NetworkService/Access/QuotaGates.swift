import NetworkModel
import Resources
import Synchronization

/// One creation at a time in each project with a quota, at this server: those that count at the same time would refuse
/// each other in the store, and plan again and again. Other servers' creations are refused there.
final class QuotaGates: Sendable {
    /// Those who wait at a gate that is shut, in order; a gate that is open has no entry.
    private let waiting = Mutex<[ResourceID: [CheckedContinuation<Void, Never>]]>([:])

    func enter(_ project: ResourceID) async {
        await withCheckedContinuation { continuation in
            let isFree = waiting.withLock { waiting in
                if waiting[project] == nil {
                    waiting[project] = []
                    return true
                }
                waiting[project]?.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func leave(_ project: ResourceID) {
        let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard let first = waiting[project]?.first else {
                waiting[project] = nil
                return nil
            }
            waiting[project]?.removeFirst()
            return first
        }
        next?.resume()
    }
}

extension NetworkService {
    /// Runs a creation, alone if its project has a quota.
    func counted<Outcome: Sendable>(
        in project: ResourceID?, _ body: () async throws(Problem) -> Outcome
    ) async throws(Problem) -> Outcome {
        let hasQuota = cache.state.withLock { state in
            project.flatMap { state.items[$0] }.flatMap { Project.unwrap($0.resource) }.map {
                $0.spec.quotas != Project.Quotas()
            } ?? false
        }
        guard hasQuota, let project else { return try await body() }
        await quotaGates.enter(project)
        defer { quotaGates.leave(project) }
        return try await body()
    }
}
