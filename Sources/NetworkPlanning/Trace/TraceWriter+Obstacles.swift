import Addressing
import NetworkModel
import Resources

extension TraceWriter {
    /// Why a way ends where no table ends it.
    func step(_ obstacle: WayObstacle, _ hop: WayHop, _ direction: TraceStep.Direction) -> TraceStep {
        let host = hop.host.map(name)
        func step(
            _ place: TraceStep.Place, _ text: String, _ mend: String? = nil, reason: String? = nil,
            detail: [String] = []
        ) -> TraceStep {
            TraceStep(direction, place, hop.verdict, text, reason: reason, mend: mend, host: host, detail: detail)
        }
        switch obstacle {
        case .unplaced(let id):
            return step(
                .guest, "\(name(id)) is in no host's plan: it is bound to no host",
                "kcnet attachment update \(name(id)) --host HOST", reason: "unbound")
        case .nobody(let address, let segment):
            return step(
                .bridge,
                "nobody on segment \(name(segment)) has \(Self.text(address)): neighbour discovery ends without an answer",
                "kcnet attachment list shows who has which address; a guest gets one by asking for it", reason: "nobody"
            )
        case .noRouter(let segment):
            return step(
                .router, "segment \(name(segment)) has no gateway, and the address is not on it",
                "kcnet gateway create NAME --segment \(name(segment)) --host HOST", reason: "no-gateway")
        case .routerUnplaced(let segment):
            return step(.router, "the router of segment \(name(segment)) is in no plan that was given")
        case .foreignRouter(let id):
            return step(.guest, "\(name(id)) gets it and routes on: its guest's routes KC does not know")
        case .scope: return step(.router, "link-local and multicast addresses are never routed", reason: "scope")
        case .noRoute(let gateway):
            return step(.router, "gateway \(name(gateway)) has no route there", reason: "no-route")
        case .noUplink(let gateway):
            return step(
                .outside, "gateway \(name(gateway)) has no uplink",
                "kcnet gateway update \(name(gateway)) --uplink routed", reason: "no-uplink")
        case .noIPv4(let gateway):
            return step(
                .translator, "gateway \(name(gateway)) has no part in the IPv4 world",
                "give it an uplink with an IPv4 address and --nat64", reason: "no-ipv4")
        case .noMapping(let id):
            return step(
                .translator, "no mapping gives \(name(id)) an IPv4 address to be reached at",
                "kcnet mapping create NAME --attachment \(name(id))", reason: "unmapped")
        case .untranslated(let gateway, let drop):
            return step(
                .translator, "gateway \(name(gateway)) cannot translate it: \(drop)", reason: "\(drop)")
        case .gatewayIPv4(let gateway):
            return step(
                .translator,
                "the address is gateway \(name(gateway))'s own: who gets it is known to its connections alone")
        case .tunnel(let fault, let far): return step(.tunnel, Self.text(fault, name(far)), reason: "tunnel")
        case .tunnelEndpoint:
            return step(
                .outside, "the host forwards nothing there from gateways", reason: "policy",
                detail: ["inet kc: it is a tunnel endpoint"])
        case .between(let gateway):
            return step(
                .outside,
                "from here, the uplink of gateway \(name(gateway)), the operator's routes lead on; they are not KC's"
            )
        case .relatedOnly(let gateway):
            return step(
                .firewall,
                "an error passes gateway \(name(gateway)) when it is about a packet of a connection that passes")
        case .noLegacy(let id):
            return step(
                .guest,
                "\(name(id)) has no IPv4 address: its segment has no IPv4, or it is a gateway's or an external port",
                "kcnet segment create NAME --ipv4 PREFIX", reason: "no-ipv4")
        case .legacyScope(let segment):
            return step(
                .router, "IPv4 stays inside segment \(name(segment)), and the address is not of it",
                "from elsewhere an attachment is reached by IPv4 through a mapping: kcnet mapping create",
                reason: "scope")
        case .legacyGateway(let gateway):
            return step(
                .router, "gateway \(name(gateway)) gets it: by IPv4 it answers DHCP and echoes, and routes nothing")
        case .bothOutside: return step(.outside, "both ends are outside", reason: "outside")
        case .loop: return step(.router, "the way goes round", reason: "loop")
        }
    }

    private static func text(_ fault: WayTunnelFault, _ far: String) -> String {
        switch fault {
        case .unlistedEndpoint: "inet kc of \(far) does not know the sender's tunnel endpoint"
        case .vni: "\(far) has another VNI for the segment"
        case .port: "\(far) expects VXLAN at another UDP port"
        case .group: "\(far) is in another multicast group"
        case .notFlooded: "the sender's plan does not flood the segment to \(far)"
        }
    }
}
