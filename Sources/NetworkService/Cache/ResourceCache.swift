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
    private let follower: StoreFollower
    private let gate = RevisionGate()
    private let logger: Logger
    let state = Mutex(CacheState())

    package init(store: any Store, logger: Logger) {
        follower = StoreFollower(store: store, prefix: StoreLayout.watched, logger: logger)
        self.logger = logger
    }

    /// Lists, then follows; lists again whenever the watch breaks. Ends by cancellation.
    package func run() async {
        await follower.run(
            takeList: { entries, first, last in
                change { $0.takeList(entries, from: first, to: last, logger: logger) }
            }, take: { batch in change { $0.take(batch, logger: logger) } },
            broken: {
                state.withLock { $0.isSynced = false }
                gate.close()
            })
    }

    private func change(_ take: (inout CacheState) -> Void) {
        let revision = state.withLock { state in
            take(&state)
            return state.revision
        }
        gate.open(to: revision)
    }

    package var revision: Revision { state.withLock(\.revision) }
    package var isSynced: Bool { state.withLock(\.isSynced) }

    /// Returns when the cache has `revision`; at once when it has it already.
    /// - Throws: a `timeout` problem after `limit`, or `CancellationError`.
    package func wait(for revision: Revision, limit: Duration = .seconds(5)) async throws {
        try await gate.wait(for: revision, limit: limit)
    }
}
