package import Logging
package import Persistence
package import Placement
package import Resources

/// Layer 6. The compute resources: what may be written, which host a VM is placed on, and why.
///
/// Reads come from a watch-fed cache; a write is planned against that cache in one short, synchronous step, committed to
/// the store as one transaction whose conditions say what the plan took for true, and planned again when another writer
/// was faster. A VM gets its place in the transaction that creates it. The service knows no HTTP, no credentials, no
/// store but the `Store` protocol, and of the network only what `NetworkDirectory` says.
package final class ComputeService: Sendable {
    package let store: any Store
    package let cache: ComputeCache
    let directory: any NetworkDirectory
    let settings: Settings
    let logger: Logger
    let quotaGates = QuotaGates()

    package struct Settings: Sendable {
        /// How many revisions of spec and metadata are kept of each resource. Default 50.
        package var historyLength: UInt64 = 50
        /// How often a write is planned again after another writer was faster. Default 64: of schedulers that want the
        /// same host one wins at a time.
        package var attempts = 64
        /// How long a write waits for this server's own cache to show it. Default 2 s.
        package var ownWriteWait: Duration = .seconds(2)
        /// How long a compute host counts as there after its agent's last word. Default 30 s: three of its renewals.
        package var hostLease: Duration = .seconds(30)
        /// The time, as resources and history show it.
        package var now: @Sendable () -> Timestamp = { Timestamp.now }

        package init() {}
    }

    /// - Parameter policy: which of the hosts that will do is taken.
    package init(
        store: any Store, directory: any NetworkDirectory, policy: PlacementPolicy = PlacementPolicy(.pack),
        settings: Settings = Settings(), logger: Logger
    ) {
        self.store = store
        self.directory = directory
        self.cache = ComputeCache(store: store, policy: policy, logger: logger)
        self.settings = settings
        self.logger = logger
    }
}
