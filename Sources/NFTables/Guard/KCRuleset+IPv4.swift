extension KCRuleset {
    private typealias S = Sets

    /// ARP and IPv4 of ports on segments that have IPv4: on others they have no way in `ports`, and go to `from-other`.
    static var fromPortIPv4: [Chain] {
        [
            // RFC 826, between Ethernet and IPv4 alone. The sender is the port's own; who asks before it has an address
            // (RFC 5227: the sender is 0.0.0.0) asks for its own.
            Chain(
                Way.arp.chain,
                rules: [
                    Rule(.inSet([.inputName], S.ndRate.name), then: .drop(.rate)),
                    Rule(.notEqual(.network(0, 48), .number(0x0001_0800_0604)), then: .drop(.foreignND)),
                    Rule(.notInSet([.inputName, .network(64, 48)], S.macs.name), then: .drop(.foreignND)),
                    Rule(
                        .oneOf(.network(48, 16), [1, 2]), .inSet(S.targetsIPv4.key, S.targetsIPv4.name),
                        then: .goto("pass")),
                    Rule(
                        .equal(.network(48, 16), .number(1)), .equal(S.arpSender, .number(0)),
                        .inSet([.inputName, .network(192, 32)], S.targetsIPv4.name), then: .goto("pass")),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain(
                Way.ipv4.chain,
                rules: [
                    Rule([
                        .lookUpMark(S.ownIPv4.key, S.ownIPv4.name),
                        Way.choose(
                            .ipv4Open, .ipv4Tracked, .ipv4Filtered, .limitedIPv4Open, .limitedIPv4Tracked,
                            .limitedIPv4Filtered),
                    ]),
                    // A DHCP client that has no address yet (RFC 2131 section 4.1), in one piece.
                    Rule(
                        .equal(.ipv4Source, .number(0)), .equal(.ipv4Destination, .number(0xffff_ffff)),
                        .equal(.network(0, 8), .number(0x45)), .equal(.network(50, 14), .number(0)),
                        .equal(ipv4Protocol, .number(17)), .equal(.network(160, 32), .number(0x0044_0043)),
                        then: .goto("ipv4-client")),
                    Rule(then: .drop(.spoofedIP)),
                ]),
            Chain(
                "ipv4-client",
                rules: [
                    Rule(.inSet([.inputName], S.multicastRate.name), then: .drop(.rate)), Rule(then: .goto("pass")),
                ]),
            Chain(Way.ipv4Open.chain, rules: [Rule(then: .jump("check-ipv4")), Rule(then: .goto("keep-ipv4"))]),
            Chain(Way.ipv4Tracked.chain, rules: [Rule(then: .jump("check-ipv4")), Rule(then: .goto("track-ipv4"))]),
            Chain(Way.ipv4Filtered.chain, rules: [Rule(then: .jump("check-ipv4")), Rule(then: .goto("leave-ipv4"))]),
            Chain(
                Way.limitedIPv4Open.chain,
                rules: [Rule(then: .jump("limits")), Rule(then: .goto(Way.ipv4Open.chain))]),
            Chain(
                Way.limitedIPv4Tracked.chain,
                rules: [Rule(then: .jump("limits")), Rule(then: .goto(Way.ipv4Tracked.chain))]),
            Chain(
                Way.limitedIPv4Filtered.chain,
                rules: [Rule(then: .jump("limits")), Rule(then: .goto(Way.ipv4Filtered.chain))]),
            Chain(
                "keep-ipv4",
                rules: [
                    Rule([
                        .match(isFirstFragment), .add(S.sentFragmentsIPv4.key, S.sentFragmentsIPv4.name),
                    ]),
                    Rule(then: .goto("pass")),
                ]),
        ]
    }

    /// Of the IPv4 header (RFC 791 section 3.1).
    static var ipv4Protocol: Field { .network(72, 8) }

    /// More fragments follow, and none came before.
    private static var isFirstFragment: Match { .equal(.network(50, 14), .number(0x2000)) }

    /// What follows the IPv4 header of guests. Without options but for the router alert of group reports, so that all else
    /// stands at fixed places.
    static var checksIPv4: [Chain] {
        [
            Chain(
                "check-ipv4",
                rules: [
                    Rule(
                        .anyBit(.link(0, 8), 1), .inSet([.inputName], S.multicastRate.name), then: .drop(.rate)),
                    Rule(.notEqual(.network(0, 8), .number(0x45)), then: .goto("check-ipv4-report")),
                    Rule(.notEqual(.network(51, 13), .number(0)), then: .goto("check-ipv4-fragment")),
                    Rule(isFirstFragment, then: .goto("check-ipv4-first-fragment")),
                    Rule([
                        .choose(
                            ipv4Protocol,
                            [
                                .init(6, 4, 41, 47, 50, 132, 136, verdict: .return),
                                .init(17, verdict: .goto("check-ipv4-udp")),
                                .init(1, verdict: .goto("check-ipv4-icmp")),
                            ])
                    ]),
                    Rule(then: .drop(.headerChain)),
                ]),
            Chain(
                "check-ipv4-udp",
                rules: [
                    Rule(.equal(.network(176, 16), .number(68)), then: .drop(.rogueDHCP)),
                    Rule(.equal(.network(160, 16), .number(67)), then: .drop(.rogueDHCP)),
                ]),
            // RFC 792; the router's advertisements are of RFC 1256.
            Chain(
                "check-ipv4-icmp",
                rules: [
                    Rule([
                        .choose(
                            .network(160, 8),
                            [
                                .init(0, 8, verdict: .return), .init(3, 11, 12, verdict: .goto("check-ipv4-error")),
                                .init(5, verdict: .drop(.redirect)), .init(9, verdict: .drop(.rogueRA)),
                            ])
                    ]),
                    Rule(then: .drop(.icmpType)),
                ]),
            // As in `check-error`: the destination that an error quotes is its sender's own.
            Chain(
                "check-ipv4-error",
                rules: [
                    Rule(.inSet([.inputName, .network(352, 32)], S.targetsIPv4.name), then: .return),
                    Rule(then: .drop(.icmpType)),
                ]),
            // IGMP (RFC 2236, RFC 3376), with the option of RFC 2113, never through a router.
            Chain(
                "check-ipv4-report",
                rules: [
                    Rule(.notEqual(.network(0, 8), .number(0x46)), then: .drop(.headerChain)),
                    Rule(.notEqual(ipv4Protocol, .number(2)), then: .drop(.headerChain)),
                    Rule(.equal(.network(192, 8), .number(0x11)), then: .drop(.rogueMLD)),
                    Rule(
                        .equal(.network(64, 8), .number(1)), .equal(.network(50, 14), .number(0)),
                        .equal(.network(160, 32), .number(0x9404_0000)),
                        .oneOf(.network(192, 8), [0x12, 0x16, 0x17, 0x22]), then: .return),
                    Rule(then: .drop(.headerChain)),
                ]),
            Chain(
                "check-ipv4-fragment",
                rules: [
                    Rule(.anyBit(.link(0, 8), 1), then: .drop(.fragment)),
                    // One that begins inside of a TCP header (RFC 3128).
                    Rule(.equal(.network(51, 13), .number(1)), then: .drop(.fragment)),
                    Rule(.inSet(S.sentFragmentsIPv4.key, S.sentFragmentsIPv4.name), then: .return),
                    Rule(then: .drop(.fragment)),
                ]),
            Chain(
                "check-ipv4-first-fragment",
                rules: [
                    Rule(.anyBit(.link(0, 8), 1), then: .drop(.fragment)),
                    Rule(.equal(ipv4Protocol, .number(6)), .isPresent(.network(312, 8)), then: .return),
                    Rule(
                        .equal(ipv4Protocol, .number(17)), .isPresent(.network(216, 8)), then: .goto("check-ipv4-udp")),
                    Rule(.equal(ipv4Protocol, .number(1)), .oneOf(.network(160, 8), [0, 8]), then: .return),
                    Rule(then: .drop(.fragment)),
                ]),
        ]
    }

    /// ARP and IPv4 to ports that look at what they get.
    static var toPortIPv4: [Chain] {
        [
            Chain(
                "outside-other",
                rules: [
                    Rule(.equal(S.etherType, .number(0x0800)), then: .goto("outside-ipv4")),
                    Rule(.equal(S.etherType, .number(0x0806)), then: .goto("deliver-ipv4")),
                    Rule(then: .dropTo(.policy)),
                ]),
            Chain(
                "outside-ipv4",
                rules: [
                    laterFragment(of: .ipv4, then: .goto("outside-fragment-ipv4")),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: .goto("outside-tcp-ipv4")),
                                .init(17, verdict: .goto("outside-udp-ipv4")),
                                .init(1, verdict: .goto("outside-icmp-ipv4")),
                            ])
                    ]),
                    Rule(.inSet(FlowFamily.ipv4.otherReply, S.otherFlowsIPv4.name), then: .goto("deliver-ipv4")),
                    Rule(then: .goto("arrive-ipv4")),
                ]),
            Chain(
                "outside-fragment-ipv4",
                rules: [
                    Rule(.inSet(S.admittedIPv4.key, S.admittedIPv4.name), then: .goto("deliver-ipv4")),
                    Rule(
                        .inSet(S.receivedFragmentsIPv4.key, S.receivedFragmentsIPv4.name), then: .goto("deliver-ipv4")),
                    Rule(.inSet(FlowFamily.ipv4.otherReply, S.otherFlowsIPv4.name), then: .goto("deliver-ipv4")),
                    Rule(then: .dropTo(.policy)),
                ]),
            Chain(
                "deliver-ipv4",
                rules: [
                    Rule([
                        .match(isFirstFragment), .add(S.receivedFragmentsIPv4.key, S.receivedFragmentsIPv4.name),
                    ]),
                    Rule([.setMark(FrameMark.delivered), .verdict(.accept)]),
                ]),
        ] + arrivals(.ipv4)
    }
}
