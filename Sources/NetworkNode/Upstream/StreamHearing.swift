import Resources
import Synchronization

/// The `Hearing` that the stream and the renewals of the lease share.
final class StreamHearing: Sendable {
    private let state = Mutex(Hearing())
    private let patience: Duration

    /// - Parameter patience: for how long a revision may be missing.
    init(patience: Duration) { self.patience = patience }

    func begin() { state.withLock { $0.begin() } }
    func hear(_ revision: Revision) { state.withLock { $0.hear(revision) } }
    func learn(_ revision: Revision) { state.withLock { $0.learn(revision, at: .now) } }

    /// Waits until a revision has been missing for too long.
    /// - Returns: that revision.
    /// - Throws: `CancellationError`.
    func untilDeaf() async throws -> Revision {
        while true {
            try await Task.sleep(for: patience / 6)
            if let missing = state.withLock({ $0.missing(at: .now, patience: patience) }) { return missing }
        }
    }
}
