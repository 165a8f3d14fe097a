extension KCRuleset {
    private typealias S = Sets

    /// What comes from outside the segment, by protocol: answers, then what the policies say.
    static func arrivals(_ family: FlowFamily) -> [Chain] {
        [
            Chain(
                family.chain("outside-tcp"),
                rules: [
                    Rule(.inSet(family.reply, family.tcpFlows.name), then: family.goto("answer-tcp")),
                    Rule(then: family.goto("arrive")),
                ]),
            Chain(
                family.chain("outside-udp"),
                rules: [
                    Rule(.inSet(family.reply, family.udpFlows.name), then: family.goto("deliver")),
                    // A DHCP server to clients.
                    Rule(.equal(.transport(0, 32), .number(family.toClient)), then: family.goto("deliver")),
                    Rule(then: family.goto("arrive")),
                ]),
            Chain(
                family.chain("outside-icmp"),
                rules: [
                    Rule(
                        .oneOf(.transport(0, 8), family.welcome),
                        then: family.goto("deliver")),
                    Rule(then: family.goto("arrive")),
                ]),
            // A bare acknowledgement lengthens nothing, or the last one of each connection would keep it for hours.
            Chain(
                family.chain("answer-tcp"),
                rules: [
                    Rule([
                        .match(.anyBit(tcpFlags, finOrReset)),
                        .update(family.reply, family.tcpFlows.name, seconds: 120),
                        .verdict(family.goto("deliver")),
                    ]),
                    Rule(.equal(tcpFlags, .number(0x10)), then: family.goto("deliver")),
                    Rule([.update(family.reply, family.tcpFlows.name, seconds: 7440), .verdict(family.goto("deliver"))]
                    ),
                    Rule(then: family.goto("deliver")),
                ]),
            Chain(
                family.chain("arrive"),
                rules: [
                    Rule(.inSet(family.admitted.key, family.admitted.name), then: family.goto("deliver")),
                    Rule([.setMark(0)]),
                    Rule([.lookUpMark([.outputName], S.ingressProfiles.name)]),
                    Rule([.choose(.transportProtocol, [.init(family.icmp, verdict: family.goto("arrive-icmp"))])]),
                    Rule([.lookUpMark(family.ingress.key, family.ingress.name)]),
                    Rule(then: family.goto("arrive-rule")),
                ]),
            Chain(
                family.chain("arrive-icmp"),
                rules: [
                    Rule([
                        .lookUpMark([.mark, .transportProtocol, S.sourcePort, family.source], family.ingress.name)
                    ]),
                    Rule(then: family.goto("arrive-rule")),
                ]),
            Chain(
                family.chain("arrive-rule"),
                rules: [
                    Rule(.below(.mark, UInt64(PolicyMark.allowed)), then: .dropTo(.policy)),
                    Rule(
                        .anyBit(.mark, UInt64(PolicyMark.limited)), .inSet([.mark], S.ruleRate.name),
                        then: .dropTo(.rate)),
                    logAllowed,
                    Rule(.equal(.transportProtocol, .number(family.icmp)), then: family.goto("deliver")),
                    Rule(.inSet([.outputName], S.flowRateIn.name), then: .dropTo(.rate)),
                    Rule([
                        .choose(
                            .transportProtocol,
                            [
                                .init(6, verdict: family.goto("arrive-tcp")),
                                .init(17, verdict: family.goto("arrive-udp")),
                            ])
                    ]),
                    Rule([
                        .add(family.otherReply, family.otherFlows.name),
                        .verdict(family.goto("deliver")),
                    ]),
                    Rule(then: .dropTo(.tableFull)),
                ]),
            Chain(
                family.chain("arrive-tcp"),
                rules: [
                    Rule([.add(family.reply, family.tcpFlows.name), .verdict(family.goto("deliver"))]),
                    Rule(then: .dropTo(.tableFull)),
                ]),
            Chain(
                family.chain("arrive-udp"),
                rules: [
                    Rule([.add(family.reply, family.udpFlows.name), .verdict(family.goto("deliver"))]),
                    Rule(then: .dropTo(.tableFull)),
                ]),
        ]
    }
}
