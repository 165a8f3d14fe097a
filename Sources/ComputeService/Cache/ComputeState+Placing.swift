import ComputeModel
import Persistence
import Placement
import Resources

/// The scheduler's view: which hosts there are, and what is placed on them.
extension ComputeState {
    /// Tells the placer of a host anew: its wish, its report, or its absence.
    mutating func refit(_ id: ResourceID) {
        guard let host = placementHost(id) else { return placer.remove(host: id) }
        let isNew = placer.free(on: id) == nil
        placer.set(host)
        if isNew { for vm in residents[id, default: []] { reseat(vm) } }
        chances += 1
    }

    /// nil for a host that has not said what it has.
    private func placementHost(_ id: ResourceID) -> PlacementHost? {
        guard let host = resource(id, as: ComputeHost.self), let report = hostReport(id) else { return nil }
        return PlacementHost(
            id: id, architecture: report.architecture,
            allocatable: host.spec.overcommit.allocatable(of: report.capacity, reserved: host.spec.reserved),
            labels: host.metadata.labels, taints: host.spec.taints,
            state: ComputeHostState(spec: host.spec, report: report, vms: residents[id, default: []].count))
    }

    mutating func takePlace(_ place: Seen<VirtualMachinePlace>?, of vm: ResourceID, at revision: Revision) {
        let old = places[vm]
        guard old?.revision != place?.revision else { return }
        if let host = old?.value.host {
            residents[host]?.remove(vm)
            if residents[host]?.isEmpty == true { residents[host] = nil }
        }
        places[vm] = place
        if place == nil, items[vm] != nil { waiting.insert(vm) } else { waiting.remove(vm) }
        if let host = place?.value.host { residents[host, default: []].insert(vm) }
        reseat(vm)
        if place == nil { chances += 1 }
        refresh(vm, at: revision)
        for host in Set([old?.value.host, place?.value.host].compactMap(\.self)) {
            // A host that drains is drained with its last VM.
            if let host = placementHost(host) { placer.set(host) }
            refresh(host, at: revision)
        }
    }

    /// Tells the placer where a VM is, as it is now.
    mutating func reseat(_ vm: ResourceID) {
        placer.remove(vm: vm)
        guard let host = places[vm]?.value.host, let item = items[vm], let request = request(of: item) else { return }
        _ = placer.record(request, on: host)
    }

    /// What a VM asks of the scheduler.
    func request(of item: ComputeItem) -> PlacementRequest? {
        guard let vm = item.unwrap(VirtualMachine.self) else { return nil }
        return Self.request(vm, project: item.projectID)
    }

    static func request(_ vm: Resource<VirtualMachine>, project: ResourceID?) -> PlacementRequest {
        let segments = vm.spec.networks.compactMap { network in
            if case .segment(let reference, _) = network { reference.id } else { nil }
        }
        return PlacementRequest(
            id: vm.metadata.id, machine: vm.assigned.machine, wish: vm.spec.placement,
            project: project ?? vm.metadata.id, segments: Set(segments), image: vm.spec.image.id)
    }

    // MARK: what is shown

    func status(of item: ComputeItem) -> ComputeItem.Status {
        var status = ComputeItem.Status()
        let id = item.id
        switch item.kind {
        case .machineType: break
        case .image: status.image = report(id)
        case .vm:
            status.place = places[id]?.value
            status.hostName = (status.place?.host).flatMap { items[$0]?.name }
            status.hostLoss = (status.place?.host).flatMap { hostReport($0)?.loss }
            status.obstacle = obstacles[id]?.value
            status.unported = unported[id]
            status.vm = report(id)
        case .computeHost:
            status.host = hostReport(id)
            status.vms = residents[id, default: []].count
            var placer = placer
            status.allocatable = placementHost(id)?.allocatable ?? .zero
            status.free = placer.free(on: id) ?? .zero
        }
        return status
    }
}
