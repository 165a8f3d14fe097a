extension KCRuleset {
    private typealias S = Sets

    /// What goes to ports, at bridge postrouting: forwarded, flooded or sent by the host itself.
    /// The latter has no mark, and may go to operators' interfaces alone.
    static var toPort: [Chain] {
        [
            Chain(
                "to-port", hook: Hook(.postrouting, priority: priority),
                rules: [
                    // Says nothing that `to` would not say: a port without its group is judged by that.
                    Rule([
                        .match(.equal(.mark, .number(UInt64(FrameMark.member)))),
                        .match(.equal(.outputGroup, .number(UInt64(DeviceGroup.members)))),
                        .setMark(FrameMark.delivered), .verdict(.accept),
                    ]),
                    Rule([
                        .lookUpMark(S.to.key, S.to.name),
                        .match(.equal(.mark, .number(UInt64(FrameMark.delivered)))), .verdict(.accept),
                    ]),
                    take(.outside), take(.router),
                    Rule([Way.choose(.limitedDeliver, .limitedOutside)]),
                    Rule(.outputNamePrefix("kct"), then: .dropTo(.notReady)),
                    // Only what the rules saw come in: a frame that came while there were none may meet these. The gate of
                    // the tunnel takes the mark away again, or VXLAN would copy it to the outer packet.
                    Rule([
                        .match(.masked(.mark, FrameMark.admitted, equal: UInt64(FrameMark.member))),
                        .match(.outputNamePrefix("kcx")), .setMark(FrameMark.delivered),
                    ]),
                ]),
            Chain(
                "to-limited-open",
                rules: [
                    Rule(then: .jump("limits-to")), Rule([.setMark(FrameMark.delivered), .verdict(.accept)]),
                ]),
            Chain("to-limited", rules: [Rule(then: .jump("limits-to")), Rule(then: .goto("outside"))]),
            // From a member to the router, and back into the segment: only to an address that somebody has. Or a guest
            // could have the router ask for thousands of neighbours that are not there (RFC 6583), and the kernel has one
            // table of neighbours for all namespaces.
            Chain(
                Way.router.chain,
                rules: [
                    Rule(.notEqual(S.etherType, .number(0x86dd)), then: .goto("deliver-ipv4")),
                    Rule(.notInSet(S.onLink.key, S.onLink.name), then: .goto("deliver")),
                    Rule(.inSet([.outputName] + destination, S.targets.name), then: .goto("deliver")),
                    Rule([.lookUpMark([.outputName], S.segments.name)]),
                    Rule(.inSet([.mark] + destination, S.held.name), then: .goto("deliver")),
                    Rule(then: .dropTo(.unlearnedIP)),
                ]),
            Chain(
                "limits-to",
                rules: [
                    Rule(.inSet([.outputName], S.packetRateIn.name), then: .dropTo(.rate)),
                    Rule(.inSet([.outputName], S.byteRateIn.name), then: .dropTo(.rate)),
                ]),
            // Answers, what RFC 4890 and DHCPv6 need, then what the policies say.
            Chain(
                "outside",
                rules: [
                    Rule(.notEqual(S.etherType, .number(0x86dd)), then: .goto("outside-other")),
                    // What most packets are, by comparisons at a fixed place.
                    Rule(.equal(S.nextHeader, .number(6)), then: .goto("outside-tcp")),
                    Rule(.equal(S.nextHeader, .number(17)), then: .goto("outside-udp")),
                    laterFragment(of: .ipv6, then: .goto("outside-fragment")),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: .goto("outside-tcp")), .init(17, verdict: .goto("outside-udp")),
                                .init(58, verdict: .goto("outside-icmp")),
                            ])
                    ]),
                    Rule(
                        .inSet([.outputIndex, .ipv6Destination, .ipv6Source, .transportProtocol], S.otherFlows.name),
                        then: .goto("deliver")),
                    Rule(then: .goto("arrive")),
                ]),
            // Without a transport header: nf_tables would take the IPv6 header for one (nft_payload_fast_eval), and its
            // flow label for ports.
            Chain(
                "outside-fragment",
                rules: [
                    Rule(.inSet(S.admitted.key, S.admitted.name), then: .goto("deliver")),
                    Rule(.inSet(S.receivedFragments.key, S.receivedFragments.name), then: .goto("deliver")),
                    Rule(
                        .inSet([.outputIndex, .ipv6Destination, .ipv6Source, .transportProtocol], S.otherFlows.name),
                        then: .goto("deliver")),
                    Rule(then: .dropTo(.policy)),
                ]),
            // The end of what may go to a port that looks at what it gets.
            Chain(
                "deliver",
                rules: [
                    Rule([
                        .match(.equal(S.nextHeader, .number(44))), .match(.equal(.network(336, 13), .number(0))),
                        .add(S.receivedFragments.key, S.receivedFragments.name),
                    ]),
                    Rule([.setMark(FrameMark.delivered), .verdict(.accept)]),
                ]),
        ] + arrivals(.ipv6)
    }

    /// In the halves that sets of addresses have.
    private static let destination: [Field] = [S.destinationNetwork, .network(256, 64)]

    /// One for each reason: counts by port, logs some, drops all.
    static var drops: [Chain] {
        DropReason.allCases.flatMap { reason in
            [dropChain(reason.chain, .inputName, reason)]
                + (reason.isOfReceivers ? [dropChain(reason.chainToPort, .outputName, reason)] : [])
        }
    }

    private static func dropChain(_ name: Identifier, _ port: Field, _ reason: DropReason) -> Chain {
        Chain(
            name,
            rules: [
                Rule([.add([port], reason.counterSet.name)]),
                Rule([
                    .limit(Limit(100, burst: 100)),
                    .log(Log(Comment(derived: reason.rawValue), group: LogGroup.drops, bytes: 256)),
                ]),
                Rule(then: .drop),
            ])
    }
}
