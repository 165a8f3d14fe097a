import Persistence

/// Which leases run until when. Lives in memory alone: renewing writes nothing, and a restarted store gives every lease
/// that it knows one more `ttl`, because it cannot tell how long it was away.
struct LeaseTable {
    /// The clock of the machine while it is awake: a laptop that slept does not end the leases of its own agents.
    typealias Clock = SuspendingClock

    private struct Lease {
        var ttl: Duration
        var deadline: Clock.Instant
    }

    private var leases: [LeaseID: Lease] = [:]

    func holds(_ lease: LeaseID, at now: Clock.Instant) -> Bool {
        leases[lease].map { $0.deadline > now } ?? false
    }

    mutating func start(_ lease: LeaseID, ttl: Duration, at now: Clock.Instant) {
        leases[lease] = Lease(ttl: ttl, deadline: now + ttl)
    }

    /// False when the lease has ended, though its keys may still be there.
    mutating func renew(_ lease: LeaseID, at now: Clock.Instant) -> Bool {
        guard let found = leases[lease], found.deadline > now else { return false }
        leases[lease]?.deadline = now + found.ttl
        return true
    }

    /// Forgets a lease; false when it was not known.
    mutating func end(_ lease: LeaseID) -> Bool { leases.removeValue(forKey: lease) != nil }

    /// Takes out the leases whose time is over.
    mutating func takeExpired(at now: Clock.Instant) -> [LeaseID] {
        let expired = leases.filter { $0.value.deadline <= now }.map(\.key)
        for lease in expired { leases[lease] = nil }
        return expired
    }

    var nextDeadline: Clock.Instant? { leases.values.map(\.deadline).min() }
}
