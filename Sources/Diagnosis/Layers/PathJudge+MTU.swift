import Addressing
import NetworkModel

/// How large packets may be between the hosts.
extension PathJudge {
    var mtu: Finding {
        let wanted = world.underlay.mtu.bytes
        for host in world.hosts {
            let narrow = host.devices(.underlay).first { $0.exists && $0.mtu < wanted }
            if let narrow {
                return .fail(
                    PathFault(
                        .mtu, narrow.name.text, on: host.name,
                        "\(narrow.name) on \(host.name) has an MTU of \(narrow.mtu), the underlay's is \(wanted)",
                        mend: "ip link set \(narrow.name) mtu \(wanted) on \(host.name)"))
            }
        }
        for (host, peer) in directions {
            guard let mtu = host.findings?.underlay?.routeMTU, mtu < wanted, detour(host, peer) == nil else { continue }
            return .fail(
                PathFault(
                    .mtu, "route", on: host.name,
                    "the route of \(host.name) to \(peer.vtep) has an MTU of \(mtu), the underlay's is \(wanted)",
                    mend: "ip -6 route get \(peer.vtep) on \(host.name): 'expires' tells what a router on the way "
                        + "has said (`ip -6 route flush cache` forgets it), anything else was set by hand"))
        }
        let largeEcho = directions.contains { $0.sender.tally(.largeEcho).onWire > 0 }
        let smallEcho = directions.contains { $0.sender.tally(.echo).onWire > 0 }
        for (sender, receiver) in directions {
            let isNarrow =
                (receiver.tally(.unicast).onWire > 0 && receiver.tally(.largeUnicast).onWire == 0)
                || (smallEcho && !largeEcho && receiver.tally(.largeUnicast).onWire == 0)
            guard isNarrow else { continue }
            if let hop = detour(sender, receiver) {
                return .fail(
                    PathFault(
                        .mtu, "next hop \(hop)", on: sender.name,
                        "packets of \(wanted) bytes from \(sender.vtep) do not arrive at \(receiver.vtep), small ones do: "
                            + "\(sender.name) sends by \(hop), while \(receiver.name) sends straight",
                        mend: "ip -6 route get \(receiver.vtep) on \(sender.name): is the detour wanted? Raise the MTU "
                            + "behind \(hop) to \(wanted)"))
            }
            return .fail(
                PathFault(
                    .mtu, "underlay",
                    "packets of \(wanted) bytes from \(sender.vtep) do not arrive at \(receiver.vtep), small ones do",
                    mend:
                        "raise the MTU on the way to \(wanted) (`tracepath6 \(receiver.vtep)` on \(sender.name) shows "
                        + "the hop), or make a new underlay MTU known: kcnet underlay update default --mtu"))
        }
        guard largeEcho || directions.allSatisfy({ $0.receiver.tally(.largeUnicast).onWire > 0 }) else {
            return .skip("nothing large could be sent")
        }
        return .ok([Evidence("\(wanted) bytes proven both ways")])
    }
}
