package import Resources
import Synchronization

/// One creation at a time in each project with a quota, at this server: those that count at the same time would refuse
/// each other in the store, and plan again and again. Other servers' creations are refused there.
package final class QuotaGates: Sendable {
    /// Those who wait at a gate that is shut, in order; a gate that is open has no entry.
    private let waiting = Mutex<[ResourceID: [CheckedContinuation<Void, Never>]]>([:])

    package init() {}

    /// Runs `body` alone among those that are counted in the project.
    package func alone<Outcome: Sendable>(
        in project: ResourceID, _ body: () async throws(Problem) -> Outcome
    ) async throws(Problem) -> Outcome {
        await enter(project)
        defer { leave(project) }
        return try await body()
    }

    private func enter(_ project: ResourceID) async {
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

    private func leave(_ project: ResourceID) {
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
