import Addressing
import NetworkModel

/// Frames between the hosts.
extension PathJudge {
    func vxlan(_ segment: PathWorld.Segment) -> Finding {
        // A tunnel that is down for want of memory says nothing of the frames.
        if world.hosts.contains(where: { hasNoRoomForGroup($0, segment) }) {
            return .skip("a tunnel is down for want of memory for its group")
        }
        for host in world.hosts {
            for device in host.devices(.vxlan) {
                if let settings = device.vxlan, let wrong = difference(settings, segment, host) {
                    return .fail(
                        PathFault(
                            .vxlan, device.name.text, on: host.name, "\(device.name) on \(host.name) has \(wrong)",
                            mend: "ip link del \(device.name) on \(host.name): the agent makes it again as it shall be")
                    )
                }
            }
        }
        for (sender, receiver) in directions {
            let sent = sender.tally(.unicast)
            let heard = receiver.tally(.unicast)
            let port = "UDP \(world.underlay.port)"
            if heard.corrupt > 0 {
                return .fail(
                    PathFault(
                        .vxlan, "checksum", on: sender.name,
                        "\(heard.corrupt) of \(heard.onWire) frames from \(sender.name) have a wrong UDP checksum",
                        mend: "ethtool -K \(sender.interface) tx off on \(sender.name), then look for a new driver"))
            }
            if heard.onWire == 0 {
                let reason = sent.sent == 0 ? ": \(sender.name) cannot send (errno \(sent.sendFailure ?? 0))" : ""
                return .fail(
                    PathFault(
                        .vxlan, port, on: sent.sent == 0 ? sender.name : nil,
                        "\(port) from \(sender.vtep) does not arrive at \(receiver.vtep), other packets do\(reason)",
                        mend:
                            "let \(port) from \(sender.vtep) to \(receiver.vtep) through: firewalls of \(sender.name) "
                            + "(output), of the network between, of a cloud's security groups"))
            }
            if heard.onWire * 10 < heard.expected * 7 {
                return .fail(
                    PathFault(
                        .vxlan, port,
                        "\(heard.onWire) of \(heard.expected) frames in \(port) from \(sender.vtep) arrive at "
                            + "\(receiver.vtep), other packets do",
                        mend: "look for limits and drops of UDP between \(sender.name) and \(receiver.name)"))
            }
            if heard.delivered < heard.onWire - 1 || heard.delivered == 0 {
                if isUnguarded(receiver) {
                    return .skip("the tunnel of \(receiver.name) is closed: its guards are gone")
                }
                return .fail(
                    PathFault(
                        .vxlan, port, on: receiver.name,
                        "\(port) from \(sender.vtep) arrives at \(receiver.interface) of \(receiver.name), and "
                            + "\(heard.delivered) of \(heard.onWire) frames come out of "
                            + "\(InterfaceName.vxlan(segment.vni))",
                        mend: "let \(port) in on \(receiver.name): `nft list ruleset` there shows who drops it; "
                            + "`nft list set inet kc vteps` must have \(sender.vtep)"))
            }
        }
        return .ok([
            Evidence(
                directions.map { sender, receiver in
                    let heard = receiver.tally(.unicast)
                    return "\(sender.name) → \(receiver.name) \(heard.delivered) of \(heard.expected)"
                }.joined(separator: ", "))
        ])
    }

    /// Whether a tunnel has other settings than those planned.
    func isWrong(_ device: DeviceFinding, _ segment: PathWorld.Segment, _ host: PathWorld.Host) -> Bool {
        guard device.exists, let settings = device.vxlan else { return false }
        let group = segment.replication == .multicast ? segment.group : nil
        return settings.group != group || difference(settings, segment, host) != nil
    }

    /// The first setting that is not as planned, in words.
    private func difference(
        _ settings: VXLANFinding, _ segment: PathWorld.Segment, _ host: PathWorld.Host
    ) -> String? {
        let underlay = world.underlay
        return if settings.vni != segment.vni {
            "the VNI \(settings.vni.hex), the segment's is \(segment.vni.hex)"
        } else if settings.port != underlay.port {
            "the UDP port \(settings.port), not \(underlay.port)"
        } else if settings.local != host.vtep {
            "the local address \(settings.local), not \(host.vtep)"
        } else if settings.link != host.interface {
            "the underlay interface \(settings.link), not \(host.interface)"
        } else if settings.hopLimit != underlay.hopLimit {
            "a hop limit of \(settings.hopLimit), not \(underlay.hopLimit)"
        } else {
            nil
        }
    }

