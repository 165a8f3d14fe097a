import HostState
import Logging
import NetworkModel
import Synchronization

/// Writes the snapshot to disk beside the hot path: the newest one, at most as often as its caller asks.
final class SnapshotKeeper: Sendable {
    private struct State {
        var latest: HostSnapshot?
        var kept: ContinuousClock.Instant?
        var failed = false
    }

    private let files: AgentFiles
    private let state = Mutex(State())
    private let signal = Signal()

    init(_ files: AgentFiles) { self.files = files }

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

    /// Writes until cancelled.
    func run(_ logger: Logger) async {
        for await _ in signal.wakeups { await flush(logger) }
    }

    /// Writes what is not written yet.
    func flush(_ logger: Logger) async {
        guard let snapshot = state.withLock({ $0.latest.take() }) else { return }
        let file = files.state.snapshot
        let result = await files.queue.run { Result { () throws(FileError) in try file.save(snapshot) } }
        switch result {
        case .success: state.withLock { $0.failed = false }
        case .failure(let error):
            // A full disk: the data path does not need the file now. Once in a row is enough to say it.
            let isNew = state.withLock { state in
                defer { state.failed = true }
                return !state.failed
            }
            if isNew { logger.error("the snapshot could not be written", metadata: ["reason": "\(error)"]) }
        }
    }
}
