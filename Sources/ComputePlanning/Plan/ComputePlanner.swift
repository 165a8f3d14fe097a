package import ComputeModel
package import DomainXML
import Resources

/// Layer 3. What a compute host has to do so that its VMs are as they are ordered. Pure: no clock, no chance; the same
/// orders, observation and memory give the same plan, and after it has been done the plan is empty.
package struct ComputePlanner: Sendable {
    package let paths: HostPaths

    package init(paths: HostPaths) { self.paths = paths }

    package func plan(_ orders: HostOrders, _ host: ObservedComputeHost, _ memory: ComputeMemory) -> ComputePlan {
        var plan = ComputePlan()
        for order in orders.machines.values {
            var turn = MachineTurn(order, host, memory, paths)
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
    package static func domain(
        of order: MachineOrder, _ acceleration: Domain.Acceleration, _ paths: HostPaths
    ) -> Domain {
        Domain(
            id: order.id, project: order.project, name: order.name, machine: order.machine, acceleration: acceleration,
            disks: [
                DomainDisk(
                    .overlay(
                        paths.disk(order.id, fence: order.fence), image: paths.image(order.image.id),
                        format: order.image.format)),
                DomainDisk(.raw(paths.seed(order.id, digest: NoCloudSeed(order).digest)), isReadOnly: true),
            ], interfaces: order.interfaces.map(DomainInterface.init))
    }
}

extension DomainInterface {
    init(_ order: InterfaceOrder) { self.init(device: order.device, mac: order.mac, mtu: order.mtu) }
}