    func multicast(_ segment: PathWorld.Segment) -> Finding {
        let isMulticast = segment.replication == .multicast
        for host in world.hosts {
            for device in host.devices(.vxlan) {
                guard let settings = device.vxlan else { continue }
                let peer = host.id == world.from.host.id ? world.to.host : world.from.host
                if isMulticast, settings.group != segment.group {
                    return .fail(
                        PathFault(
                            .multicast, device.name.text, on: host.name,
                            "\(device.name) on \(host.name) has \(settings.group.map { "the group \($0)" } ?? "no group"),"
                                + " the segment's is \(segment.group)",
                            mend: "ip link del \(device.name) on \(host.name): the agent makes it again as it shall be")
                    )
                }
                if !isMulticast, !settings.floods.contains(peer.vtep) {
                    return .fail(
                        PathFault(
                            .multicast, device.name.text, on: host.name,
                            "\(device.name) on \(host.name) does not send floods to \(peer.vtep)",
                            mend: "nothing, when the agent on \(host.name) works: it adds the entry"))
                }
            }
            if isMulticast, host.findings?.hasJoined == false {
                return .fail(
                    PathFault(
                        .multicast, "\(segment.group)", on: host.name,
                        "\(host.interface) on \(host.name) has not joined \(segment.group)",
                        mend: "sysctl net.core.optmem_max on \(host.name) bounds how many groups can be joined "
                            + "(`kcnet doctor`); then ip link del \(InterfaceName.vxlan(segment.vni))"))
            }
        }
        if let host = world.hosts.first(where: isUnguarded) {
            return .skip("the tunnel of \(host.name) is closed: its guards are gone")
        }
        for (sender, receiver) in directions {
            if let fault = floodFault(segment, sender, receiver) { return .fail(fault) }
        }
        let way = isMulticast ? "\(segment.group) joined on both" : "to each host"
        return .ok([
            Evidence(
                way + ", "
                    + directions.map { sender, receiver in
                        "\(sender.name) → \(receiver.name) \(receiver.tally(.flood).delivered) of "
                            + "\(receiver.tally(.flood).expected)"
                    }.joined(separator: ", "))
        ])
    }

    private func floodFault(
        _ segment: PathWorld.Segment, _ sender: PathWorld.Host, _ receiver: PathWorld.Host
    ) -> PathFault? {
        let heard = receiver.tally(.flood)
        let group = segment.replication == .multicast ? "\(segment.group)" : "floods"
        let router =
            "let the underlay forward \(world.underlay.groups.base) and those after it (a querier on the switch, PIM on "
            + "the routers), or until then: kcnet segment create with --replication unicast"
        if heard.corrupt > 0 {
            return PathFault(
                .multicast, "checksum", on: sender.name,
                "\(heard.corrupt) of \(heard.onWire) frames to \(group) have a wrong UDP checksum",
                mend: "ethtool -K \(sender.interface) tx off on \(sender.name), then look for a new driver")
        }
        // Half of what came straight from the same host in the same time.
        guard heard.onWire * 2 < receiver.tally(.unicast).onWire || heard.onWire == 0 else {
            guard heard.delivered < heard.onWire - 1 || heard.delivered == 0 else { return nil }
            return PathFault(
                .multicast, group, on: receiver.name,
                "frames from \(sender.name) to \(group) arrive at \(receiver.interface) of \(receiver.name), and "
                    + "\(heard.delivered) of \(heard.onWire) come out of \(InterfaceName.vxlan(segment.vni))",
                mend: "look at firewalls of \(receiver.name): `nft list ruleset`, `ip6tables -L -v`")
        }
        return PathFault(
            .multicast, group,
            "\(heard.onWire) of \(heard.expected) frames to \(group) from \(sender.name) arrive at \(receiver.name), "
                + "\(receiver.tally(.unicast).onWire) straight ones do: the loss is between the hosts",
            mend: router)
    }
}
