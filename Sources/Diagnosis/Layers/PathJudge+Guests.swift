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

    func hasCarrier(_ end: PathWorld.End) -> Bool {
        !end.host.devices(.port).contains { $0.attachment == end.guest?.id && !$0.isRunning }
    }

    /// A port without carrier takes no frames from the bridge: that is the guest's.
    var isSomebodyDown: Bool { [world.from, world.to].contains { !hasCarrier($0) } }

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
            if let fault = sendingFault(end, other, found) ?? misdirection(end, other, found) { return .fail(fault) }
            if found.isNeighbour, !found.answersEcho, world.flow == .echo {
                return fault(
                    "\(end.name) has its address and answers no echo: its own firewall drops it, or it knows no way back",
                    mend: "let ICMPv6 type 128 in inside of \(end.name), and look at `ip -6 route get "
                        + "\(other.guest.map { "\($0.address)" } ?? "ADDRESS")` there; to ask for another flow: --port tcp/22"
                )
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

    /// The guest sends what is for the other one to somebody else. By way of the gateway is no fault.
    private func misdirection(_ end: PathWorld.End, _ other: PathWorld.End, _ found: GuestFinding) -> PathFault? {
        guard let mac = found.answersTo, let right = other.guest, mac != right.mac, !world.routers.contains(mac)
        else { return nil }
        return PathFault(
            .guest, end.name, on: end.host.name,
            "\(end.name) sends what is for \(other.name) to \(mac), whose MAC is \(right.mac)",
            mend:
                "inside of \(end.name): ip -6 neigh show \(right.address); an entry 'PERMANENT' was put there by hand "
                + "(ip -6 neigh del); any other was learned from whoever claims the address")
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
