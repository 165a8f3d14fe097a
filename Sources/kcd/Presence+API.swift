import NetworkService
import Persistence
import SystemService

extension Presence {
    /// That of the API; nil where no service manager asks to be told.
    static func of(_ service: NetworkService, listeners: Int) -> Presence? {
        ServiceManager().map { manager in
            Presence(manager, listeners: listeners) {
                // A store that refuses has answered: it is for people to mend, and a restart would mend nothing.
                do { _ = try await service.store.currentRevision() } catch {}
                return service.cache.isSynced
            }
        }
    }
}
