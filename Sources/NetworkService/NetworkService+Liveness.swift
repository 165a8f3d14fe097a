package import NetworkModel
import Persistence
package import Resources
import Synchronization

extension NetworkService {
    /// An agent says that it is there. A write only when the host was not up; else a lease is renewed, which is none.
    ///
    /// The lease's id is in the store with its key, so that any server can renew what another one granted. The key's value
    /// says who renews; another agent than before is a write, too.
    /// - Parameter agent: nil for agents that do not say which they are.
    package func renew(host: ResourceID, by agent: AgentSighting? = nil) async throws(Problem) {
        // The agents' renewals are the clock of moves: they come as long as any host lives, at any server.
        await advanceMoves()
        let now = settings.now()
        let known = cache.state.withLock { state in
            state.renewals[host] = now
            return (lease: state.leases[host], agents: state.agents[host])
        }
        let agents = agent.flatMap { HostAgents.after(known.agents, hearing: $0, at: settings.now()) }
        if let lease = known.lease, try await isRenewed(lease) {
            if let agents { try await note(agents, of: host, under: lease) }
            return
        }
        do {
            guard let item = cache.item(.host, host) else { throw Problem.gone(Kind.host.name, host) }
            let lease = try await store.grantLease(ttl: settings.leaseDuration)
            let outcome = try await store.commit(
                StoreTransaction(
                    conditions: [.exists(item.key)],
                    changes: [
                        .put(StoreLayout.lease(host), agents?.json ?? [], lease: lease),
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

    /// Which agents renew a lease. A lease that ended meanwhile is granted anew with the next renewal.
    private func note(_ agents: HostAgents, of host: ResourceID, under lease: LeaseID) async throws(Problem) {
        let key = StoreLayout.lease(host)
        do {
            _ = try await store.commit(
                StoreTransaction(
                    conditions: [.exists(key)], changes: [.put(key, agents.json, lease: lease)], durability: .relaxed))
        } catch {
            guard error.code != .leaseNotFound else { return }
            throw Problem(error)
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
