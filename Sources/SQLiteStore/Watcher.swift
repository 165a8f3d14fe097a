import GRDB
import Persistence
import Resources
import Synchronization

/// One watch: reads the feed page by page at its consumer's pace, then gets what is committed while it waits.
///
/// The seam has no gap and no double: the watch is attached to the hub first, then reads on to the revision that the
/// hub had at that moment, and from the hub takes only what is behind the last page.
final class Watcher: Sendable {
    private enum Phase {
        case replaying
        /// Attached; the feed has still to be read up to this revision.
        case joining(until: Revision)
        case live
    }

    private struct State {
        var phase = Phase.replaying
        /// All up to here has been read from the feed.
        var cursor: Revision
        var replay: ArraySlice<StoreBatch> = []
        var live: ArraySlice<StoreBatch> = []
        var liveBytes = 0
        var failure: StoreError?
        var isCancelled = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private enum Step {
        case give(StoreBatch)
        case read(after: Revision)
        case fail(StoreError)
        case wait
        case end
    }

    private let prefix: StoreKey
    private let pool: DatabasePool
    private let hub: WatchHub
    private let bufferBytes: Int
    private let state: Mutex<State>

    init(_ prefix: StoreKey, after revision: Revision, pool: DatabasePool, hub: WatchHub, bufferBytes: Int) {
        self.prefix = prefix
        self.pool = pool
        self.hub = hub
        self.bufferBytes = bufferBytes
        state = Mutex(State(cursor: revision))
    }

    deinit { hub.detach(ObjectIdentifier(self)) }

    /// The next batch; nil when the consumer is cancelled.
    func next() async throws -> StoreBatch? {
        try await withTaskCancellationHandler {
            while true {
                switch step() {
                case .give(let batch): return batch
                case .read(let revision):
                    do {
                        let page = try await pool.read { [prefix] db in
                            try ChangeFeed.page(prefix, after: revision, db)
                        }
                        take(page)
                    } catch is CancellationError {
                        return nil
                    } catch {
                        fail(StoreError(sqlite: error, operation: "watch"))
                    }
                case .fail(let error): throw error
                case .wait: await wait()
                case .end: return nil
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// A batch that was committed. Ends the watch when too much waits for its consumer.
    func offer(_ batch: StoreBatch) {
        var batch = batch
        if !batch.events.allSatisfy({ $0.key.hasPrefix(prefix) }) {
            batch.events.removeAll { !$0.key.hasPrefix(prefix) }
        }
        guard !batch.events.isEmpty else { return }
        let size = batch.events.reduce(0) { $0 + $1.size }
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.failure == nil, !state.isCancelled else { return nil }
            if state.live.isEmpty || state.liveBytes + size <= bufferBytes {
                state.live.append(batch)
                state.liveBytes += size
            } else {
                state.failure = StoreError(
                    .slowConsumer, operation: "watch",
                    cause: "\(state.live.count) batches of \(state.liveBytes) bytes waited, at most \(bufferBytes) may")
                state.live = []
            }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    func fail(_ error: StoreError) {
        let waiter = state.withLock { state in
            if state.failure == nil { state.failure = error }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    private func cancel() {
        let waiter = state.withLock { state in
            state.isCancelled = true
            state.live = []
            state.replay = []
            return state.waiter.take()
        }
        waiter?.resume()
    }

    private func step() -> Step {
        state.withLock { state in
            if state.isCancelled { return .end }
            if let batch = state.replay.popFirst() { return .give(batch) }
            if let failure = state.failure { return .fail(failure) }
            guard case .live = state.phase else { return .read(after: state.cursor) }
            while let batch = state.live.popFirst() {
                state.liveBytes -= batch.events.reduce(0) { $0 + $1.size }
                if batch.revision > state.cursor { return .give(batch) }
            }
            return .wait
        }
    }

    private func take(_ page: ChangeFeed.Page) {
        let isLast = state.withLock { state in
            state.replay = page.batches[...]
            state.cursor = page.next
            switch state.phase {
            case .replaying: return !page.hasMore
            case .joining(let revision):
                if page.next >= revision { state.phase = .live }
                return false
            case .live: return false
            }
        }
        guard isLast else { return }
        let published = hub.attach(self)
        state.withLock { state in
            state.phase = published <= state.cursor ? .live : .joining(until: published)
        }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.live.isEmpty, state.failure == nil, !state.isCancelled else { return true }
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}
