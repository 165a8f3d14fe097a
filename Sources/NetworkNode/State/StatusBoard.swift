import Glibc
import HostState
import Logging
import NetworkModel
import NetworkPlanning
import Resources
import Synchronization
import SystemService

/// What the agent shows of itself in its status file, kept apart from the loop.
final class StatusBoard: Sendable {
    private let status: Mutex<AgentStatus>

    init(endpoint: String, facts: HostFacts) {
        status = Mutex(
            AgentStatus(
                pid: getpid(), version: facts.version, started: .now,
                upstream: AgentStatus.Upstream(endpoint: endpoint)))
    }

    /// Whether the API speaks of this host now.
    var isConnected: Bool { status.withLock { $0.upstream.isConnected } }

    func post(isConnected: Bool, message: String?) {
        status.withLock { status in
            status.upstream.isConnected = isConnected
            status.upstream.message = message
        }
    }

    /// - Parameter snapshotFailure: why the last snapshot is not on disk; nil when it is.
    func post(snapshotFailure: String?) { status.withLock { $0.snapshotFailure = snapshotFailure } }

    func post(_ convergence: Convergence, hasUnsentReports: Bool) {
        status.withLock { status in
            status.upstream.hasUnsentReports = hasUnsentReports
            status.counters = convergence.counters
            guard let snapshot = convergence.snapshot else { return }
            status.host = snapshot.host
            status.revision = snapshot.revision
            status.segments = snapshot.segments.count
            status.attachments = snapshot.attachments.count
            status.gateways = snapshot.gateways.count
            status.phase = convergence.hostReport?.phase ?? .pending
            status.message = convergence.hostReport?.message
            status.troubles = convergence.troubles.prefix(AgentStatus.maximumTroubles).map { subject, trouble in
                AgentStatus.Trouble(
                    subject: subject.description, failures: convergence.retries.failures(of: subject),
                    message: trouble.message
                )
            }
        }
    }

    /// Writes the file when something changed, and every third time in any case, so that its age shows a dead agent.
    /// Ends by cancellation.
    func run(_ files: AgentFiles, every interval: Duration, _ logger: Logger) async {
        var written: AgentStatus?
        var age = 0
        var failed = false
        while !Task.isCancelled {
            let current = status.withLock { $0 }
            if current != written || age >= 2 {
                let path = files.status
                let result = await files.queue.run {
                    Result { () throws(FileError) in
                        // In a run folder: nothing to keep over a power loss.
                        try AtomicFile.write(current.json, to: path, mode: 0o644, durable: false)
                    }
                }
                if case .failure(let error) = result, !failed {
                    failed = true
                    logger.error("the status file cannot be written", metadata: ["reason": "\(error)"])
                }
                if case .success = result { failed = false }
                written = current
                age = 0
            } else {
                age += 1
            }
            // The only error of a sleep is cancellation.
            do { try await Task.sleep(for: interval) } catch { return }
        }
    }
}
