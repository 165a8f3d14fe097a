package import Persistence

extension SQLiteStore {
    package func grantLease(ttl: Duration) async throws(StoreError) -> LeaseID {
        try StoreLimits.check(ttl: ttl)
        // Random, not counted: a lease of before a restore must not be taken for a new one.
        let lease = LeaseID(Int64.random(in: 1...Int64.max))
        _ = try await committer.perform(.grantLease(lease, ttl: ttl))
        leases.start(lease, ttl: ttl)
        return lease
    }

    package func renewLease(_ lease: LeaseID) async throws(StoreError) {
        guard leases.renew(lease) else { throw Self.notFound(lease, "renew lease") }
    }

    package func revokeLease(_ lease: LeaseID) async throws(StoreError) {
        guard leases.end(lease) else { throw Self.notFound(lease, "revoke lease") }
        do {
            _ = try await committer.perform(.endLease(lease))
        } catch {
            retryEnd(lease)
            throw error
        }
    }

    /// The time of `lease` is over: nobody can renew it any more, now its keys go.
    func endExpired(_ lease: LeaseID) {
        committer.submit(.endLease(lease)) { [weak self] result in
            guard case .failure = result else { return }
            self?.retryEnd(lease)
        }
    }

    /// A full disk must not leave the keys of a dead lease behind. Ends with the store.
    private func retryEnd(_ lease: LeaseID) {
        guard committer.isAccepting else { return }
        leases.retry { [weak self] in self?.endExpired(lease) }
    }

    private static func notFound(_ lease: LeaseID, _ operation: String) -> StoreError {
        StoreError(.leaseNotFound, operation: operation, cause: "lease \(lease.value) has ended or never was")
    }
}
