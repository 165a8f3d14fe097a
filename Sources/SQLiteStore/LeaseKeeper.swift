import Dispatch
import Persistence
import Synchronization

/// Watches over the leases of one store: one timer for the one that ends next, none when there are none.
final class LeaseKeeper: Sendable {
    private struct State {
        var table = LeaseTable()
        /// When the timer that runs will fire.
        var armed: LeaseTable.Clock.Instant?
        var onExpiry: (@Sendable (LeaseID) -> Void)?
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "kc.store.leases")

    /// Calls `onExpiry` for each lease that ends by time, on a thread of its own. Set once, before any lease.
    func start(_ leases: [(id: LeaseID, ttl: Duration)], onExpiry: @escaping @Sendable (LeaseID) -> Void) {
        state.withLock { $0.onExpiry = onExpiry }
        for lease in leases { start(lease.id, ttl: lease.ttl) }
    }

    /// No lease ends any more.
    func stop() {
        state.withLock { state in
            state.onExpiry = nil
            state.table = LeaseTable()
        }
    }

    func start(_ lease: LeaseID, ttl: Duration) {
        state.withLock { $0.table.start(lease, ttl: ttl, at: .now) }
        arm()
    }

    func renew(_ lease: LeaseID) -> Bool { state.withLock { $0.table.renew(lease, at: .now) } }
    func holds(_ lease: LeaseID) -> Bool { state.withLock { $0.table.holds(lease, at: .now) } }
    func end(_ lease: LeaseID) -> Bool { state.withLock { $0.table.end(lease) } }

    /// Calls `body` a second from now, for what could not be done just now.
    func retry(_ body: @escaping @Sendable () -> Void) { queue.asyncAfter(deadline: .now() + 1, execute: body) }

    /// Sets the timer if the next end is sooner than the one it is set for. A renewal only moves ends away: the timer
    /// then fires for nothing, and is set anew.
    private func arm() {
        let delay: Duration? = state.withLock { state in
            guard let next = state.table.nextDeadline, state.armed.map({ next < $0 }) ?? true else { return nil }
            state.armed = next
            return LeaseTable.Clock.now.duration(to: next)
        }
        guard let delay else { return }
        let milliseconds = Int(max(0, delay.milliseconds) + 1)
        queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in self?.expire() }
    }

    private func expire() {
        let (expired, onExpiry) = state.withLock { state in
            state.armed = nil
            return (state.table.takeExpired(at: .now), state.onExpiry)
        }
        for lease in expired { onExpiry?(lease) }
        arm()
    }
}
