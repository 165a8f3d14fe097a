import ServiceLifecycle
import Synchronization

/// Tells the service manager that a server serves (its listeners are open, and what it answers from is there) and, as long
/// as it answers at all, that it is alive.
package final class Presence: Service {
    private let manager: ServiceManager
    private let closed: Atomic<Int>
    private let ask: @Sendable () async -> Bool

    /// - Parameters:
    ///   - listeners: how many have to open.
    ///   - ask: returns if what the server stands on answers, with whether the server can serve.
    package init(_ manager: ServiceManager, listeners: Int, ask: @escaping @Sendable () async -> Bool) {
        self.manager = manager
        closed = Atomic(listeners)
        self.ask = ask
    }

    /// One listener more is open.
    package func opened() { closed.subtract(1, ordering: .relaxed) }

    package func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let serves = await self.ask()
                self.manager.alive()
                let isReady = self.closed.load(ordering: .relaxed) <= 0 && serves
                if isReady { self.manager.ready() }
                let pause: Duration = isReady ? self.manager.pulse ?? .seconds(3600) : .milliseconds(20)
                // The only error of a sleep is cancellation.
                do { try await Task.sleep(for: pause) } catch { break }
            }
        }
        manager.stopping()
    }
}
