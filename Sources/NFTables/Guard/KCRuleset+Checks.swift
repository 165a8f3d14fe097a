import Addressing

extension KCRuleset {
    private typealias S = Sets

    /// Header chains, ICMPv6 and neighbour discovery of guests. Offsets are fixed, because the header before is always
    /// the IPv6 header itself: any other chain does not come here.
    static var checks: [Chain] {
        [
            Chain(
                "check",
                rules: [
                    multicastLimit,
                    Rule([
                        .choose(
                            S.nextHeader,
                            [
                                // TCP; IPv4 and IPv6 in IPv6, GRE, ESP, OSPF, VRRP, SCTP, UDP-Lite: nothing follows
                                // that a neighbour's stack would take for neighbour discovery.
                                .init(6, 4, 41, 47, 50, 89, 112, 132, 136, verdict: .return),
                                .init(17, verdict: .goto("check-udp")),
                                .init(58, verdict: .goto("check-icmp")),
                                .init(44, verdict: .goto("check-fragment")),
                                .init(0, verdict: .goto("check-report")),
                            ])
                    ]),
                    Rule(then: .drop(.headerChain)),
                ]),
            Chain(
                "check-udp", rules: [Rule(.equal(.network(336, 16), .number(546)), then: .drop(.rogueDHCP))]),
            // RFC 4890 section 4.3: what must and what should not be dropped.
            Chain(
                "check-icmp",
                rules: [
                    Rule([
                        .choose(
                            .network(320, 8),
                            [
                                .init(128, 129, verdict: .return),
                                .init(1, 2, 3, 4, verdict: .goto("check-error")),
                                .init(133, 135, 136, verdict: .goto("check-nd")),
                                .init(134, verdict: .drop(.rogueRA)), .init(137, verdict: .drop(.redirect)),
                                .init(130, verdict: .drop(.rogueMLD)),
                            ])
                    ]),
                    Rule(then: .drop(.icmpType)),
                ]),
            // An error quotes the packet that its sender got (RFC 4443 section 2.4 c), whose destination is the sender's own,
            // or behind it: or anybody could tell a neighbour that its path to another is narrow or closed.
            Chain(
                "check-error",
                rules: [
                    Rule(.inSet(quotedDestination, S.targets.name), then: .return),
                    Rule(.inSet(quotedDestination, S.allowedTargets.name), then: .return),
                    Rule(then: .drop(.icmpType)),
                ]),
            // Multicast listener reports: a hop-by-hop header with a router alert and padding in either order (RFC 2711,
            // RFC 3810 section 5), never through a router.
            Chain(
                "check-report",
                rules: [
                    Rule(
                        .equal(S.hopLimit, .number(1)), .equal(.network(192, 16), .number(0xff02)),
                        .oneOf(.network(320, 64), [0x3a00_0502_0000_0100, 0x3a00_0100_0502_0000]),
                        .oneOf(.network(384, 8), [131, 132, 143]), then: .return),
                    Rule(
                        .equal(.network(320, 8), .number(58)), .equal(.network(384, 8), .number(130)),
                        then: .drop(.rogueMLD)),
                    Rule(then: .drop(.headerChain)),
                ]),
        ] + fragments + neighbours + claims
    }

    /// Of the IPv6 header behind 40 bytes of header and 8 of ICMPv6, in the halves that sets take.
    private static let quotedDestination: [Field] = [.inputName, .network(576, 64), .network(640, 64)]

    /// A packet in pieces: the first must show all of its transport header (RFC 7112), and goes neither to where
    /// neighbour discovery happens nor to DHCPv6; the others pass when the first did.
    private static var fragments: [Chain] {
        [
            Chain(
                "check-fragment",
                rules: [
                    Rule(.equal(S.destinationFirstByte, .number(0xff)), then: .drop(.fragment)),
                    Rule(.equal(.network(192, 10), .number(0x3fa)), then: .drop(.fragment)),
                    Rule(.equal(.ipv6Destination, .address(.unspecified)), then: .drop(.fragment)),
                    Rule(.equal(.network(336, 13), .number(0)), then: .goto("check-first-fragment")),
                    Rule(.inSet(S.sentFragments.key, S.sentFragments.name), then: .return),
                    Rule(then: .drop(.fragment)),
                ]),
            Chain(
                "check-first-fragment",
                rules: [
                    Rule(
                        .equal(.network(320, 8), .number(6)), .isPresent(.network(536, 8)), then: .return),
                    Rule(
                        .equal(.network(320, 8), .number(17)), .equal(.network(400, 16), .number(546)),
                        then: .drop(.rogueDHCP)),
                    Rule(
                        .equal(.network(320, 8), .number(17)), .isPresent(.network(440, 8)), then: .return),
                    Rule(
                        .equal(.network(320, 8), .number(58)), .oneOf(.network(384, 8), [128, 129]), then: .return),
                    Rule(then: .drop(.fragment)),
                ]),
        ]
    }

