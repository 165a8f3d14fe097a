package import ComputeModel
import Persistence
package import Resources
import Synchronization

extension ComputeService {
    /// What a compute host has, or that it is lost. Written only when it says something new, without history; VMs without
    /// a place are then tried again.
    package func report(_ report: ComputeHostReport, of host: ResourceID) async throws(Problem) -> Revision {
        try await write(report.json, about: host, .computeHost)
    }

    /// What becomes of a VM, as its host says.
    package func report(_ report: VirtualMachineReport, of vm: ResourceID) async throws(Problem) -> Revision {
        try await write(report.json, about: vm, .vm)
    }

    /// How far the bytes of an image are.
    package func report(_ report: ImageReport, of image: ResourceID) async throws(Problem) -> Revision {
        try await write(report.json, about: image, .image)
    }

    private func write(_ report: [UInt8], about id: ResourceID, _ kind: ComputeKind) async throws(Problem) -> Revision {
        let known = cache.state.withLock { state in state.item(kind, id).map { ($0, state.reports[id]?.value) } }
        guard let (item, old) = known else { throw Problem.gone(kind.name, id) }
        guard old != report else { return cache.revision }
        let transaction = StoreTransaction(
            conditions: [.exists(item.key)], changes: [.put(ComputeLayout.report(id), report)], durability: .relaxed)
        let outcome: CommitOutcome
        do { outcome = try await store.commit(transaction) } catch { throw Problem(error) }
        guard case .committed(let revision) = outcome else { throw Problem.gone(kind.name, id) }
        // The answer carries the revision to wait for when the cache takes longer.
        try? await cache.wait(for: revision, limit: settings.ownWriteWait)
        return revision
    }
}

extension ComputeService {
    /// Says what a VM waits for that its host knows nothing of yet: a VM of which a host has said more is left as it is.
    package func reportWaiting(_ vm: ResourceID, for kind: Condition.Kind, _ message: String) async throws(Problem) {
        let known = cache.state.withLock { state in
            state.item(.vm, vm).map { ($0.resource.metadata.generation, $0.status.vm) }
        }
        guard let (generation, old) = known, old.map({ $0.state == .waiting }) ?? true else { return }
        guard old?.obstacle?.kind != kind || old?.obstacle?.message != message else { return }
        let now = settings.now()
        _ = try await report(
            VirtualMachineReport(
                state: .waiting, generation: generation, since: old?.since ?? now,
                conditions: [Condition(kind, holds: false, since: now, message: message)]), of: vm)
    }
}
