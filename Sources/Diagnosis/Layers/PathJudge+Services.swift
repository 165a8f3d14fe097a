import Addressing
import NetworkModel

/// What a segment's gateway gives to guests beside a way: its advertisements, and names.
extension PathJudge {
    /// The guests of the way; the port of a gateway hears no router and asks for no name.
    private var askers: [PathWorld.End] {
        (world.gateway == nil ? [world.from, world.to] : [world.from]).filter { $0.guest != nil }
    }

    var router: Finding {
        guard let router = world.router else { return .skip("no gateway advertises itself on this segment") }
        if isSomebodyDown { return .skip("a port has no carrier") }
        let heard = askers.compactMap { end in finding(end)?.routers.map { (end, $0) } }
        for (end, routers) in heard {
            if let fault = wrongRouter(end, routers, router) { return .fail(fault) }
        }
        for (end, routers) in heard {
            guard let own = routers.first(where: { $0.mac == router.mac }) else {
                // A router answers whoever asked, and finds it by neighbour discovery: the layer of guests says more.
                if !canBeFound(end) { continue }
                return .fail(
                    PathFault(
                        .router, "router advertisements", on: end.host.name,
                        "\(end.name) asked for routers, and within 2.5 s no advertisement of gateway \(router.name) came to "
                            + "its port",
                        mend: "kcnet gateway show \(router.name); the log of `kcd node` on its host has the words of "
                            + "radvd; `kcnet path \(end.name) outside` looks at the gateway itself"))
            }
            if let prefix = router.prefix, !own.prefixes.contains(prefix) {
                let seen = own.prefixes.isEmpty ? "none" : own.prefixes.map { "\($0)" }.joined(separator: ", ")
                return .fail(
                    PathFault(
                        .router, "prefix \(prefix)", on: end.host.name,
                        "gateway \(router.name) advertises \(seen) to \(end.name), the segment's prefix is \(prefix)",
                        mend: "nothing, when the agent on the gateway's host works: it writes radvd's settings anew"))
            }
        }
        let right = heard.filter { $0.1.contains { $0.mac == router.mac } }
        guard let first = right.first?.1.first(where: { $0.mac == router.mac }) else {
            return .skip(heard.isEmpty ? "no port could be listened at" : "no guest can be found by a router")
        }
        let names = right.map(\.0.name).joined(separator: " and ")
        return .ok([
            Evidence(
                "\(names) \(right.count == 1 ? "hears" : "hear") \(first.address) of \(router.name) alone, lifetime "
                    + "\(first.lifetime) s" + (first.prefixes.first.map { ", prefix \($0)" } ?? ""), for: .project)
        ])
    }

    /// Whether a guest answers neighbour solicitations, for its own address or at least for its link-local one.
    private func canBeFound(_ end: PathWorld.End) -> Bool {
        guard let guest = finding(end), guest.foreignMAC == nil else { return false }
        return guest.isNeighbour || guest.isPresent && !guest.answersEcho
    }

    /// Somebody else who says that it is a router.
    private func wrongRouter(
        _ end: PathWorld.End, _ routers: [RouterFinding], _ right: PathWorld.Router
    ) -> PathFault? {
        guard let wrong = routers.first(where: { $0.mac != right.mac }) else { return nil }
        let prefixes = wrong.prefixes.map { "\($0)" }.joined(separator: ", ")
        return PathFault(
            .router, "router \(wrong.mac)", on: end.host.name,
            "\(wrong.address) (\(wrong.mac)) advertises itself to \(end.name) as a router for \(wrong.lifetime) s"
                + (prefixes.isEmpty ? "" : " with \(prefixes)")
                + "; the segment's router is \(right.name) (\(right.mac))",
            mend:
                "find \(wrong.mac): `bridge fdb show | grep \(wrong.mac)` on \(end.host.name) names the port that it is "
                + "behind; a guest that advertises is stopped by its guard, unless the guard's table is gone (`kcnet drops`)"
        )
    }

    var names: Finding {
        guard let resolver = world.resolver else { return .skip("no resolver is given to this segment") }
        let asked = askers.compactMap { end in finding(end)?.names.map { (end, $0) } }
        for (end, answers) in asked {
            func fault(_ component: String, _ text: String, mend: String) -> Finding {
                .fail(PathFault(.names, component, on: end.host.name, text, mend: mend))
            }
            let gateway = world.router?.name ?? "NAME"
            guard answers.own != nil || answers.asked != nil else {
                return fault(
                    "resolver \(resolver)", "\(resolver) answers no question about names that \(end.name) would put",
                    mend: "kcnet gateway show \(gateway); the log of `kcd node` on its host has the words of unbound; "
                        + "policies of \(end.name) must let it answer (`kcnet drops \(end.name)`)")
            }
            let code = answers.asked
            // NOERROR and NXDOMAIN (RFC 1035 section 4.1.1) are answers of somebody who knows.
            guard let code, code == 0 || code == 3 else {
                return fault(
                    "forwarders of \(resolver)",
                    "\(resolver) answers \(end.name) what it knows itself, and for names of the world "
                        + (code.map { "says \(Self.word($0))" } ?? "says nothing within 2.5 s"),
                    mend:
                        "see that the forwarders of gateway \(gateway) answer: kcnet gateway show \(gateway); from its "
                        + "namespace they must be reached")
            }
        }
        guard !asked.isEmpty else { return .skip("nobody could ask") }
        return .ok([
            Evidence("\(resolver) answers \(asked.map(\.0.name).joined(separator: " and "))", for: .project)
        ])
    }

    /// RCODE in words (RFC 1035 section 4.1.1).
    private static func word(_ code: Int) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: "RCODE \(code)"
        }
    }
}
