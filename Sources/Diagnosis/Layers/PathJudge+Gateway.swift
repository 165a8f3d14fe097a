import Addressing
import NetworkModel

/// Through a gateway, and what is beyond it.
extension PathJudge {
    /// The gateway itself.
    var gateway: Finding {
        guard let gateway = world.gateway else { return .skip("no gateway is on this way") }
        guard let found = world.to.host.findings?.gateway else {
            return .fail(
                PathFault(
                    .gateway, gateway.name, on: world.to.host.name,
                    "the agent on \(world.to.host.name) does not carry gateway \(gateway.name)",
                    mend: "kcnet gateway show \(gateway.name) says what hinders it"))
        }
        if let fault = fault(of: gateway, found) { return .fail(fault) }
        let outer = found.outer.map { ", \($0.device)" } ?? ""
        return .ok([
            Evidence("gateway \(gateway.name) forwards", for: .project),
            Evidence("\(found.inner.device)\(outer) up on \(world.to.host.name), its daemons run"),
        ])
    }

    private func fault(of gateway: PathWorld.Gateway, _ found: GatewayFinding) -> PathFault? {
        let host = world.to.host.name
        let again = "nothing, when the agent on \(host) works: it repairs this; kcnet gateway show \(gateway.name)"
        func fault(_ component: String, _ text: String, mend: String? = nil) -> PathFault {
            PathFault(.gateway, component, on: host, text, mend: mend ?? again)
        }
        guard found.exists else {
            return fault(
                "namespace", "gateway \(gateway.name) has no namespace (\(gateway.namespace)) on \(host)")
        }
        for hop in [found.inner] where !hop.exists || !hop.isRunning {
            return fault(
                hop.device.text,
                "\(hop.device) of gateway \(gateway.name) on \(host) is \(hop.exists ? "down" : "missing")")
        }
        if !found.isForwarding {
            return fault(
                "forwarding", "the namespace of gateway \(gateway.name) on \(host) does not forward",
                mend: "\(again); or ip netns exec \(gateway.namespace) sysctl -w net.ipv6.conf.all.forwarding=1")
        }
        if !found.hasRouterAddress {
            return fault(
                "fe80::1", "\(found.inner.device) of gateway \(gateway.name) on \(host) has not the address fe80::1")
        }
        if let lack = found.lacks, gateway.isTranslated {
            let what = lack == "translator" ? lack : "mapping \(lack)"
            return fault(
                what,
                "the translator of gateway \(gateway.name) on \(host) "
                    + (lack == "translator"
                        ? "is not there, or not whole" : "has not the mapping of \(world.from.name) to \(lack)"))
        }
        if let daemon = found.daemons.first {
            return fault(
                daemon.name, "\(daemon.name) of gateway \(gateway.name) on \(host): \(daemon.problem)",
                mend: "look at the log of `kcd node` on \(host): it has the words of \(daemon.name)")
        }
        return nil
    }

    /// From the gateway to the target and back.
    var beyond: Finding {
        guard let gateway = world.gateway, let found = world.to.host.findings?.gateway else {
            return .skip("no gateway is on this way")
        }
        let host = world.to.host.name
        guard let outer = found.outer else {
            return .fail(
                PathFault(
                    .beyond, "uplink", on: host, "gateway \(gateway.name) has no way out",
                    mend: "kcnet gateway update \(gateway.name) --uplink-routed, or with an interface of its own"))
        }
        if !outer.exists || !outer.isRunning {
            return .fail(
                PathFault(
                    .beyond, outer.device.text, on: host,
                    "\(outer.device) of gateway \(gateway.name) on \(host) is "
                        + (outer.exists ? "down, or has no carrier" : "missing"),
                    mend: "ip -n \(gateway.namespace) link set \(outer.device) up; look at the cable and what is behind"
                ))
        }
        if gateway.isOutside, !found.hasWayOut {
            return .fail(
                PathFault(
                    .beyond, "next hop", on: host,
                    "gateway \(gateway.name) on \(host) has no default route whose next hop answers",
                    mend: "ip -n \(gateway.namespace) -6 route; ping the next hop from there: is the router outside up?"
                ))
        }
        guard let target = gateway.target else {
            return .ok([
                Evidence(
                    "the next hop of gateway \(gateway.name) answers; name an address as outside:ADDRESS "
                        + "to have it asked", for: .project)
            ])
        }
        return reached(gateway, found, outer, target)
    }

