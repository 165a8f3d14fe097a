package import APIClient
import HostState
package import Logging
import Synchronization

/// The reports on their way to the API: what is said goes out at once, together with whatever else was said meanwhile,
/// and again after a failure.
package final class Outbox: Sendable {
    private struct State {
        var book = ReportBook()
        var isOpen = false
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let sink: any ReportSink
    private let logger: Logger
    private let firstWait: Duration
    private let longestWait: Duration

    /// As many as the API takes in one request without holding up others.
    static let batch = 500

    package init(_ sink: any ReportSink, firstWait: Duration, longestWait: Duration, logger: Logger) {
        self.sink = sink
        self.firstWait = firstWait
        self.longestWait = longestWait
        self.logger = logger
    }

    package func say(_ reports: [ResourceReport]) {
        let isNew = state.withLock { state in
            reports.reduce(false) { isNew, report in state.book.say(report) || isNew }
        }
        if isNew { signal.wake() }
    }

    /// There is an API that speaks of this host. It may not know what another server, or the same one with another
    /// store, acknowledged earlier: everything is said again, and it drops what it has.
    package func open() {
        state.withLock { state in
            state.isOpen = true
            state.book.forgetAcknowledgements()
        }
        signal.wake()
    }

    /// Keeps everything until `open`.
    package func close() { state.withLock { $0.isOpen = false } }

    package var isEmpty: Bool { state.withLock { $0.book.isEmpty } }

    /// Sends until cancelled.
    package func run() async {
        var backoff = Backoff<Int>(first: firstWait, limit: longestWait)
        for await _ in signal.wakeups {
            while case let batch = next(), !batch.isEmpty {
                guard await send(batch) else {
                    let now = ContinuousClock.now
                    backoff.failed(0, at: now, jitter: .random(in: 0...1))
                    // The only error of a sleep is cancellation.
                    do { try await Task.sleep(until: backoff.nextDue(after: now) ?? now, clock: .continuous) } catch {
                        return
                    }
                    continue
                }
                backoff.succeeded(0)
            }
        }
    }

    private func next() -> [ResourceReport] {
        state.withLock { $0.isOpen ? $0.book.take(limit: Self.batch) : [] }
    }

    /// - Returns: false when nothing of the batch can be sent now.
    private func send(_ batch: [ResourceReport]) async -> Bool {
        do {
            try await sink.send(batch)
            state.withLock { $0.book.acknowledge(batch) }
            return true
        } catch {
            guard error.code == .refused else {
                logger.debug("reports wait", metadata: ["count": "\(batch.count)", "reason": "\(error)"])
                state.withLock { $0.book.requeue(batch) }
                return false
            }
            guard batch.count > 1 else {
                logger.error(
                    "the API refused a report; it is dropped",
                    metadata: ["subject": "\(batch[0].kind)/\(batch[0].id)", "reason": "\(error)"])
                state.withLock { $0.book.acknowledge(batch) }
                return true
            }
        }
        // One of them is refused; alone, the others still arrive.
        for (index, report) in batch.enumerated() {
            guard await send([report]) else {
                state.withLock { $0.book.requeue(Array(batch[(index + 1)...])) }
                return false
            }
        }
        return true
    }
}
