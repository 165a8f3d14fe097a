import Addressing
import NetworkModel

/// KC's own devices, as the plan wants them.
extension PathJudge {
    var devices: Finding {
        guard let segment = world.segment else { return .skip("no segment between hosts") }
        for host in world.hosts {
            for role in [DeviceFinding.Role.bridge, .vxlan, .port] {
                let states = host.devices(role)
                // One that somebody makes again and again, and wrongly, is missing between two of them, or not yet up.
                if states.contains(where: { isWrong($0, segment, host) }) { continue }
                if role == .vxlan, hasNoRoomForGroup(host, segment) { continue }
                for device in states {
                    if let fault = fault(device, segment, host) { return .fail(fault) }
                }
            }
        }
        for host in world.hosts { if let fault = obstacle(on: host, segment) { return .fail(fault) } }
        // A bridge has the MTU of its narrowest port, which is named when it is one of these.
        for host in world.hosts {
            for role in [DeviceFinding.Role.vxlan, .port, .bridge] {
                for device in host.devices(role) {
                    if let fault = narrowness(device, segment, host) { return .fail(fault) }
                }
            }
        }
        for host in world.hosts {
            for entry in (host.findings?.entries ?? []).sorted(by: { ($0.mac, $0.device) < ($1.mac, $1.device) }) {
                if let fault = fault(entry, segment, host) { return .fail(fault) }
            }
        }
        let names = world.isLocal ? "bridge and ports" : "VXLAN device, bridge and port"
        return .ok([Evidence("\(names) as planned on \(world.hosts.map(\.name).joined(separator: " and "))")])
    }

    /// The device is down because it could not join its group (ENOMEM, 12): that is judged with multicast.
    func hasNoRoomForGroup(_ host: PathWorld.Host, _ segment: PathWorld.Segment) -> Bool {
        segment.replication == .multicast && host.findings?.hasJoined == false
            && host.complaint?.contains("errno(12)") ?? false
    }

    private func fault(_ device: DeviceFinding, _ segment: PathWorld.Segment, _ host: PathWorld.Host) -> PathFault? {
        let name = device.name
        let bridge = InterfaceName.bridge(segment.vni)
        let again =
            "nothing, when the agent on \(host.name) works: it repairs this; if it comes back, something else on "
        func fault(_ text: String) -> PathFault {
            PathFault(
                .devices, name.text, on: host.name, text,
                mend: again + "\(host.name) changes \(name): `ip monitor link` there shows when")
        }
        guard device.exists else { return fault("\(name) on \(host.name) is missing") }
        if device.role == .vxlan, device.vxlan == nil { return fault("\(name) on \(host.name) is no VXLAN device") }
        if !device.isUp { return fault("\(name) on \(host.name) is down") }
        if device.role != .bridge, device.master != bridge {
            return fault(
                "\(name) on \(host.name) is in \(device.master.map { "\($0)" } ?? "no bridge"), not in \(bridge)")
        }
        return nil
    }

    /// A port of the bridge that does not pass everything on. One isolated port alone separates nobody.
    private func obstacle(on host: PathWorld.Host, _ segment: PathWorld.Segment) -> PathFault? {
        let ports = [DeviceFinding.Role.vxlan, .port].flatMap { host.devices($0) }
        let isolated = Set(ports.filter { $0.obstacles.contains(.isolated) }.map(\.name))
        for device in ports {
            for obstacle in device.obstacles.sorted(by: { $0.rawValue < $1.rawValue }) {
                guard obstacle != .isolated || isolated.count > 1 else { continue }
                // One that is down, or has no carrier, passes nothing on for that reason.
                guard obstacle != .blocked || device.isUp && device.isRunning else { continue }
                let (what, setting) = Self.words(obstacle)
                return PathFault(
                    .devices, device.name.text, on: host.name,
                    "\(device.name) on \(host.name), a port of \(InterfaceName.bridge(segment.vni)), \(what)",
                    mend: "bridge link set dev \(device.name) \(setting) on \(host.name); then find out who set it: "
                        + "KC never does")
            }
        }
        return nil
    }

    private static func words(_ obstacle: DeviceFinding.Obstacle) -> (what: String, setting: String) {
        switch obstacle {
        case .blocked: ("passes nothing on: its state is not 'forwarding'", "state 3")
        case .isolated: ("is isolated, as others are: the bridge passes nothing between them", "isolated off")
        case .locked: ("is locked: it takes frames of MACs alone that the bridge knows already", "locked off")
        case .unflooded: ("gets no frames for MACs that the bridge does not know", "flood on")
        case .groupless: ("gets no frames to groups: no neighbour discovery goes that way", "mcast_flood on")
        }
    }

    private func narrowness(
        _ device: DeviceFinding, _ segment: PathWorld.Segment, _ host: PathWorld.Host
    ) -> PathFault? {
        guard device.exists, device.mtu != segment.mtu.bytes, !isWrong(device, segment, host) else { return nil }
        return PathFault(
            .devices, device.name.text, on: host.name,
            "\(device.name) on \(host.name) has an MTU of \(device.mtu), the segment's is \(segment.mtu.bytes)",
            mend: "nothing, when the agent on \(host.name) works: it repairs this; or ip link set \(device.name) mtu "
                + "\(segment.mtu.bytes)")
    }

    /// What a forwarding database says of one of the two MACs.
    private func fault(
        _ entry: ForwardingFinding, _ segment: PathWorld.Segment, _ host: PathWorld.Host
    ) -> PathFault? {
        let ends = [world.from, world.to]
        guard let end = ends.first(where: { $0.guest?.mac == entry.mac }), let guest = end.guest else { return nil }
        let tunnel = InterfaceName.vxlan(segment.vni)
        func fault(_ text: String, mend: String) -> PathFault {
            PathFault(.devices, "entry of \(entry.mac)", on: host.name, text, mend: mend)
        }
        if let destination = entry.destination {
            let right = end.host.vtep
            guard end.host.id == host.id || destination != right else { return nil }
            return fault(
                "\(tunnel) on \(host.name) sends what is for \(end.name) to \(destination)"
                    + (end.host.id == host.id ? ", though it is on this host" : ", not to \(right)"),
                mend: "bridge fdb del \(entry.mac) dev \(tunnel) dst \(destination) self; on \(host.name); if it comes "
                    + "back, another host sends with this MAC")
        }
        let wanted = end.host.id == host.id ? guest.port : tunnel
        guard entry.device != wanted else { return nil }
        return fault(
            "the bridge on \(host.name) knows \(end.name) (\(entry.mac)) behind \(entry.device), not behind \(wanted)",
            mend: "find out who sends with this MAC behind \(entry.device), then: bridge fdb del \(entry.mac) dev "
                + "\(entry.device) master")
    }
}
