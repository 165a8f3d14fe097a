import Addressing
import NetworkModel

/// What the operator's network does.
extension PathJudge {
    var underlay: Finding {
        for host in world.hosts { if let fault = cutOff(host) { return .fail(fault) } }
        for (host, peer) in directions {
            if let fault = local(host, peer) { return .fail(fault) }
        }
        let from = world.from.host
        let to = world.to.host
        let echoes = directions.map { $0.sender.tally(.echo) }
        let answered = echoes.map(\.onWire).reduce(0, +)
        let arrivals = directions.map { isAnythingHeard(by: $0.receiver) }
        if answered == 0, let silent = arrivals.firstIndex(of: false) {
            return .fail(
                silence(directions[silent].sender, directions[silent].receiver, both: !arrivals.contains(true)))
        }
        for (direction, echo) in zip(directions, echoes) where echo.onWire > 0 && echo.onWire * 10 < echo.sent * 7 {
            return .fail(
                PathFault(
                    .underlay, "underlay",
                    "\(echo.sent - echo.onWire) of \(echo.sent) echoes from \(direction.sender.name) are lost",
                    mend: "look for errors and drops on the way between \(from.vtep) and \(to.vtep): `ip -s link` on "
                        + "both hosts, then on the routers between them"))
        }
        let time = echoes.compactMap(\.microseconds).min().map { ", \(Self.milliseconds($0)) ms" }
        return .ok([
            Evidence("\(from.vtep) ↔ \(to.vtep)\(time ?? ", no echo: a firewall drops it, UDP passes")")
        ])
    }

    /// What is wrong on one host.
    func local(_ host: PathWorld.Host, _ peer: PathWorld.Host) -> PathFault? {
        let name = host.interface
        func fault(_ component: String, _ text: String, mend: String) -> PathFault {
            PathFault(.underlay, component, on: host.name, text, mend: mend)
        }
        if let device = host.devices(.underlay).first {
            if !device.exists {
                return fault(
                    name.text, "\(host.name) has no interface \(name)",
                    mend: "make \(name), or `kcnet host update \(host.name) --interface` another")
            }
            if !device.isUp {
                return fault(name.text, "\(name) on \(host.name) is down", mend: "ip link set \(name) up")
            }
            if !device.isRunning {
                return fault(
                    name.text, "\(name) on \(host.name) has no carrier",
                    mend: "look at the cable, the switch's port and `ethtool \(name)` of \(host.name)")
            }
        }
        guard let way = host.findings?.underlay else { return nil }
        if !way.hasAddress {
            return fault(
                "\(host.vtep)",
                "\(name) on \(host.name) has not the address \(host.vtep), or duplicate address detection has failed",
                mend: "ip -6 address add \(host.vtep)/64 dev \(name) on \(host.name), with the length of its link")
        }
        guard let out = way.routeInterface else {
            return fault(
                "route", "\(host.name) has no route to \(peer.vtep)",
                mend: "ip -6 route add \(peer.vtep) via ROUTER dev \(name) on \(host.name)")
        }
        if out != name {
            return fault(
                "route", "the route of \(host.name) to \(peer.vtep) leads by \(out), not by \(name)",
                mend: "see `ip -6 route get \(peer.vtep)` on \(host.name)")
        }
        return nil
    }

    private func isAnythingHeard(by host: PathWorld.Host) -> Bool {
        [.unicast, .largeUnicast].contains { host.tally($0).onWire > 0 }
    }

    func silence(_ sender: PathWorld.Host, _ receiver: PathWorld.Host, both: Bool) -> PathFault {
        for host in [sender, receiver] {
            guard let way = host.findings?.underlay else { continue }
            if way.neighbour == .fixed {
                let hop = way.nextHop ?? (host.id == sender.id ? receiver : sender).vtep
                return PathFault(
                    .underlay, "neighbour \(hop)", on: host.name,
                    "nothing that \(host.name) sends arrives, and its entry for \(hop) was put there by hand",
                    mend:
                        "ip -6 neigh del \(hop) dev \(host.interface) on \(host.name), if its MAC is not that of \(hop)"
                )
            }
            guard [.failed, .incomplete].contains(way.neighbour) else { continue }
            let peer = host.id == sender.id ? receiver : sender
            let hop = way.nextHop ?? peer.vtep
            return PathFault(
                .underlay, "neighbour \(hop)", on: host.name,
                "\(hop) does not answer neighbour discovery on \(host.interface) of \(host.name)",
                mend: "look at \(hop): is it up, is it on this link, does a filter drop ICMPv6 types 135 and 136?")
        }
        return PathFault(
            .underlay, "underlay",
            both
                ? "nothing passes between \(sender.vtep) and \(receiver.vtep), no echo and no UDP"
                : "nothing from \(sender.vtep) arrives at \(receiver.vtep), no echo is answered",
            mend: "look at routers and firewalls between \(sender.name) and \(receiver.name): "
                + "`traceroute6 \(receiver.vtep)` on \(sender.name)")
    }

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
        let largeEcho = directions.contains { $0.sender.tally(.largeEcho).onWire > 0 }
        let smallEcho = directions.contains { $0.sender.tally(.echo).onWire > 0 }
        for (sender, receiver) in directions {
            let isNarrow =
                (receiver.tally(.unicast).onWire > 0 && receiver.tally(.largeUnicast).onWire == 0)
                || (smallEcho && !largeEcho && receiver.tally(.largeUnicast).onWire == 0)
            guard isNarrow else { continue }
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

    /// "0.21"
    static func milliseconds(_ microseconds: Int) -> String {
        let hundredths = (microseconds + 5) / 10
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
