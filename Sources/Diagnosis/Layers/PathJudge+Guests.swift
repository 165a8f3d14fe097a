import Addressing
import NetworkModel

/// From guest to guest.
extension PathJudge {
    var ends: [(own: PathWorld.End, other: PathWorld.End)] {
        [(world.from, world.to), (world.to, world.from)]
    }

    func finding(_ end: PathWorld.End) -> GuestFinding? {
        end.host.findings?.guests.first { $0.attachment == end.guest?.id }
    }

    private func hasCarrier(_ end: PathWorld.End) -> Bool {
        !end.host.devices(.port).contains { $0.attachment == end.guest?.id && !$0.isRunning }
    }

    /// A port without carrier takes no frames from the bridge: that is the guest's.
    var isSomebodyDown: Bool { [world.from, world.to].contains { !hasCarrier($0) } }

    var passage: Finding {
        guard world.segment != nil, world.hosts.contains(where: { $0.tally(.marked).sent > 0 }) else {
            let reason = world.hosts.compactMap { $0.findings?.failures.first }.first
            return .skip("no frames could be put in at the ports" + (reason.map { ": \($0)" } ?? ""))
        }
        if isSomebodyDown { return .skip("a port has no carrier") }
        if world.isLocal {
            // Of both directions together.
            let both = world.from.host.tally(.marked)
            guard both.delivered * 4 >= both.sent * (world.flow == .echo ? 3 : 1) else {
                return .fail(fault(world.from, world.to, arrived: both.delivered, sent: both.sent))
            }
            return .ok([Evidence("\(both.delivered) of \(both.sent) marked frames of \(world.flow)", for: .project)])
        }
        var evidence: [Evidence] = []
        // Who may begin a flow says nothing of flows the other way; echoes may go both ways whatever the policies.
        for (from, to) in ends.prefix(world.flow == .echo ? 2 : 1) {
            let (arrived, sent) = count(.marked, from, to)
            guard arrived * 2 >= sent else { return .fail(fault(from, to, arrived: arrived, sent: sent)) }
            evidence.append(
                Evidence("\(world.flow) \(from.name) → \(to.name) \(arrived) of \(sent) marked frames", for: .project))
        }
        return .ok(evidence)
    }

    /// How many arrived, of how many that should have: of all when nothing arrives.
    func count(
        _ kind: ProbeTally.Kind, _ from: PathWorld.End, _ to: PathWorld.End
    ) -> (arrived: Int, sent: Int) {
        let heard = to.host.tally(kind)
        return (heard.delivered, heard.expected > 0 ? heard.expected : from.host.tally(kind).sent)
    }

    private func fault(_ from: PathWorld.End, _ to: PathWorld.End, arrived: Int, sent: Int) -> PathFault {
        for end in [from, to] where end.host.findings?.isGuarded == false {
            return PathFault(
                .guards, "table bridge kc", on: end.host.name,
                "\(end.host.name) has no table 'bridge kc', and without it the gate of the port of \(end.name) lets "
                    + "nothing pass",
                mend:
                    "nothing, when the agent on \(end.host.name) works: it makes the table again; if it goes again, look "
                    + "for who flushes rulesets there: `nft monitor`")
        }
        // What was dropped at least as often as frames are missing.
        for end in [from, to] {
            let drops = end.host.tally(.marked).drops.filter { $0.value * 2 >= sent - arrived }
            guard let (reason, count) = drops.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { continue }
            let explanation = DropExplanation(rawValue: reason)
            return PathFault(
                .guards, reason, on: end.host.name,
                "the guard of \(end.name)'s port dropped \(count) frames as '\(reason)'"
                    + (explanation.map { ": \($0.rule)" } ?? ""),
                mend: explanation?.advice ?? "kcnet drops \(end.name)")
        }
        return PathFault(
            .guards, "port",
            "\(arrived) of \(sent) frames of \(world.flow) that \(from.name) would send come to \(to.name), and no guard "
                + "of KC's counts the others",
            mend: "look for filters of others in the bridge: `nft list ruleset` on "
                + world.hosts.map(\.name).joined(separator: " and "))
    }

