import Logging
package import Persistence
import Placement
package import Resources
import Synchronization

/// All compute resources of the store in memory, fed by its watch.
///
/// Concurrency: every method may be called from any task; the lock is held for lookups and for planning one write, never
/// over a suspension.
package final class ComputeCache: Sendable {
    private let follower: StoreFollower
    private let gate = RevisionGate()
    private let logger: Logger
    let state: Mutex<ComputeState>

    init(store: any Store, policy: PlacementPolicy, logger: Logger) {
        follower = StoreFollower(store: store, prefix: ComputeLayout.watched, logger: logger)
        state = Mutex(ComputeState(policy))
        self.logger = logger
    }

    /// Lists, then follows; lists again whenever the watch breaks. Ends by cancellation.
    package func run() async {
        await follower.run(
            takeList: { entries, first, last in
                change { $0.takeList(entries, from: first, to: last, logger: logger) }
            }, take: { batch in change { $0.take(batch, logger: logger) } }, broken: { gate.close() })
    }

    private func change(_ take: (inout ComputeState) -> Void) {
        let revision = state.withLock { state in
            take(&state)
            state.signal()
            return state.revision
        }
        gate.open(to: revision)
    }

    package var revision: Revision { state.withLock(\.revision) }

    /// Returns when the cache has `revision`; at once when it has it already.
    /// - Throws: a `timeout` problem after `limit`, or `CancellationError`.
    package func wait(for revision: Revision, limit: Duration = .seconds(5)) async throws {
        try await gate.wait(for: revision, limit: limit)
    }

    package func item(_ kind: ComputeKind, _ id: ResourceID) -> ComputeItem? {
        state.withLock { $0.item(kind, id) }
    }

    // MARK: following

    /// Yields once, and again whenever something may have changed. Ends with `endAllStreams`.
    package func signals() -> AsyncStream<Void> {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            if state.isStopping { continuation.finish() }
            return state.follow(continuation)
        }
        continuation.onTermination = { _ in self.state.withLock { $0.unfollow(number) } }
        continuation.yield()
        return signals
    }

    /// The changes after a revision, at most `limit`; nil when some of them are forgotten.
    package func changes(from place: UInt64, limit: Int = 256) -> ArraySlice<ComputeChange>? {
        state.withLock { $0.log.read(from: place, limit: limit) }
    }

    /// The place in the log of the first change after `revision`; nil when that is too long ago.
    package func place(after revision: Revision) -> (place: UInt64?, oldest: Revision) {
        state.withLock { ($0.log.sequence(after: revision), $0.log.floor) }
    }

    /// What a list shows now, and the place in the log of the first change after it.
    package func beginning(_ kind: ComputeKind, project: ResourceID?) -> (
        items: [ComputeItem], place: UInt64, revision: Revision
    ) {
        state.withLock { ($0.all(kind, project: project), $0.log.end, $0.revision) }
    }

    /// Ends all followers: the server stops.
    package func endAllStreams() {
        let followers = state.withLock { $0.stop() }
        for follower in followers { follower.finish() }
    }
}

/// One change of one resource, of its spec, metadata or status.
package typealias ComputeChange = LoggedChange<ComputeItem>
