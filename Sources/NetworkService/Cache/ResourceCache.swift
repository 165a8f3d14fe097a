package import Logging
package import Persistence
package import Resources
import Synchronization

/// All resources of the store in memory, fed by its watch.
///
/// The state is always that of one revision of the store or, while it lists, on the way to one (`isSynced` is false).
/// Concurrency: every method may be called from any task; the lock is held for lookups and for planning one write,
/// never over a suspension.
package final class ResourceCache: Sendable {
    private let store: any Store
    private let logger: Logger
    let state = Mutex(CacheState())

    package init(store: any Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Lists, then follows; lists again whenever the watch breaks. Ends by cancellation.
    package func run() async {
        var delay = Duration.milliseconds(50)
        while !Task.isCancelled {
            do {
                let revision = try await list()
                delay = .milliseconds(50)
                for try await batch in store.watch(StoreLayout.watched, after: revision) { apply(batch) }
            } catch {
                if Task.isCancelled { break }
                logger.warning("the cache lists again", metadata: ["reason": "\(error)"])
            }
            state.withLock { $0.isSynced = false }
            // Sleeping ends early only by cancellation, which ends the loop too.
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(5))
        }
    }

    /// The revision to watch from: that of the first page, since later pages may be newer.
    private func list() async throws -> Revision {
        var first: Revision?
        var entries: [StoreEntry] = []
        while true {
            let page = try await store.list(StoreLayout.watched, after: entries.last?.key, limit: 10_000)
            first = first ?? page.revision
            entries.append(contentsOf: page.entries)
            guard page.hasMore else {
                let revision = first ?? page.revision
                wake(
                    state.withLock { state in
                        state.takeList(entries, from: revision, to: page.revision, logger: logger)
                        return state.dueWaiters()
                    })
                return revision
            }
        }
    }

    private func apply(_ batch: StoreBatch) {
        wake(
            state.withLock { state in
                state.take(batch, logger: logger)
                return state.dueWaiters()
            })
    }

    private func wake(_ waiters: [CheckedContinuation<Void, any Error>]) {
        for waiter in waiters { waiter.resume() }
    }

    package var revision: Revision { state.withLock(\.revision) }
    package var isSynced: Bool { state.withLock(\.isSynced) }

    /// Returns when the cache has `revision`; at once when it has it already.
    /// - Throws: a `timeout` problem after `limit`, or `CancellationError`.
    package func wait(for revision: Revision, limit: Duration = .seconds(5)) async throws {
        if state.withLock({ $0.isSynced && $0.revision >= revision }) { return }
        do {
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
    }

    private func enqueue(_ revision: Revision) async throws {
        let number = state.withLock { $0.nextWaiter() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let isDue = state.withLock { $0.enqueue(number, revision, continuation) }
                if isDue { continuation.resume() }
                // A cancellation that came before the waiter stood in line found nothing to take out.
                if Task.isCancelled, let continuation = state.withLock({ $0.dequeue(number) }) {
                    continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            state.withLock { $0.dequeue(number) }?.resume(throwing: CancellationError())
        }
    }
}