    var guests: Finding {
        guard world.segment != nil else { return .skip("no segment between hosts") }
        for (end, other) in ends {
            func fault(_ text: String, mend: String) -> Finding {
                .fail(PathFault(.guest, end.name, on: end.host.name, text, mend: mend))
            }
            guard hasCarrier(end) else {
                return fault(
                    "the port of \(end.name) has no carrier: its machine is off, or its interface is down",
                    mend: "start it, or `ip link set UP` inside of it")
            }
            guard let guest = end.guest, let found = finding(end) else { continue }
            if let mac = found.foreignMAC {
                return fault(
                    "\(end.name) answers from \(mac), its MAC is \(guest.mac): what it sends is dropped",
                    mend: "give its interface \(guest.mac), or: kcnet attachment update \(end.name) --mac \(mac)")
            }
            if found.claimsOther {
                return fault(
                    "\(end.name) has the address of \(other.name) too",
                    mend: "take \(other.guest.map { "\($0.address)" } ?? "it") away inside of \(end.name)")
            }
            guard found.isPresent else {
                return fault(
                    "nobody answers at the port of \(end.name), not even for its link-local address",
                    mend: "look at \(end.name): is its system up, does its firewall drop ICMPv6 types 135 and 136?")
            }
            if !found.isNeighbour, found.answersEcho {
                return fault(
                    "\(end.name) has its address and answers no neighbour solicitation: nobody new can reach it",
                    mend: "let ICMPv6 type 135 in inside of \(end.name)")
            }
            guard found.isNeighbour || guest.isAddressOptional else {
                return fault(
                    "\(end.name) is there and has not the address \(guest.address)",
                    mend: "give it that address, or see why it has lost it (its prefix, its router advertisements)")
            }
            if let fault = sendingFault(end, other, found) { return .fail(fault) }
            if found.isNeighbour, !found.answersEcho, world.flow == .echo {
                return fault(
                    "\(end.name) has its address and answers no echo: its own firewall drops it",
                    mend: "let ICMPv6 type 128 in inside of \(end.name); to ask for another flow: --port tcp/22")
            }
        }
        let asked = ends.map(\.own).filter { finding($0) != nil }.map(\.name)
        guard !asked.isEmpty else { return .skip("no guest could be asked") }
        let without = ends.map(\.own).filter { end in
            finding(end).map { !$0.isNeighbour } ?? false
        }.map {
            Evidence("\($0.name) has only its link-local address: nothing gives it the assigned one", for: .project)
        }
        return .ok([Evidence("\(asked.joined(separator: " and ")) answer at their ports", for: .project)] + without)
    }

    /// What is wrong with what the guest itself sends.
    private func sendingFault(_ end: PathWorld.End, _ other: PathWorld.End, _ found: GuestFinding) -> PathFault? {
        if let source = found.chosenSource,
            let reason = [DropExplanation.spoofedIP, .unlearnedIP].first(where: { found.drops[$0.rawValue] ?? 0 > 0 })
        {
            return PathFault(
                .guest, end.name, on: end.host.name,
                "\(end.name) sends to \(other.name) from \(source), which its guard drops as '\(reason.rawValue)'",
                mend: "look at the routes and addresses inside of \(end.name) (`ip -6 route get "
                    + "\(other.guest.map { "\($0.address)" } ?? "ADDRESS")`); \(reason.advice)")
        }
        guard found.refused >= Self.refusedWhenTooLarge, let mtu = world.segment?.mtu.bytes else { return nil }
        return PathFault(
            .guest, end.name, on: end.host.name,
            "\(end.name) sends frames larger than \(mtu) bytes, which its segment does not carry: \(found.refused) were "
                + "dropped at its port",
            mend: "ip link set UP mtu \(mtu) inside of \(end.name), or let it take the MTU of router advertisements")
    }

    /// A guest is asked four times for something large. Ports refuse single frames for other reasons, too.
    private static let refusedWhenTooLarge = 3
}
