import Addressing
import NetworkModel

/// From port to port: frames as guests would send them, and what becomes of them between.
extension PathJudge {
    var passage: Finding {
        guard world.segment != nil, world.hosts.contains(where: { $0.tally(.marked).sent > 0 }) else {
            let reason = world.hosts.compactMap { $0.findings?.failures.first }.first
            return .skip("no frames could be put in at the ports" + (reason.map { ": \($0)" } ?? ""))
        }
        if isSomebodyDown { return .skip("a port has no carrier") }
        if world.isLocal {
            // Echoes of both directions together; from an agent of a version before other flows too, of which one way may be
            // stopped.
            let local = world.from.host.tally(.marked)
            guard local.delivered * 4 >= local.sent * (world.flow == .echo ? 3 : 2) else {
                return .fail(fault(world.from, world.to, arrived: local.delivered, sent: local.sent))
            }
            if let fault = deafness(world.from, world.to) ?? gap(world.from) { return .fail(fault) }
            return .ok([Evidence("\(local.delivered) of \(local.sent) marked frames of \(world.flow)", for: .project)])
        }
        var evidence: [Evidence] = []
        // Who may begin a flow says nothing of flows the other way; echoes may go both ways whatever the policies.
        for (from, to) in ends.prefix(world.flow == .echo ? 2 : 1) {
            let (arrived, sent) = count(.marked, from, to)
            guard arrived * 2 >= sent else { return .fail(fault(from, to, arrived: arrived, sent: sent)) }
            evidence.append(
                Evidence("\(world.flow) \(from.name) → \(to.name) \(arrived) of \(sent) marked frames", for: .project))
        }
        for (from, to) in ends { if let fault = deafness(from, to) ?? gap(from) { return .fail(fault) } }
        return .ok(evidence)
    }

    /// Solicitations that do not come though frames do: whoever is not known yet is not found.
    private func deafness(_ from: PathWorld.End, _ to: PathWorld.End) -> PathFault? {
        let (heard, sent) = (to.host.tally(.solicitation), from.host.tally(.solicitation))
        // Two in rounds that were heard; an agent of a version before neither sends nor counts.
        guard sent.sent > 0, heard.sent > 0, heard.expected >= 2, heard.delivered * 4 < heard.expected else {
            return nil
        }
        let (component, host) = place(
            left: (from.host.findings?.passage?.solicitationsLeft).map { $0 * 4 >= heard.expected },
            entered: (to.host.findings?.passage?.solicitationsEntered).map { $0 * 4 >= heard.expected }, from, to)
        return PathFault(
            .guards, component, on: host,
            "\(heard.delivered) of \(heard.expected) neighbour solicitations from \(from.name) come to \(to.name), other "
                + "frames do: who is not known yet is not found"
                + (world.isLocal ? "" : "; they stay on \(host ?? "the way")"),
            mend:
                "look for who drops frames to groups in \(component): `nft list ruleset`, `bridge -d link`, `bridge -d mdb`"
                + (host.map { " on \($0)" } ?? ""))
    }

    /// Between two ports, where frames stay: known by whether they left the first host's bridge for the tunnel, and came out
    /// of the tunnel on the second.
    private func place(
        left: Bool?, entered: Bool?, _ from: PathWorld.End, _ to: PathWorld.End
    ) -> (component: String, host: String?) {
        guard let vni = world.segment?.vni else { return ("port", nil) }
        let (bridge, tunnel) = (InterfaceName.bridge(vni).text, InterfaceName.vxlan(vni).text)
        if world.isLocal { return (bridge, from.host.name) }
        guard let left, let entered else { return ("port", nil) }
        if !left { return (bridge, from.host.name) }
        return entered ? (bridge, to.host.name) : (tunnel, from.host.name)
    }

    /// KC's tables are gone from a host: its gates are closed, those of tunnels, too.
    func isUnguarded(_ host: PathWorld.Host) -> Bool {
        host.findings?.isGuarded == false || host.findings?.guards?.isGone == true
    }

