package import ComputeModel
package import DomainXML
import Resources

/// Layer 3. What a compute host has to do so that its VMs are as they are ordered. Pure: no clock, no chance; the same
/// orders, observation and memory give the same plan, and after it has been done the plan is empty.
package struct ComputePlanner: Sendable {
    package let paths: HostPaths
    package let disks: DiskPlace

    package init(paths: HostPaths, disks: DiskPlace = .files) {
        self.paths = paths
        self.disks = disks
    }

    package func plan(_ orders: HostOrders, _ host: ObservedComputeHost, _ memory: ComputeMemory) -> ComputePlan {
        var plan = ComputePlan()
        for order in orders.machines.values {
            var turn = MachineTurn(order, host, memory, self)
            turn.decide()
            if !turn.steps.isEmpty { plan.steps[order.id] = turn.steps }
            if !turn.obstacles.isEmpty { plan.obstacles[order.id] = turn.obstacles }
        }
        let known = Set(host.domains.keys).union(host.files.disks.keys).union(host.files.seeds.keys)
        for vm in known where orders.machines[vm] == nil && !orders.kept.contains(vm) {
            let steps = Self.removal(of: vm, host)
            if !steps.isEmpty { plan.steps[vm] = steps }
        }
        return plan
    }

    /// First what uses the disk, then what defines it, then the disk.
    private static func removal(of vm: ResourceID, _ host: ObservedComputeHost) -> [ComputeStep] {
        var steps: [ComputeStep] = []
        if let domain = host.domains[vm] {
            if !domain.isOff { steps.append(.destroy) }
            if !domain.definition.isEmpty { steps.append(.undefine) }
        }
        steps += (host.files.disks[vm] ?? []).sorted { $0.fence < $1.fence }.map { .removeDisk($0) }
        return steps + (host.files.seeds[vm] ?? []).sorted().map { .removeSeed($0) }
    }

    /// What the hypervisor shall know of the VM.
    package func domain(of order: MachineOrder, _ acceleration: Domain.Acceleration) -> Domain {
        let seed = paths.seed(order.id, digest: NoCloudSeed(order).digest)
        return Domain(
            id: order.id, project: order.project, name: order.name, machine: order.machine, acceleration: acceleration,
            disks: [DomainDisk(root(of: order)), DomainDisk(.raw(seed), isReadOnly: true)],
            interfaces: order.interfaces.map(DomainInterface.init), consoleLog: paths.console(order.id))
    }

    private func root(of order: MachineOrder) -> DomainDisk.Source {
        switch disks {
        case .files:
            .overlay(
                paths.disk(order.id, fence: order.fence), image: paths.image(order.image.id),
                format: order.image.format)
        case .rbd(let place): .rbd(place.image(order.id, fence: order.fence))
        }
    }
}

extension DomainInterface {
    init(_ order: InterfaceOrder) { self.init(device: order.device, mac: order.mac, mtu: order.mtu) }
}
