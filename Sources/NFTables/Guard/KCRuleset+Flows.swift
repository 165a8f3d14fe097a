extension KCRuleset {
    private typealias S = Sets

    /// What a port sends, remembered so that the answers may come in, and what its policies let out.
    static func flows(_ family: FlowFamily) -> [Chain] {
        [
            Chain(
                family.chain("track"),
                rules: [
                    // Nobody answers as a group.
                    Rule(family.isToGroup, then: family.goto("keep")),
                    laterFragment(of: family, then: .goto("pass")),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: family.goto("track-tcp")),
                                .init(17, verdict: family.goto("track-udp")),
                                .init(family.icmp, verdict: family.goto("keep")),
                            ])
                    ]),
                    newFlowLimit,
                    Rule([.update(family.otherFlows.key, family.otherFlows.name), .verdict(family.goto("keep"))]),
                    // Without a protocol it is no flow: the chain of headers is broken.
                    Rule(.isPresent(.transportProtocol), then: .drop(.tableFull)),
                    Rule(then: .drop(.headerChain)),
                ]),
            // Answered flows live for 2 h 4 min (RFC 5382 REQ-5); others, and those that end, for 2 min.
            Chain(
                family.chain("track-tcp"),
                rules: [
                    Rule(.inSet(family.tcpFlows.key, family.tcpFlows.name), then: family.goto("sent-tcp")),
                    newFlowLimit,
                    Rule([.add(family.tcpFlows.key, family.tcpFlows.name), .verdict(family.goto("keep"))]),
                    Rule(.isPresent(.transport(0, 32)), then: .drop(.tableFull)),
                    Rule(then: .drop(.headerChain)),
                ]),
            Chain(
                family.chain("sent-tcp"),
                rules: [
                    Rule([
                        .match(.anyBit(tcpFlags, finOrReset)), .update(family.tcpFlows.key, family.tcpFlows.name),
                        .verdict(family.goto("keep")),
                    ]),
                    Rule(then: family.goto("keep")),
                ]),
            // What the port sends keeps it alive (RFC 4787 REQ-6).
            Chain(
                family.chain("track-udp"),
                rules: [
                    Rule([
                        .match(.inSet(family.udpFlows.key, family.udpFlows.name)),
                        .update(family.udpFlows.key, family.udpFlows.name),
                        .verdict(family.goto("keep")),
                    ]),
                    newFlowLimit,
                    Rule([.add(family.udpFlows.key, family.udpFlows.name), .verdict(family.goto("keep"))]),
                    Rule(.isPresent(.transport(0, 32)), then: .drop(.tableFull)),
                    Rule(then: .drop(.headerChain)),
                ]),
            // Rules for what a port sends.
            Chain(
                family.chain("leave"),
                rules: [
                    laterFragment(of: family, then: .goto("pass")),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: family.goto("leave-tcp")),
                                .init(17, verdict: family.goto("leave-udp")),
                                // Checked already: what RFC 4890 lets through, and neighbour discovery.
                                .init(family.icmp, verdict: family.goto("keep")),
                            ])
                    ]),
                    Rule(.inSet(family.otherFlows.key, family.otherFlows.name), then: family.goto("keep")),
                    Rule(then: family.goto("leave-rules")),
                ]),
            Chain(
                family.chain("leave-tcp"),
                rules: [
                    Rule(.inSet(family.tcpFlows.key, family.tcpFlows.name), then: family.goto("sent-tcp")),
                    Rule(then: family.goto("leave-rules")),
                ]),
            Chain(
                family.chain("leave-udp"),
                rules: [
                    Rule([
                        .match(.inSet(family.udpFlows.key, family.udpFlows.name)),
                        .update(family.udpFlows.key, family.udpFlows.name),
                        .verdict(family.goto("keep")),
                    ]),
                    // A DHCP client to servers.
                    Rule(.equal(.transport(0, 32), .number(family.fromClient)), then: family.goto("track")),
                    Rule(then: family.goto("leave-rules")),
                ]),
            Chain(
                family.chain("leave-rules"),
                rules: [
                    // No profile, or no rule: the mark stays without the bit.
                    Rule([.setMark(0)]),
                    Rule([.lookUpMark([.inputName], S.egressProfiles.name)]),
                    Rule([.lookUpMark(family.egress.key, family.egress.name)]),
                    Rule(.below(.mark, UInt64(PolicyMark.allowed)), then: .drop(.policy)),
                    Rule(
                        .anyBit(.mark, UInt64(PolicyMark.limited)), .inSet([.mark], S.ruleRate.name),
                        then: .drop(.rate)),
                    logAllowed,
                    Rule(then: family.goto("track")),
                ]),
        ]
    }

    static var tcpFlags: Field { .transport(104, 8) }
    /// RFC 9293 section 3.1.
    static var finOrReset: UInt64 { 0x05 }

    static func laterFragment(of family: FlowFamily, then verdict: Verdict) -> Rule {
        Rule(family.isLaterFragment.map(Statement.match) + [.verdict(verdict)])
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
