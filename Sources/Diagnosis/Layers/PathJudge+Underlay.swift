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
        for (direction, isHeard) in zip(directions, arrivals) where !isHeard {
            if let fault = wrongMachine(direction.sender, direction.receiver) { return .fail(fault) }
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
            Evidence(
                "\(from.vtep) ↔ \(to.vtep)\(time ?? ", no echo: a firewall drops it, UDP passes")" + twoWays)
        ])
    }

    /// What there is to say of ways there and back that differ.
    private var twoWays: String {
        let hops = directions.map { $0.sender.findings?.underlay?.nextHop }
        guard (hops[0] == nil) != (hops[1] == nil) else { return "" }
        return zip(directions, hops).compactMap { direction, hop in
            hop.map { "; \(direction.sender.name) sends by \($0), \(direction.receiver.name) straight" }
        }.joined()
    }

    /// The router that one end sends by though the other one sends straight: the end and the hop, for what is lost there.
    func detour(_ sender: PathWorld.Host, _ receiver: PathWorld.Host) -> IPv6Address? {
        guard receiver.findings?.underlay != nil, receiver.findings?.underlay?.nextHop == nil else { return nil }
        return sender.findings?.underlay?.nextHop
    }

    /// What a host sends to the other one's address goes to another machine. Proxies do so, too, and deliver.
    func wrongMachine(_ host: PathWorld.Host, _ peer: PathWorld.Host) -> PathFault? {
        guard let way = host.findings?.underlay, way.nextHop == nil, let mac = way.neighbourMAC,
            let right = peer.findings?.underlay?.ownMAC, mac != right
        else { return nil }
        let isByHand = way.neighbour == .fixed
        return PathFault(
            .underlay, "neighbour \(peer.vtep)", on: host.name,
            "\(host.name) sends what is for \(peer.vtep) to \(mac), and \(peer.interface) of \(peer.name) is \(right): "
                + (isByHand ? "its entry was put there by hand" : "another machine says that it has the address"),
            mend: isByHand
                ? "ip -6 neigh del \(peer.vtep) dev \(host.interface) on \(host.name)"
                : "find the machine with the MAC \(mac) and take \(peer.vtep) away from it; then: ip -6 neigh flush "
                    + "\(peer.vtep) on \(host.name)")
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
        for (host, peer) in [(sender, receiver), (receiver, sender)] {
            if let fault = wrongMachine(host, peer) { return fault }
        }
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
        if let hop = detour(sender, receiver) {
            return PathFault(
                .underlay, "next hop \(hop)", on: sender.name,
                "nothing from \(sender.vtep) arrives at \(receiver.vtep): \(sender.name) sends by \(hop), while "
                    + "\(receiver.name) sends straight",
                mend: "ip -6 route get \(receiver.vtep) on \(sender.name): is the detour wanted, does \(hop) forward?")
        }
        return PathFault(
            .underlay, "underlay",
            both
                ? "nothing passes between \(sender.vtep) and \(receiver.vtep), no echo and no UDP"
                : "nothing from \(sender.vtep) arrives at \(receiver.vtep), no echo is answered",
            mend: "look at routers and firewalls between \(sender.name) and \(receiver.name): "
                + "`traceroute6 \(receiver.vtep)` on \(sender.name)")
    }

    /// "0.21"
    static func milliseconds(_ microseconds: Int) -> String {
        let hundredths = (microseconds + 5) / 10
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
