import APIClient
import HostState
package import Logging
import NetworkModel
import Resources
import ServiceLifecycle
import SystemService

/// Sees to it that this host has a certificate that the API takes, for as long as the agent runs: gets one where there is
/// none, renews it at about half of its life, and gets another one by the host's credential when the API refuses it.
///
/// Without one the agent goes on by its credential: nothing here is in the way of its work.
package struct CertificateKeeper: Service {
    private let certification: HostCertification
    private let pace: Pace
    private let logger: Logger

    /// How often it looks, and how long it waits after what went wrong.
    package struct Pace: Sendable {
        package var look = Duration.seconds(5)
        package var firstWait = Duration.seconds(30)
        package var longestWait = Duration.seconds(3600)

        package init() {}
    }

    package init(_ certification: HostCertification, pace: Pace = Pace(), logger: Logger) {
        self.certification = certification
        self.pace = pace
        self.logger = logger
    }

    package func run() async throws { await cancelWhenGracefulShutdown { await keep() } }

    /// Returns when cancelled.
    package func keep() async {
        var backoff = Backoff<Int>(first: pace.firstWait, limit: pace.longestWait)
        // Thousands of hosts that joined at once do not all renew at once.
        var share = Double.random(in: 0.4...0.6)
        // A clock that is wrong must not make every look a renewal.
        var earliest = ContinuousClock.now
        // What the API refuses at once it may refuse again.
        var again = ContinuousClock.now
        while !Task.isCancelled {
            let now = ContinuousClock.now
            let identity = certification.client.identity
            let isDue = identity.map { Self.isDue($0, share, .now) && now >= earliest } ?? (now >= again)
            if isDue, !backoff.isWaiting(0, at: now) {
                do {
                    let next = try await certification.renew()
                    logger.notice("the host has a new certificate", metadata: ["until": "\(next.ends)"])
                    backoff.succeeded(0)
                    again = now + pace.firstWait
                    share = .random(in: 0.4...0.6)
                    earliest = now + .milliseconds((next.ends.milliseconds - next.begins.milliseconds) / 3)
                } catch {
                    if Task.isCancelled { return }
                    complain(error, isFirst: backoff.failures(of: 0) == 0)
                    backoff.failed(0, at: now, jitter: .random(in: 0...1))
                }
            }
            // The only error of a sleep is cancellation, which the loop's condition sees.
            do { try await Task.sleep(for: pace.look) } catch {}
        }
    }

    private static func isDue(_ identity: ClientIdentity, _ share: Double, _ now: Timestamp) -> Bool {
        let life = Double(identity.ends.milliseconds - identity.begins.milliseconds)
        return Double(now.milliseconds - identity.begins.milliseconds) >= life * share
    }

    /// One line for each outage.
    private func complain(_ error: any Error, isFirst: Bool) {
        if let problem = error as? APIProblem, problem.status == 404 {
            logger.debug("the API gives no certificates to hosts; the credential stays", metadata: [:])
        } else {
            logger.log(
                level: isFirst ? .warning : .debug,
                "the host's certificate cannot be renewed; the agent proves itself by what it has",
                metadata: ["reason": "\(error)"])
        }
    }
}
