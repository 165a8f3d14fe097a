import HostState
import Logging
import NetworkModel
import Synchronization

/// Writes the snapshot to disk beside the hot path: the newest one, at most as often as its caller asks.
final class SnapshotKeeper: Sendable {
    private struct State {
        var latest: HostSnapshot?
        var kept: ContinuousClock.Instant?
        /// Why the last write failed.
        var failure: String?
    }

    private let files: AgentFiles
    private let retry: Duration
    private let state = Mutex(State())
    private let signal = Signal()

    /// - Parameter retry: after so long a write that failed is tried again.
    init(_ files: AgentFiles, retry: Duration) {
        self.files = files
        self.retry = retry
    }

    /// The last snapshot; nil when there is none, or none that can be used.
    /// - Throws: `FileError` when the state folder is not usable at all.
    func load(_ logger: Logger) async throws -> HostSnapshot? {
        let files = files
        let loaded = await files.queue.run {
            Result { () throws(FileError) in
                try files.state.make()
                return try files.state.snapshot.load()
            }
        }
        switch try loaded.get() {
        case .nothing:
            logger.info("no snapshot of an earlier agent; waiting for the API")
            return nil
        case .snapshot(let snapshot):
            logger.info(
                "starting from the last snapshot",
                metadata: [
                    "host": "\(snapshot.host.name)", "revision": "\(snapshot.revision)",
                    "attachments": "\(snapshot.attachments.count)",
                ])
            return snapshot
        case .setAside(let path, let reason):
            logger.error(
                "the last snapshot cannot be used; nothing is changed until the API answers",
                metadata: ["reason": "\(reason)", "kept": "\(path)"])
            return nil
        }
    }

    /// Whether the last one was handed over long enough ago.
    func isDue(after interval: Duration) -> Bool { due(after: interval) <= .now }

    func due(after interval: Duration) -> ContinuousClock.Instant {
        state.withLock { $0.kept.map { $0 + interval } ?? .now }
    }

    func keep(_ snapshot: HostSnapshot) {
        state.withLock { state in
            state.latest = snapshot
            state.kept = .now
        }
        signal.wake()
    }

    /// Writes until cancelled. What could not be written stays the newest until it is, or there is newer: a host that
    /// starts again while the API is away has nothing but the file.
    func run(_ board: StatusBoard, _ logger: Logger) async {
        for await _ in signal.wakeups {
            while await !flush(logger) {
                board.post(snapshotFailure: state.withLock { $0.failure })
                // The only error of a sleep is cancellation.
                do { try await Task.sleep(for: retry) } catch { return }
            }
            board.post(snapshotFailure: nil)
        }
    }

    /// Writes what is not written yet.
    /// - Returns: whether nothing is left to be written.
    @discardableResult func flush(_ logger: Logger) async -> Bool {
        guard let snapshot = state.withLock({ $0.latest.take() }) else { return true }
        let file = files.state.snapshot
        let result = await files.queue.run { Result { () throws(FileError) in try file.save(snapshot) } }
        switch result {
        case .success:
            let wasFailing = state.withLock { $0.failure.take() } != nil
            if wasFailing { logger.notice("the snapshot is written again") }
            return true
        case .failure(let error):
            // A full disk: the data path does not need the file now. Once in a row is enough to say it.
            let isNew = state.withLock { state in
                defer { state.failure = "\(error)" }
                state.latest = state.latest ?? snapshot
                return state.failure == nil
            }
            if isNew {
                logger.error("the snapshot could not be written; it is tried again", metadata: ["reason": "\(error)"])
            }
            return false
        }
    }
}