    /// How many arrived, of how many that should have: of all when nothing arrives.
    func count(
        _ kind: ProbeTally.Kind, _ from: PathWorld.End, _ to: PathWorld.End
    ) -> (arrived: Int, sent: Int) {
        let heard = to.host.tally(kind)
        return (heard.delivered, heard.expected > 0 ? heard.expected : from.host.tally(kind).sent)
    }

    private func fault(_ from: PathWorld.End, _ to: PathWorld.End, arrived: Int, sent: Int) -> PathFault {
        for end in [from, to] where isUnguarded(end.host) {
            return PathFault(
                .guards, "table bridge kc", on: end.host.name,
                "\(end.host.name) has no table 'bridge kc', and without it the gate of the port of \(end.name) lets "
                    + "nothing pass",
                mend:
                    "nothing, when the agent on \(end.host.name) works: it makes the table again; if it goes again, look "
                    + "for who flushes rulesets there: `nft monitor`")
        }
        let lost = "; \(sent - arrived) of \(sent) frames of \(world.flow) from \(from.name) do not come to \(to.name)"
        for end in [from, to] { if let fault = gap(end, lost) { return fault } }
        // What was dropped at least as often as frames are missing.
        for end in [from, to] {
            let drops = end.host.tally(.marked).drops.filter { $0.value * 2 >= sent - arrived }
            guard let (reason, count) = drops.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { continue }
            let explanation = DropExplanation(rawValue: reason)
            return PathFault(
                .guards, reason, on: end.host.name,
                "the guard of \(end.name)'s port dropped \(count) frames as '\(reason)'"
                    + (explanation.map { ": \($0.rule)" } ?? "")
                    + (explanation == .policy && end.guest?.policies.isEmpty == false
                        ? " (it has \(end.guest?.policies.joined(separator: ", ") ?? ""))" : ""),
                mend: explanation?.advice ?? "kcnet drops \(end.name)")
        }
        let passage = (from: from.host.findings?.passage, to: to.host.findings?.passage)
        let (component, host) = place(
            left: passage.from.map { $0.left * 2 >= sent }, entered: passage.to.map { $0.entered * 2 >= sent }, from, to
        )
        let seen = passage.from.flatMap { first in
            passage.to.map { "; \(first.left) left \(from.host.name) and \($0.entered) came in at \(to.host.name)" }
        }
        return PathFault(
            .guards, component, on: host,
            "\(arrived) of \(sent) frames of \(world.flow) that \(from.name) would send come to \(to.name), and no guard "
                + "of KC's counts the others" + (world.isLocal ? "" : seen ?? ""),
            mend: "look for filters of others in the bridge: `nft list ruleset`, `tc filter show dev \(component)` on "
                + (host ?? world.hosts.map(\.name).joined(separator: " and ")))
    }

    /// What guards should have and have not. Frames that pass all the same are not all that a guest may send.
    private func gap(_ end: PathWorld.End, _ lost: String = "") -> PathFault? {
        guard let guards = end.host.findings?.guards else { return nil }
        let host = end.host.name
        let again = "nothing, when the agent on \(host) works: it makes them again; `nft monitor` there shows who "
        guard let set = guards.missing.keys.min() else {
            return guards.isChanged
                ? PathFault(
                    .guards, "table bridge kc", on: host,
                    "somebody changed the rules of table 'bridge kc' on \(host)\(lost)",
                    mend: again + "changes rules") : nil
        }
        let elements = guards.missing.sorted { $0.key < $1.key }.flatMap { set, elements in elements.map { (set, $0) } }
        let first = elements.prefix(3).map { set, element in
            // The words of an element begin with its set.
            "\(set) { \(element.dropFirst(element.hasPrefix(set) ? set.count + 1 : 0)) }"
        }
        let more = elements.count > first.count ? " and \(elements.count - first.count) more" : ""
        return PathFault(
            .guards, set, on: host,
            "sets of table 'bridge kc' on \(host) lack what they should have: \(first.joined(separator: ", "))\(more)\(lost)",
            mend: again + "removes elements")
    }
}
