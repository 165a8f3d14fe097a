import ComputeModel
package import Persistence
package import Resources

/// What is done to a VM beside writing its document.
package enum VirtualMachineAction: String, Sendable, CaseIterable {
    /// It shall run.
    case start
    /// It shall not: the guest is told to end, and its power is taken when it does not.
    case stop
    /// The guest that runs begins anew.
    case reboot
}

extension ComputeService {
    /// Writes what an action asks for; the VM's host does it. Nothing is written when it is so already.
    package func act(
        _ action: VirtualMachineAction, on vm: String, in project: ProjectIdentity, expecting expected: Revision? = nil,
        by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        let found = try find(.vm, in: project, vm, for: principal)
        try principal.requireMay(.update, .vm, in: project, found.resource.metadata.labels)
        let id = found.id
        let revision = try await write(id, in: project, by: principal) { plan, state throws(Problem) in
            guard let item = state.items[id], let old: Resource<VirtualMachine> = item.unwrap() else {
                throw Problem.gone(VirtualMachine.kind, id)
            }
            try VirtualMachine.requireUnchanged(item, since: expected)
            var new = old
            switch action {
            case .start: new.spec.power = .on
            case .stop: new.spec.power = .off
            case .reboot:
                guard old.spec.power == .on else {
                    throw Problem(.conflict, "VM '\(item.name)' is switched off: start it instead")
                }
                new.assigned.reboots += 1
            }
            guard new != old else { return }
            plan.action = .update
            new.metadata.generation += 1
            new.metadata.updated = plan.now
            plan.replace(item, with: new)
        }
        return ComputeWritten(item: cache.item(.vm, id), revision: revision)
    }
}