    private func reached(
        _ gateway: PathWorld.Gateway, _ found: GatewayFinding, _ outer: GatewayFinding.Hop, _ target: IPv6Address
    ) -> Finding {
        let small = world.from.host.tally(.reach)
        let large = world.from.host.tally(.largeReach)
        guard small.sent > 0 else {
            return .skip("\(world.from.name) has no address by which something beyond could answer it")
        }
        if small.delivered * 2 < Self.wanted { return .fail(lost(gateway, found, outer, target, small)) }
        if large.delivered == 0 {
            let bytes = world.segment?.mtu.bytes ?? 0
            return .fail(
                PathFault(
                    .beyond, "large packets",
                    "\(target) answers small echoes of \(world.from.name) and none of \(bytes) bytes",
                    mend: "look for a smaller MTU between gateway \(gateway.name) and \(target), and for a filter that "
                        + "drops ICMPv6 'packet too big' (type 2): tracepath6 \(target)"))
        }
        return .ok([
            Evidence(
                "\(target) answers \(world.from.name) through \(gateway.name): \(small.delivered) small echoes, "
                    + "\(large.delivered) of \(world.segment?.mtu.bytes ?? 0) bytes", for: .project)
        ])
    }

    /// Echoes of each size that are sent to somebody who answers (`CrossingOrder.rounds`).
    private static let wanted = 6

    /// Where the echoes, or their answers, stay.
    private func lost(
        _ gateway: PathWorld.Gateway, _ found: GatewayFinding, _ outer: GatewayFinding.Hop, _ target: IPv6Address,
        _ small: ProbeTally
    ) -> PathFault {
        let host = world.to.host.name
        let inner = found.inner
        func fault(_ component: String, _ text: String, on host: String? = host, mend: String) -> PathFault {
            PathFault(.beyond, component, on: host, text, mend: mend)
        }
        let drop = found.drops.max { ($0.value, $1.key) < ($1.value, $0.key) }
        if inner.requestsIn == 0 {
            return fault(
                "port",
                "of \(small.sent) echoes from \(world.from.name) to \(target) none comes to \(inner.device) of "
                    + "gateway \(gateway.name)", on: world.from.host.name,
                mend: "kcnet drops \(world.from.name): what its guard or its policy stops has a reason there")
        }
        if gateway.isTranslated, inner.answersOut == 0 {
            return fault(
                "translation",
                "\(inner.requestsIn) echoes to \(target) come to gateway \(gateway.name), to be translated to IPv4, and no "
                    + "answer comes back"
                    + (drop.map { "; its firewall dropped \($0.value) packets as '\($0.key)'" } ?? ""),
                mend:
                    "kcnet explain \(target): what it becomes; then see that the IPv4 address answers, and has a route "
                    + "back to the gateway's pool")
        }
        if outer.requestsOut == 0 || inner.answersOut == 0 && outer.answersIn > 0 {
            let what = outer.requestsOut == 0 ? "echoes to \(target)" : "answers of \(target)"
            return fault(
                drop?.key ?? "route",
                "gateway \(gateway.name) takes \(what) in and hands none on"
                    + (drop.map { ": its firewall dropped \($0.value) packets as '\($0.key)'" } ?? ""),
                mend: drop == nil
                    ? "ip -n \(gateway.namespace) -6 route get \(target)"
                    : "kcnet drops --gateway \(gateway.name); then the gateway's policies, or those of the ports")
        }
        if outer.answersIn == 0 {
            return fault(
                gateway.isOutside ? "route back" : "answer",
                "\(outer.requestsOut) echoes to \(target) left by \(outer.device) of gateway \(gateway.name), and no answer "
                    + "came back",
                on: nil,
                mend: gateway.isOutside
                    ? "see that \(target) is up and answers echoes, and that the routers outside have a route back"
                        + (gateway.prefix.map { " to \($0)" } ?? "") + " (kcnet route list)"
                    : "kcnet path from \(gateway.targetName ?? "\(target)"): the other side of the gateway")
        }
        return fault(
            "port",
            "\(inner.answersOut) answers left by \(inner.device) of gateway \(gateway.name), and "
                + "\(small.delivered) came to the port of \(world.from.name)", on: world.from.host.name,
            mend: "kcnet drops \(world.from.name)")
    }
}
