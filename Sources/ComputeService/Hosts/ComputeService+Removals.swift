import ComputeModel
import Persistence
package import Resources
import Synchronization

/// VMs that are gone, whose hosts may have been away when they went: each is told until it says that nothing is left.
extension ComputeService {
    /// Takes over from a compute host that nothing of a VM is left there. Nothing when it is not expected to say so.
    package func acknowledgeRemoval(of vm: ResourceID, by computeHost: ResourceID) async throws(Problem) {
        guard cache.state.withLock({ $0.removals[vm]?.host }) == computeHost else { return }
        do {
            let revision = try await store.commit(
                StoreTransaction(changes: [.delete(ComputeLayout.removal(vm))], durability: .relaxed))
            guard case .committed(let revision) = revision else { return }
            // What the host is told next shows it; later is no harm.
            try? await cache.wait(for: revision, limit: settings.ownWriteWait)
        } catch { throw Problem(error) }
    }
}

extension ComputeCache {
    /// What a compute host is to take away.
    package func removals(on computeHost: ResourceID) -> [ResourceID] {
        state.withLock { state in state.removals.filter { $0.value.host == computeHost }.map(\.key) }
    }
}
