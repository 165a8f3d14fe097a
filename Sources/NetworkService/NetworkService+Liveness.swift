import Persistence
package import Resources
import Synchronization

extension NetworkService {
    /// An agent says that it is there. A write only when the host was not up; else a lease is renewed, which is none.
    ///
    /// The lease's id is in the store with its key, so that any server can renew what another one granted.
    package func renew(host: ResourceID) async throws(Problem) {
        // The agents' renewals are the clock of moves: they come as long as any host lives, at any server.
        await advanceMoves()
        if let known = cache.state.withLock({ $0.leases[host] }), try await isRenewed(known) { return }
        do {
            guard let item = cache.item(.host, host) else { throw Problem.gone(Kind.host.name, host) }
            let lease = try await store.grantLease(ttl: settings.leaseDuration)
            let outcome = try await store.commit(
                StoreTransaction(
                    conditions: [.exists(item.key)],
                    changes: [
                        .put(StoreLayout.lease(host), [], lease: lease),
                        .put(StoreLayout.seen(host), Array(settings.now().description.utf8)),
                    ], durability: .relaxed))
            guard case .committed(let revision) = outcome else {
                try await store.revokeLease(lease)
                throw Problem.gone(Kind.host.name, host)
            }
            await showOwnWrite(revision)
        } catch let error as StoreError {
            throw Problem(error)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    /// False when the lease has ended.
    private func isRenewed(_ lease: LeaseID) async throws(Problem) -> Bool {
        do {
            try await store.renewLease(lease)
            return true
        } catch {
            guard error.code == .leaseNotFound else { throw Problem(error) }
            return false
        }
    }
}