    /// RFC 4861 sections 4.1, 4.3, 4.4: exact lengths, so that no second option hides behind the first.
    private static var neighbours: [Chain] {
        [
            Chain(
                "check-nd",
                rules: [
                    Rule(.inSet([.inputName], S.ndRate.name), then: .drop(.rate)),
                    Rule(.notEqual(S.hopLimit, .number(255)), then: .drop(.foreignND)),
                    Rule([.add(S.seen.key, S.seen.name)]),
                    Rule([
                        .choose(
                            .network(320, 16),
                            [
                                .init(0x8500, verdict: .goto("check-rs")), .init(0x8700, verdict: .goto("check-ns")),
                                .init(0x8800, verdict: .goto("check-na")),
                            ])
                    ]),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain(
                "check-rs",
                rules: [
                    Rule(.equal(S.payloadLength, .number(8)), then: .return),
                    Rule(
                        .equal(S.payloadLength, .number(16)), .equal(.network(384, 16), .number(0x0101)),
                        .inSet([.inputName, .network(400, 48)], S.macs.name), then: .return),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain(
                "check-ns",
                rules: [
                    Rule(.equal(S.payloadLength, .number(24)), then: .return),
                    Rule(
                        .equal(S.payloadLength, .number(32)), .equal(.network(512, 16), .number(0x0101)),
                        .inSet(S.macs.key, S.macs.name), then: .return),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain(
                "check-na",
                rules: [
                    Rule(.inSet(S.targets.key, S.targets.name), then: .goto("check-na-own")),
                    Rule(.inSet(S.allowedTargets.key, S.allowedTargets.name), then: .goto("check-na-own")),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain(
                "check-na-own",
                rules: [
                    // Says it is a router.
                    Rule(.anyBit(.network(352, 8), 0x80), then: .drop(.foreignND)),
                    Rule(.equal(S.payloadLength, .number(24)), then: .return),
                    Rule(
                        .equal(S.payloadLength, .number(32)), .equal(.network(512, 16), .number(0x0201)),
                        .inSet(S.macs.key, S.macs.name), then: .return),
                    Rule(then: .drop(.foreignND)),
                ]),
        ]
    }

    /// IPv6 from a source that is not known to be the port's.
    private static var claims: [Chain] {
        [
            Chain(
                "guest",
                rules: [
                    Rule(.equal(.ipv6Source, .address(.unspecified)), then: .goto("unspecified")),
                    Rule([.lookUpMark(S.allowed.key, S.allowed.name), .verdict(.goto("owned"))]),
                    Rule(.inSet([.inputName, S.sourceNetwork], S.claimable.name), then: .goto("unlearned")),
                    Rule(then: .drop(.spoofedIP)),
                ]),
            Chain(
                "unlearned",
                rules: [
                    Rule([
                        .limit(Limit(100, burst: 100)),
                        .log(Log("unlearned", group: LogGroup.claims, bytes: 128)),
                    ]),
                    Rule(then: .drop(.unlearnedIP)),
                ]),
            // RFC 4862 section 5.4 (with RFC 7527's nonce), RFC 4861 section 4.1, RFC 3810 section 5.2.13.
            Chain(
                "unspecified",
                rules: [
                    multicastLimit,
                    Rule(.notEqual(S.destinationFirstByte, .number(0xff)), then: .drop(.spoofedIP)),
                    Rule(.equal(S.nextHeader, .number(0)), then: .goto("unspecified-report")),
                    Rule(.notEqual(S.nextHeader, .number(58)), then: .drop(.spoofedIP)),
                    Rule(.inSet([.inputName], S.ndRate.name), then: .drop(.rate)),
                    Rule(.notEqual(S.hopLimit, .number(255)), then: .drop(.foreignND)),
                    Rule(
                        .equal(.network(320, 16), .number(0x8500)), .equal(S.payloadLength, .number(8)),
                        then: .goto("pass")),
                    Rule(.notEqual(.network(320, 16), .number(0x8700)), then: .drop(.spoofedIP)),
                    Rule(.equal(S.payloadLength, .number(24)), then: .goto("claim")),
                    Rule(
                        .equal(S.payloadLength, .number(32)), .equal(.network(512, 16), .number(0x0e01)),
                        then: .goto("claim")),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain("unspecified-report", rules: [Rule(then: .jump("check-report")), Rule(then: .goto("pass"))]),
            // First come, first served (RFC 6620): what somebody has or asks for is not to be had.
            Chain(
                "claim",
                rules: [
                    Rule(.inSet(S.targets.key, S.targets.name), then: .goto("pass")),
                    Rule(.inSet(S.allowedTargets.key, S.allowedTargets.name), then: .goto("pass")),
                    Rule(.notInSet(S.claimable.key, S.claimable.name), then: .drop(.foreignND)),
                    Rule(.inSet(S.claiming.key, S.claiming.name), then: .goto("pass")),
                    Rule([.lookUpMark([.inputName], S.segments.name)]),
                    Rule(.inSet(S.held.key, S.held.name), then: .goto("claim-held")),
                    Rule(.inSet(S.claimed.key, S.claimed.name), then: .goto("claim-held")),
                    Rule([.add(S.claimed.key, S.claimed.name)]),
                    Rule([.add(S.claiming.key, S.claiming.name)]),
                    Rule([.log(Log("claim", group: LogGroup.claims, bytes: 128))]),
                    Rule(then: .goto("pass")),
                ]),
            // The holder hears nothing of it; the agent, who does, objects in its place.
            Chain(
                "claim-held",
                rules: [
                    Rule([
                        .limit(Limit(100, burst: 100)), .log(Log("held", group: LogGroup.claims, bytes: 128)),
                    ]),
                    Rule(then: .drop(.foreignND)),
                ]),
            Chain(
                "heard-claim",
                rules: [
                    Rule([.lookUpMark([.inputName], S.segments.name)]),
                    Rule([.add(S.claimed.key, S.claimed.name)]),
                ]),
        ]
    }
}
