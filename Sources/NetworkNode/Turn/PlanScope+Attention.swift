import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// From where to look to what to plan.
extension PlanScope {
    init(_ attention: Attention, _ snapshot: HostSnapshot, _ names: NameIndex) {
        // What is wrong with the packet filter can concern any port.
        guard !attention.everything, !attention.filter else {
            self = .whole
            return
        }
        self.init()
        for subject in attention.subjects { insert(subject) }
        for name in attention.links {
            if let subject = names[name] {
                insert(subject)
            } else if name.isOurs {
                insert(.orphan)
            }
        }
        if attention.daemons { gateways.formUnion(snapshot.gateways.keys) }
        // A gateway's port and its namespace are looked at together.
        for id in attachments {
            if case .gateway(let gateway) = snapshot.attachments[id]?.port { gateways.insert(gateway) }
        }
    }

    mutating func insert(_ subject: Subject) {
        switch subject {
        case .host, .orphan: host = true
        case .segment(let id): segments.insert(id)
        case .attachment(let id): attachments.insert(id)
        case .gateway(let id): gateways.insert(id)
        }
    }

    /// The subjects it names, without those a planner adds.
    var subjects: Set<Subject> {
        var subjects: Set<Subject> = host ? [.host] : []
        for id in segments { subjects.insert(.segment(id)) }
        for id in attachments { subjects.insert(.attachment(id)) }
        for id in gateways { subjects.insert(.gateway(id)) }
        return subjects
    }

    /// The devices of the host's namespace by which its resources are realised.
    func devices(_ snapshot: HostSnapshot) -> Set<InterfaceName> {
        var devices: Set<InterfaceName> = host ? [snapshot.host.interface] : []
        for id in segments { devices.formUnion(snapshot.segments[id]?.devices ?? []) }
        for id in attachments { if let device = snapshot.attachments[id]?.portName { devices.insert(device) } }
        for id in gateways {
            devices.insert(.uplink(id.bytes))
            if case .interface(let uplink) = snapshot.gateways[id]?.uplink?.way { devices.insert(uplink.interface) }
            for port in snapshot.gateways[id]?.ports.values ?? [:].values {
                if let device = snapshot.attachments[port]?.portName { devices.insert(device) }
            }
        }
        return devices
    }

    /// Whether an operator's own interface is among them.
    func hasExternal(_ snapshot: HostSnapshot) -> Bool {
        attachments.contains { id in
            if case .external = snapshot.attachments[id]?.port { true } else { false }
        }
    }

    /// The namespaces that its resources reach into.
    func namespaces(_ snapshot: HostSnapshot) -> Set<NamespaceName> {
        var namespaces = Set(gateways.map { NamespaceName.gateway($0) })
        for id in attachments {
            if let namespace = snapshot.attachments[id]?.namespace { namespaces.insert(namespace) }
        }
        return namespaces
    }
}

extension InterfaceName {
    /// A name that only KC gives: VXLAN devices, bridges, ports and their other ends.
    var isOurs: Bool { ["kcx", "kcb", "kct", "kcp", "kcu"].contains { text.hasPrefix($0) } }
}
