import NetworkService
import Persistence
import ServiceLifecycle
import Synchronization

/// Tells the service manager that the API serves (its listeners are open and its cache follows the store) and, as long as
/// the store answers at all, that it is alive.
final class APIPresence: Service {
    private let manager: ServiceManager
    private let service: NetworkService
    private let closed: Atomic<Int>

    /// - Parameter listeners: how many have to open.
    init(_ manager: ServiceManager, service: NetworkService, listeners: Int) {
        self.manager = manager
        self.service = service
        closed = Atomic(listeners)
    }

    /// One listener more is open.
    func opened() { closed.subtract(1, ordering: .relaxed) }

    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // A store that refuses has answered: it is for people to mend, and a restart would mend nothing.
                do { _ = try await self.service.store.currentRevision() } catch {}
                self.manager.alive()
                let isReady = self.closed.load(ordering: .relaxed) <= 0 && self.service.cache.isSynced
                if isReady { self.manager.ready() }
                let pause: Duration = isReady ? self.manager.pulse ?? .seconds(3600) : .milliseconds(20)
                // The only error of a sleep is cancellation.
                do { try await Task.sleep(for: pause) } catch { break }
            }
        }
        manager.stopping()
    }
}
