extension KCRuleset {
    private typealias S = Sets

    /// What a port sends, remembered so that the answers may come in, and what its policies let out.
    static var flows: [Chain] {
        [
            Chain(
                "track",
                rules: [
                    // Nobody answers as a group.
                    Rule(.equal(S.destinationFirstByte, .number(0xff)), then: .goto("keep")),
                    laterFragment(then: .goto("pass")),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: .goto("track-tcp")), .init(17, verdict: .goto("track-udp")),
                                .init(58, verdict: .goto("keep")),
                            ])
                    ]),
                    newFlowLimit,
                    Rule([.update(S.otherFlows.key, S.otherFlows.name), .verdict(.goto("keep"))]),
                    // Without a protocol it is no flow: the chain of headers is broken.
                    Rule(.isPresent(.transportProtocol), then: .drop(.tableFull)),
                    Rule(then: .drop(.headerChain)),
                ]),
            // Answered flows live for 2 h 4 min (RFC 5382 REQ-5); others, and those that end, for 2 min.
            Chain(
                "track-tcp",
                rules: [
                    Rule(.inSet(S.tcpFlows.key, S.tcpFlows.name), then: .goto("sent-tcp")),
                    newFlowLimit,
                    Rule([.add(S.tcpFlows.key, S.tcpFlows.name), .verdict(.goto("keep"))]),
                    Rule(.isPresent(.transport(0, 32)), then: .drop(.tableFull)),
                    Rule(then: .drop(.headerChain)),
                ]),
            Chain(
                "sent-tcp",
                rules: [
                    Rule([
                        .match(.anyBit(tcpFlags, finOrReset)), .update(S.tcpFlows.key, S.tcpFlows.name),
                        .verdict(.goto("keep")),
                    ]),
                    Rule(then: .goto("keep")),
                ]),
            // What the port sends keeps it alive (RFC 4787 REQ-6).
            Chain(
                "track-udp",
                rules: [
                    Rule([
                        .match(.inSet(S.udpFlows.key, S.udpFlows.name)), .update(S.udpFlows.key, S.udpFlows.name),
                        .verdict(.goto("keep")),
                    ]),
                    newFlowLimit,
                    Rule([.add(S.udpFlows.key, S.udpFlows.name), .verdict(.goto("keep"))]),
                    Rule(.isPresent(.transport(0, 32)), then: .drop(.tableFull)),
                    Rule(then: .drop(.headerChain)),
                ]),
            // Rules for what a port sends.
            Chain(
                "leave",
                rules: [
                    laterFragment(then: .goto("pass")),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: .goto("leave-tcp")), .init(17, verdict: .goto("leave-udp")),
                                // Checked already: what RFC 4890 lets through, and neighbour discovery.
                                .init(58, verdict: .goto("keep")),
                            ])
                    ]),
                    Rule(.inSet(S.otherFlows.key, S.otherFlows.name), then: .goto("keep")),
                    Rule(then: .goto("leave-rules")),
                ]),
            Chain(
                "leave-tcp",
                rules: [
                    Rule(.inSet(S.tcpFlows.key, S.tcpFlows.name), then: .goto("sent-tcp")),
                    Rule(then: .goto("leave-rules")),
                ]),
            Chain(
                "leave-udp",
                rules: [
                    Rule([
                        .match(.inSet(S.udpFlows.key, S.udpFlows.name)), .update(S.udpFlows.key, S.udpFlows.name),
                        .verdict(.goto("keep")),
                    ]),
                    // A DHCPv6 client to servers.
                    Rule(.equal(.transport(0, 32), .number(0x0222_0223)), then: .goto("track")),
                    Rule(then: .goto("leave-rules")),
                ]),
            Chain(
                "leave-rules",
                rules: [
                    // No profile, or no rule: the mark stays without the bit.
                    Rule([.setMark(0)]),
                    Rule([.lookUpMark([.inputName], S.egressProfiles.name)]),
                    Rule([.lookUpMark(S.egress.key, S.egress.name)]),
                    Rule(.below(.mark, UInt64(PolicyMark.allowed)), then: .drop(.policy)),
                    Rule(
                        .anyBit(.mark, UInt64(PolicyMark.limited)), .inSet([.mark], S.ruleRate.name),
                        then: .drop(.rate)),
                    logAllowed,
                    Rule(then: .goto("track")),
                ]),
        ]
    }

    static var tcpFlags: Field { .transport(104, 8) }
    /// RFC 9293 section 3.1.
    static var finOrReset: UInt64 { 0x05 }

    static func laterFragment(_ more: Match..., then verdict: Verdict) -> Rule {
        Rule(
            [.match(.equal(S.nextHeader, .number(44))), .match(.notEqual(.network(336, 13), .number(0)))]
                + more.map(Statement.match) + [.verdict(verdict)])
    }

    static var logAllowed: Rule {
        Rule([
            .match(.anyBit(.mark, UInt64(PolicyMark.logged))), .limit(Limit(100, burst: 100)),
            .log(Log("allowed", group: LogGroup.drops, bytes: 256)),
        ])
    }

    private static var newFlowLimit: Rule {
        Rule(.inSet([.inputName], S.flowRateOut.name), then: .drop(.rate))
    }
}
