import ComputeModel
import Persistence
import Placement
import Resources

/// What a VM's spec names.
extension ComputeState {
    func machineType(_ reference: Reference<MachineType>) throws(Problem) -> ComputeItem {
        guard let item = item(.machineType, project: nil, reference.description) else {
            throw Problem(
                field: "spec.machineType", value: "\(reference)",
                rule: "must be a machine type that exists: `kc type list` has them")
        }
        return item
    }

    /// An image of the VM's own project, or else one that is shared: by its id, or by its name if only one has it.
    func image(_ reference: Reference<Image>, for plan: ComputePlan) throws(Problem) -> ComputeItem {
        let project = plan.project?.id
        if let item = item(.image, project: project, reference.description) { return item }
        let shared = items.values.filter { item in
            guard let image: Resource<Image> = item.unwrap(), image.spec.isShared else { return false }
            return reference.id == item.id || reference == .name(item.name)
        }
        if let item = shared.first, shared.count == 1 { return item }
        guard shared.isEmpty else {
            let ids = shared.map(\.id.description).sorted().joined(separator: ", ")
            throw Problem(
                field: "spec.image", value: "\(reference)",
                rule: "must be an id: \(shared.count) projects share an image of this name (\(ids))")
        }
        throw Problem(
            field: "spec.image", value: "\(reference)",
            rule: "must be an image of the project, or one that is shared with all: `kc image list` has them")
    }

    /// Refuses what must not happen to a VM that runs, or may run.
    func requireStill(_ vm: ResourceID, _ name: Name, _ what: String) throws(Problem) {
        guard let place = places[vm]?.value, let report: VirtualMachineReport = report(vm) else { return }
        if hostReport(place.host)?.loss != nil {
            throw Problem(
                .inUse, "VM '\(name)' cannot be \(what): its host is lost, and whether the VM runs there is not known")
        }
        switch report.state {
        case .waiting, .stopped, .failed: return
        case .stopping: throw Problem(.inUse, "VM '\(name)' cannot be \(what) before it has ended: it is being stopped")
        case .starting, .running, .lost:
            throw Problem(
                .inUse,
                "VM '\(name)' cannot be \(what) while it is \(report.state.rawValue): set spec.power to off first")
        }
    }
}

extension VirtualMachine {
    /// Other NICs at the same host, if it has their segments.
    static func reconnect(
        _ old: Resource<VirtualMachine>, _ spec: Spec, _ plan: inout ComputePlan, _ state: inout ComputeState
    ) throws(Problem) {
        let id = old.metadata.id
        guard let place = state.places[id] else {
            // What was chosen at the same time was chosen for the old segments.
            return plan.require(.absent(ComputeLayout.place(id)))
        }
        var new = old
        new.spec = spec
        let request = ComputeState.request(new, project: plan.project?.id)
        let rejections = state.placer.explain(request).hosts.first { $0.host == place.value.host }?.rejections ?? []
        for case .segment in rejections {
            throw Problem(
                .conflict, "its host does not carry a segment of the new networks", field: "spec.networks",
                rule: "must be on segments that the VM's host carries")
        }
        plan.require(.modified(ComputeLayout.place(id), place.revision))
    }

    /// Another size at the same host, if it has the room.
    static func resize(
        _ old: Resource<VirtualMachine>, to machine: Machine, _ spec: Spec, _ plan: inout ComputePlan,
        _ state: inout ComputeState
    ) throws(Problem) {
        let id = old.metadata.id
        try state.requireStill(id, old.metadata.name, "resized")
        guard machine.diskGiB >= old.assigned.machine.diskGiB else {
            throw Problem(
                field: "spec.parameters.diskGiB", value: "\(machine.diskGiB)",
                rule: "must be at least \(old.assigned.machine.diskGiB): a disk never shrinks")
        }
        guard let place = state.places[id] else {
            // What was chosen at the same time was chosen for the old size.
            return plan.require(.absent(ComputeLayout.place(id)))
        }
        var new = old
        new.assigned.machine = machine
        let request = ComputeState.request(new, project: plan.project?.id)
        let rejections = state.placer.explain(request).hosts.first { $0.host == place.value.host }?.rejections ?? []
        for rejection in rejections {
            switch rejection {
            case .cpus, .memory, .disk:
                throw Problem(
                    .conflict, "its host \(rejection) for the new size", field: "spec.parameters",
                    rule: "must fit where the VM is placed")
            case .state, .architecture, .labels, .taint, .antiAffinity, .segment, .image: continue
            }
        }
        plan.require(.modified(ComputeLayout.place(id), place.revision))
        plan.hold(place.value.host, state)
        plan.put(ComputeLayout.load(place.value.host), [])
    }
}
