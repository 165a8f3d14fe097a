package import Logging
package import NetworkModel
package import Resources
import Synchronization

/// What this host's guests learned on its way to the API: the last list of each segment, all of them at most once in an
/// interval, and again after a failure.
package final class BindingOutbox: Sendable {
    private struct State {
        var waiting: [ResourceID: LearnedAddresses] = [:]
        var isOpen = false
    }

    private let state = Mutex(State())
    private let signal = Signal()
    private let sink: any BindingSink
    private let interval: Duration
    private let logger: Logger

    /// - Parameter interval: the API refuses a segment's lists that come faster.
    package init(_ sink: any BindingSink, interval: Duration, logger: Logger) {
        self.sink = sink
        self.interval = interval
        self.logger = logger
    }

    /// Replaces what waits for that segment.
    package func say(_ list: LearnedAddresses, of segment: ResourceID) {
        state.withLock { $0.waiting[segment] = list }
        signal.wake()
    }

    /// Whether the API speaks of this host; until then everything is kept.
    package func set(isOpen: Bool) {
        let wasOpen = state.withLock { state in
            defer { state.isOpen = isOpen }
            return state.isOpen
        }
        if isOpen, !wasOpen { signal.wake() }
    }

    package var isEmpty: Bool { state.withLock { $0.waiting.isEmpty } }

    /// Sends until cancelled.
    /// - Parameter answered: what the API did not grant of a segment's list; not called when it granted all.
    package func run(_ answered: @Sendable (ResourceID, [RefusedAddress]) -> Void) async {
        for await _ in signal.wakeups {
            while case let lists = take(), !lists.isEmpty {
                for (segment, list) in lists { await send(list, of: segment, answered) }
                // The only error of a sleep is cancellation, which ends the wakeups.
                do { try await Task.sleep(for: interval) } catch { return }
            }
        }
    }

    private func take() -> [ResourceID: LearnedAddresses] {
        state.withLock { state in
            guard state.isOpen else { return [:] }
            defer { state.waiting = [:] }
            return state.waiting
        }
    }

    private func send(
        _ list: LearnedAddresses, of segment: ResourceID, _ answered: @Sendable (ResourceID, [RefusedAddress]) -> Void
    ) async {
        do {
            let answer = try await sink.publish(list, of: segment)
            if !answer.refused.isEmpty { answered(segment, answer.refused) }
        } catch {
            // The segment is gone, or nothing of this host is on it, and there is nothing to give back.
            if list.count == 0, error.code == .refused || error.code == .unauthorized {
                logger.debug(
                    "learned addresses are refused", metadata: ["segment": "\(segment)", "reason": "\(error)"])
                return
            }
            logger.debug("learned addresses wait", metadata: ["segment": "\(segment)", "reason": "\(error)"])
            // Unless a newer list came meanwhile.
            state.withLock { if $0.waiting[segment] == nil { $0.waiting[segment] = list } }
        }
    }
}
