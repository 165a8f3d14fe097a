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
    /// Says why a VM has not all of its ports, or that it has them. Its status shows it over what its host says, which knows
    /// only of those it was told of. Written only when it is news.
    package func reportPorts(of vm: ResourceID, missing reason: String?) async throws(Problem) {
        let known = cache.state.withLock { state in state.item(.vm, vm).map { ($0, state.unported[vm]) } }
        guard let (item, old) = known else { return }
        let key = ComputeLayout.unported(vm)
        let change: StoreTransaction.Change
        if let reason {
            let new = Hindrance(reason, since: settings.now())
            guard old?.reason != new.reason else { return }
            change = .put(key, new.json)
        } else {
            guard old != nil else { return }
            change = .delete(key)
        }
        let outcome: CommitOutcome
        do {
            outcome = try await store.commit(
                StoreTransaction(conditions: [.exists(item.key)], changes: [change], durability: .relaxed))
        } catch { throw Problem(error) }
        // A VM that went meanwhile has nothing to say.
        guard case .committed(let revision) = outcome else { return }
        // It fails only when the cache takes longer: it is written then, and the next look finds it there.
        try? await cache.wait(for: revision, limit: settings.ownWriteWait)
    }

    /// Whether a host has taken the VM's order: what it lacks now is news, and no part of being made.
    package func isTaken(_ vm: ResourceID) -> Bool {
        cache.state.withLock { state in state.item(.vm, vm)?.status.vm.map { $0.state != .waiting } ?? false }
    }
}
