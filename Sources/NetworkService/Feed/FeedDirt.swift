import Addressing
import NetworkModel
import Resources

/// What one follower of one host's desired state has not been told yet: names of things, not the things, so that any
/// number of changes between two updates cost one item.
struct FeedDirt {
    var everything = true
    var host = false
    var underlay = false
    var vteps = false
    var segments: Set<ResourceID> = []
    var attachments: Set<ResourceID> = []
    var gateways: Set<ResourceID> = []
    var policies: Set<ResourceID> = []
    var members: Set<ResourceID> = []
    /// By segment.
    var bindings: [ResourceID: Set<IPv6Address>] = [:]
    /// Segments whose whole table of bindings is new here.
    var tables: Set<ResourceID> = []
    var probes: Set<ResourceID> = []
    /// By segment.
    var reservations: [ResourceID: Set<ResourceID>] = [:]
    /// Segments whose reservations are all new here, or not needed any more.
    var reservationTables: Set<ResourceID> = []
    var zones: Set<ResourceID> = []
    /// By zone.
    var records: [ResourceID: Set<RecordSetKey>] = [:]
    /// Zones whose whole contents are new here.
    var zoneTables: Set<ResourceID> = []
    let signal: AsyncStream<Void>.Continuation

    init(signal: AsyncStream<Void>.Continuation) { self.signal = signal }

    var isClean: Bool {
        !everything && !host && !underlay && !vteps && segments.isEmpty && attachments.isEmpty && gateways.isEmpty
            && policies.isEmpty && members.isEmpty && bindings.isEmpty && tables.isEmpty && probes.isEmpty
            && reservations.isEmpty && reservationTables.isEmpty
            && zones.isEmpty && records.isEmpty && zoneTables.isEmpty
    }

    mutating func mark(_ change: (inout FeedDirt) -> Void) {
        change(&self)
        signal.yield()
    }

    /// Everything was told.
    mutating func clean() {
        self = FeedDirt(signal: signal)
        everything = false
    }
}

extension CacheState {
    mutating func mark(host: ResourceID, _ change: (inout FeedDirt) -> Void) {
        guard !isTrying, let numbers = feeds[host]?.keys else { return }
        for number in Array(numbers) { feeds[host]?[number]?.mark(change) }
    }

    mutating func markAll(_ change: (inout FeedDirt) -> Void) {
        guard !isTrying else { return }
        for host in Array(feeds.keys) { mark(host: host, change) }
    }
}
