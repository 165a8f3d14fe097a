package import Logging
package import Persistence
package import Resources

/// Layer 6. The network resources: what may be written, what is assigned, what each host gets.
///
/// Reads come from a watch-fed cache; a write is planned against that cache in one short, synchronous step, committed
/// to the store as one transaction whose conditions say what the plan took for true, and planned again when another
/// writer was faster. The service knows no HTTP, no credentials and no store but the `Store` protocol.
package final class NetworkService: Sendable {
    package let store: any Store
    package let cache: ResourceCache
    package let measures = StoreMeasures()
    let settings: Settings
    let quotaGates = QuotaGates()
    let logger: Logger

    package struct Settings: Sendable {
        /// How many revisions of spec and metadata are kept of each resource. Default 50.
        package var historyLength: UInt64 = 50
        /// How often a write is planned again after another writer was faster. Default 32.
        package var attempts = 32
        /// How long a write waits for this server's own cache to show it. Default 2 s.
        package var ownWriteWait: Duration = .seconds(2)
        /// How long a host counts as up after its last renewal. Default 10 s.
        package var leaseDuration: Duration = .seconds(10)
        /// The time, as resources and history show it.
        package var now: @Sendable () -> Timestamp = { Timestamp.now }

        package init() {}
    }

    package init(store: any Store, settings: Settings = Settings(), logger: Logger) {
        self.store = store
        self.cache = ResourceCache(store: store, logger: logger)
        self.settings = settings
        self.logger = logger
    }
}
