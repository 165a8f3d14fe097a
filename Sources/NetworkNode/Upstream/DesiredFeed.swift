import HostState
import Logging
import NetworkModel
import Resources
import Synchronization

/// Keeps one connection to the source of desired state open: connects, hands every update on, and connects again after
/// a jittered wait when it ends, for as long as the agent runs.
struct DesiredFeed: Sendable {
    let source: any DesiredSource
    let hearing: StreamHearing
    let firstWait: Duration
    let longestWait: Duration
    let logger: Logger
    let deliver: @Sendable (FeedEvent) -> Void

    /// How many reasons of one outage are worth a line.
    private static let mostReasons = 4

    enum FeedEvent: Sendable {
        case update(HostUpdate)
        /// The connection ended; why, in words.
        case lost(String)
    }

    /// Returns when cancelled.
    func run() async {
        var backoff = Backoff<Int>(first: firstWait, limit: longestWait)
        var told: Set<String> = []
        while !Task.isCancelled {
            let isFirst = Mutex(true)
            var reason = "the server ended the stream"
            do {
                if let missing = try await follow({ update in
                    if isFirst.withLock({ first in
                        defer { first = false }
                        return first
                    }) {
                        logger.info("connected to the API", metadata: ["revision": "\(update.revision)"])
                    }
                    deliver(.update(update))
                }) {
                    reason = "the stream is silent: it has not told revision \(missing), which the API has"
                }
            } catch { reason = "\(error)" }
            if !isFirst.withLock({ $0 }) { backoff.succeeded(0) }
            guard !Task.isCancelled else { return }
            // One line for each outage and for what comes to light while it lasts (that the server no longer knows the host,
            // say); the tries in between are only for those who look closer.
            if backoff.failures(of: 0) == 0 { told = [] }
            if told.count < Self.mostReasons, told.insert(reason).inserted {
                logger.warning("the API is away; the data path stays as it is", metadata: ["reason": "\(reason)"])
            } else {
                logger.debug("the API is still away", metadata: ["reason": "\(reason)"])
            }
            deliver(.lost(reason))
            let now = ContinuousClock.now
            backoff.failed(0, at: now, jitter: .random(in: 0...1))
            // The only error of a sleep is cancellation, which the loop's condition sees.
            do { try await Task.sleep(until: backoff.nextDue(after: now) ?? now, clock: .continuous) } catch {}
        }
    }

    /// - Returns: the revision that the stream owed when it was given up; nil when the server ended it.
    private func follow(_ deliver: @escaping @Sendable (HostUpdate) -> Void) async throws -> Revision? {
        hearing.begin()
        return try await withThrowingTaskGroup(of: Revision?.self) { group in
            group.addTask {
                try await source.follow { update in
                    hearing.hear(update.revision)
                    deliver(update)
                }
                return nil
            }
            group.addTask { try await hearing.untilDeaf() }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
