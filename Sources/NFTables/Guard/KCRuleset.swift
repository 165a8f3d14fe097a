import Addressing

/// KC's own tables: the number of rules is constant, what grows is sets (design: a port costs elements, not rules).
///
/// `bridge kc` guards ports: a port without elements neither sends nor receives. `inet kc` lets only known tunnel
/// endpoints send VXLAN here.
///
/// `bridge kc` has three hooks, because each sees frames that the other two do not:
/// - prerouting: all that a port sends, before the bridge learns its source address; what passes gets a mark;
/// - input: link-local groups (01:80:c2:00:00:0x), which skip prerouting but whose source the bridge also learns;
/// - postrouting: all that leaves by a port, forwarded, flooded or sent by the host itself (forward alone would miss
///   the last).
package enum KCRuleset {
    package static let table: Identifier = "kc"
    /// Tunnel endpoints that may send VXLAN here (`inet kc`).
    package static let vteps: Identifier = "vteps"

    /// Before everything else that is usual in its hook: NF_BR_PRI_NAT_DST_BRIDGED is -300 (linux/netfilter_bridge.h),
    /// NF_IP6_PRI_RAW -300 (linux/netfilter_ipv6.h). What is dropped here never reaches br_netfilter (priority 0 of
    /// the bridge family) nor costs another's rule anything; what passes here can still be dropped by others. Only
    /// IPv6 reassembly (NF_IP6_PRI_CONNTRACK_DEFRAG, -400, at prerouting) is earlier, and that helps us.
    package static let priority: Int32 = -350

    /// The structure for an underlay whose VXLAN uses this UDP port.
    /// - Parameter leadsUplinks: whether gateways' routed uplinks end at the host. What keeps them off the underlay is a hook
    ///   that br_netfilter leads all bridged frames through as well, so hosts without such an uplink do without.
    package static func structure(vxlanPort: UInt16, leadsUplinks: Bool = false) -> Ruleset {
        Ruleset(tables(vxlanPort: vxlanPort, leadsUplinks: leadsUplinks))
    }

    /// The same as values: what an evaluator interprets.
    package static func tables(vxlanPort: UInt16, leadsUplinks: Bool = false) -> [Table] {
        [guardTable, tunnelFilter(port: vxlanPort, leadsUplinks: leadsUplinks)]
    }

    /// The text that takes both tables away, also when they are not there.
    package static var removal: String {
        [Table(.bridge, table), Table(.inet, table)].map {
            "table \($0.reference)\ndelete table \($0.reference)\n"
        }.joined()
    }

    /// Elements by set, sorted, so that equal sets give equal text.
    package static func elements(_ elements: some Sequence<GuardElement>) -> [Elements] {
        let bySet = Dictionary(grouping: elements, by: \.set)
        return GuardSet.allCases.compactMap { set in
            bySet[set].map { Elements(set.family, table, set.set, $0.sorted().map(\.element)) }
        }
    }

    package static let vtepSet = NamedSet("vteps", of: [.ipv6Source], comment: "who may send VXLAN here")

    private static var guardTable: Table {
        Table(
            .bridge, table, sets: Sets.filledByAgent + Sets.filledByPackets,
            chains: fromPort + checks + flows(.ipv6) + toPort + fromPortIPv4 + checksIPv4 + flows(.ipv4) + toPortIPv4
                + drops)
    }

    /// At input, not at raw prerouting: prerouting also sees what this host forwards for others, and with br_netfilter
    /// the frames of tenants, whose own use of the VXLAN port is not our business. A packet dropped at input leaves no
    /// conntrack entry either (entries are confirmed at the end of input).
    ///
    /// A sender could cut its packet so that the UDP header is not in the first fragment, and no rule on the port
    /// would see it (input runs before reassembly when conntrack is not in use). Such a first fragment is not allowed
    /// to exist (RFC 7112 section 5), so it is dropped unless a known endpoint sent it.
    private static func tunnelFilter(port: UInt16, leadsUplinks: Bool) -> Table {
        let firstFragment: Identifier = "first-fragment"
        let isStranger = Match.notInSet([.ipv6Source], vteps)
        return Table(
            .inet, table, sets: [vtepSet],
            chains: [
                Chain(
                    "from-underlay", hook: Hook(.input, priority: priority),
                    rules: [
                        Rule(.inputNamePrefix("kcu"), then: .goto("from-gateway")),
                        Rule(
                            .equal(.transportProtocol, .number(17)), .equal(.transport(16, 16), .number(UInt64(port))),
                            then: .goto("to-tunnel")),
                        Rule(.equal(.fragmentOffset, .number(0)), isStranger, then: .jump(firstFragment)),
                    ]),
                // What passes here has the mark that the gates of tunnels want to see.
                Chain(
                    "to-tunnel",
                    rules: [
                        Rule([.match(isStranger), .count, .verdict(.drop)]),
                        Rule([
                            .match(.equal(.meta(.networkProtocol), .number(2))), .count, .verdict(.drop),
                        ]),
                        Rule([.setMark(FrameMark.fromEndpoint), .verdict(.accept)]),
                    ]),
                // The host is the next hop of its gateways and nothing else: they ask for its address, may be told of
                // errors, and reach no service of it.
                Chain(
                    "from-gateway",
                    rules: [
                        Rule(
                            .equal(.transportProtocol, .number(58)),
                            .oneOf(.transport(0, 8), [1, 2, 3, 4, 129, 135, 136]), then: .accept),
                        Rule(counted: true, then: .drop),
                    ]),
                Chain(
                    firstFragment,
                    rules: [
                        Rule(.notEqual(.transportProtocol, .number(17)), then: .return),
                        // Any value will do: the load itself fails on a packet that ends before it.
                        Rule(.isPresent(.transport(0, 8)), then: .return),
                        Rule(counted: true, then: .drop),
                    ]),
            ] + (leadsUplinks ? [throughHost] : []))
    }

    /// Gateways reach no tunnel endpoint through the host either: those are never a way's end.
    private static var throughHost: Chain {
        Chain(
            "through-host", hook: Hook(.forward, priority: priority),
            rules: [
                Rule(
                    [.inputNamePrefix("kcu"), .inSet([.ipv6Destination], vteps)].map(Statement.match)
                        + [.count, .verdict(.drop)])
            ])
    }
}
