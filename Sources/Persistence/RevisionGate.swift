package import Resources
import Synchronization

/// Lets those through who wait for what is in memory to have reached a revision.
package final class RevisionGate: Sendable {
    private struct State {
        /// nil while nothing is followed.
        var reached: Revision?
        var number: UInt64 = 0
        var waiters: [UInt64: (revision: Revision, continuation: CheckedContinuation<Void, any Error>)] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// What is in memory shows that revision; to be said after it does.
    package func open(to revision: Revision) {
        let due = state.withLock { state in
            state.reached = revision
            let due = state.waiters.filter { $0.value.revision <= revision }
            for number in due.keys { state.waiters[number] = nil }
            return due.values.map(\.continuation)
        }
        for waiter in due { waiter.resume() }
    }

    /// What is in memory may be old: everybody waits until it is opened again.
    package func close() { state.withLock { $0.reached = nil } }

    /// Returns when `revision` is reached; at once when it is already.
    /// - Throws: a `timeout` problem after `limit`, or `CancellationError`.
    package func wait(for revision: Revision, limit: Duration = .seconds(5)) async throws {
        if hasReached(revision) { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.enqueue(revision) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw Problem(.timeout, "revision \(revision) did not arrive within \(limit)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func hasReached(_ revision: Revision) -> Bool {
        state.withLock { $0.reached.map { $0 >= revision } ?? false }
    }

    private func enqueue(_ revision: Revision) async throws {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let isDue = state.withLock { state in
                    if let reached = state.reached, reached >= revision { return true }
                    state.waiters[number] = (revision, continuation)
                    return false
                }
                if isDue { continuation.resume() }
                // A cancellation that came before the waiter stood in line found nothing to take out.
                if Task.isCancelled { dequeue(number)?.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            dequeue(number)?.resume(throwing: CancellationError())
        }
    }

    private func dequeue(_ number: UInt64) -> CheckedContinuation<Void, any Error>? {
        state.withLock { $0.waiters.removeValue(forKey: number)?.continuation }
    }
}
