package import Persistence
package import Resources
import Synchronization

/// One reader of the cache's changes, with its own place in the log.
package final class ChangeFollower: Sendable {
    /// Yields when there may be more to read; finishes when the server stops.
    package let signal: AsyncStream<Void>
    private let number: UInt64
    private let cache: ResourceCache

    package init(cache: ResourceCache) {
        let (signal, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.signal = signal
        self.cache = cache
        number = cache.state.withLock { state in
            let number = state.nextNumber()
            if state.isStopping { continuation.finish() }
            state.followers[number] = continuation
            return number
        }
    }

    /// Makes `signal` yield without a change: for what is due by time.
    package func poke() { cache.state.withLock { _ = $0.followers[number]?.yield() } }

    package func close() { cache.state.withLock { $0.followers.removeValue(forKey: number) }?.finish() }

    /// An answer that nobody takes (to HEAD, or to a connection that has just ended) never runs to its end.
    deinit { close() }
}

/// Some changes, and where to read on.
package struct ChangeBatch: Sendable {
    package var changes: ArraySlice<Change>
    /// The place of the change after these.
    package var next: UInt64
    /// What the cache shows: with no changes left, everything up to here has been read.
    package var revision: Revision
}

extension ResourceCache {
    /// The changes from a place on; nil when the log has forgotten some of them.
    package func changes(from place: UInt64, limit: Int = 256) -> ChangeBatch? {
        state.withLock { state in
            guard let changes = state.log.read(from: place, limit: limit) else { return nil }
            return ChangeBatch(changes: changes, next: place + UInt64(changes.count), revision: state.revision)
        }
    }

    /// The place of the first change after `revision`; nil when that is too long ago.
    package func place(after revision: Revision) -> (place: UInt64?, oldest: Revision) {
        state.withLock { ($0.log.sequence(after: revision), $0.log.floor) }
    }

    /// What a list shows now, and the place in the log of the first change after it.
    package func beginning(_ kind: Kind, project: ResourceID?) -> (items: [Item], place: UInt64, revision: Revision) {
        state.withLock { state in
            let order = state.collections[CacheState.Scope(kind: kind, project: project)]?.order ?? []
            return (order.compactMap { state.items[$0.id] }, state.log.end, state.revision)
        }
    }

    /// Ends all followers and feeds: the server stops.
    package func endAllStreams() {
        state.withLock { state in
            state.isStopping = true
            for follower in state.followers.values { follower.finish() }
            for feed in state.feeds.values.joined() { feed.value.signal.finish() }
        }
    }
}

/// One change of one resource, of its spec, metadata or status.
package typealias Change = LoggedChange<Item>
