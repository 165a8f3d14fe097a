import Addressing
import NFTables
import NetworkModel
import Resources

extension PlanDraft {
    /// The structure when the kernel has another or none; otherwise only the VTEPs that differ.
    mutating func planFilter() {
        let filter = context.observed.filter
        guard filter.digest == context.structure.digest else {
            // One transaction: ports that are right go on forwarding without a gap, no other one begins to.
            ready = Set(context.desired.attachments.values.filter(context.isSafe).map(\.portName))
            add(
                .filter(.install(context.structure, ready: ready, vteps: context.desired.vteps)), for: .host,
                in: .filter)
            return
        }
        for address in context.desired.vteps.subtracting(filter.vteps).sorted() {
            add(.filter(.addVTEP(address)), for: .host, in: .filter)
        }
        for address in filter.vteps.subtracting(context.desired.vteps).sorted() {
            add(.filter(.removeVTEP(address)), for: .host, in: .filter)
        }
    }

    /// What belongs to nobody, known or gone: ready ports without a device or an attachment, daemons without a
    /// gateway, devices that an interrupted creation left.
    mutating func planStrays() {
        for name in ready.sorted() where context.wanted.ports[name] == nil && context.seen.marks[name] == nil {
            gate(name, for: .orphan)
        }
        let instances = Set(context.desired.gateways.keys.map(DaemonInstance.radvd))
        for instance in context.observed.daemons.keys.sorted() where !instances.contains(instance) {
            stop(daemon: instance, for: .orphan)
        }
        for name in context.seen.unfinished.sorted() where context.wanted.ports[name] == nil {
            if let vni = name.segmentVNI, context.claimant(of: vni) != nil { continue }
            add(.link(.delete(name)), for: .orphan, in: .removePorts)
        }
    }

    /// What is left under the names that a removed attachment had.
    mutating func planStray(portOf id: ResourceID) {
        let name = InterfaceName.port(id.bytes)
        if context.wanted.ports[name] == nil, context.seen.marks[name] == nil { gate(name, for: .orphan) }
    }

    /// Ends a daemon whose gateway goes away; guests are told.
    mutating func stop(daemon instance: String, for subject: Subject) {
        guard context.observed.daemons[instance] != nil, stopped.insert(instance).inserted else { return }
        add(.stopDaemon(instance: instance, withdraw: true), for: subject, in: .goodbye)
    }
}
