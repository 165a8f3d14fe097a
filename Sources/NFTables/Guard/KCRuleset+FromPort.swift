import Addressing

extension KCRuleset {
    private typealias S = Sets

    /// What comes from ports, at bridge prerouting: before the bridge learns a source address.
    ///
    /// All chains are lists of what may pass. Those that `check` a packet return when it may, and go to a drop when
    /// not.
    static var fromPort: [Chain] {
        [
            Chain(
                "from-port", hook: Hook(.prerouting, priority: priority),
                rules: [
                    // Says nothing that the rules behind it would not say: without the program, or of a device that is not
                    // KC's, frames are judged by those.
                    Rule(
                        .masked(.mark, FrameMark.admitted, equal: UInt64(FrameMark.member)),
                        .masked(.inputGroup, DeviceGroup.mask, equal: DeviceGroup.own), then: .accept),
                    // No rule says this: what is asked of the kernel beside a frame is not in its bytes.
                    Rule(.equal(.mark, .number(UInt64(FrameMark.offload))), then: .drop(.offload)),
                    Rule([.lookUpMark(S.fast.key, S.fast.name), .verdict(.goto(Way.inside.chain))]),
                    Rule(.inputNamePrefix("kcx"), then: .goto("from-tunnel")),
                    Rule([.lookUpMark(S.own.key, S.own.name), .verdict(.goto("owned"))]),
                    Rule([.lookUpMark(S.ports.key, S.ports.name), .verdict(.goto("known-port"))]),
                    Rule([
                        .lookUpMark(S.externals.key, S.externals.name),
                        Way.choose(.external, .gateway, .limitedExternal, .limitedGateway),
                    ]),
                    Rule(.inputNamePrefix("kct"), then: .goto("from-other")),
                ]),
            Chain(
                "owned",
                rules: [
                    take(.tracked), take(.open), take(.filtered),
                    Rule([Way.choose(.limitedOpen, .limitedTracked, .limitedFiltered)]),
                    Rule(then: .drop(.spoofedIP)),
                ]),
            // What a router forwards into the segment is most of what comes here.
            Chain(
                "known-port",
                rules: [
                    take(.gateway), Rule([Way.choose(.guest, .ipv4, .arp)]), Rule(then: .drop(.spoofedIP)),
                ]),
            // Neither known IPv6 nor an operator's interface.
            Chain(
                "from-other",
                rules: [
                    Rule([
                        .lookUpMark(S.layer2.key, S.layer2.name),
                        Way.choose(
                            .layer2Open, .layer2Tracked, .layer2Filtered, .limitedLayer2Open, .limitedLayer2Tracked,
                            .limitedLayer2Filtered),
                    ]),
                    Rule(.notInSet([.inputName], S.ready.name), then: .drop(.notReady)),
                    Rule(.inSet([.inputName, S.sourceMAC], S.macs.name), then: .drop(.ethertype)),
                    Rule(then: .drop(.spoofedMAC)),
                ]),
            // Link-local groups (01:80:c2:00:00:0x) skip prerouting, but the bridge learns their source too; and the
            // host is no neighbour of its guests.
            Chain(
                "from-port-local", hook: Hook(.input, priority: priority),
                rules: [
                    Rule(.inputNamePrefix("kct"), then: .drop),
                    Rule(.inputNamePrefix("kcx"), then: .drop),
                ]),
            Chain(
                "from-tunnel",
                rules: [
                    Rule(
                        .equal(.ipv6Source, .address(.unspecified)), .equal(S.nextHeader, .number(58)),
                        .equal(.network(320, 16), .number(0x8700)), then: .jump("heard-claim")),
                    Rule([
                        .match(.inSet(S.gateways.key, S.gateways.name)), .setMark(FrameMark.outside), .verdict(.accept),
                    ]),
                    Rule([.setMark(FrameMark.member), .verdict(.accept)]),
                ]),
            Chain("limited-gateway", rules: [Rule(then: .jump("limits")), Rule(then: .goto("gateway"))]),
            Chain("limited-external", rules: [Rule(then: .jump("limits")), Rule(then: .goto("external"))]),
            Chain("gateway", rules: [Rule([.setMark(FrameMark.outside), .verdict(.accept)])]),
            Chain(
                "external",
                rules: [
                    Rule(then: .jump("layer2-check")), rememberFragment,
                    Rule([.setMark(FrameMark.outside), .verdict(.accept)]),
                ]),
        ] + ways + layer2Ways
    }

    /// How a port's packets go on once their source is known to be its own.
    private static var ways: [Chain] {
        [
            Chain("pass", rules: [Rule([.setMark(FrameMark.member), .verdict(.accept)])]),
            // From `fast`: TCP and UDP, which are nearly all there is, by two looks at fixed places. The mark of this
            // way is that of members already.
            Chain(
                "inside",
                rules: [
                    Rule(.notEqual(.mark, .number(UInt64(FrameMark.member))), then: .goto("inside-remembered")),
                    Rule(.equal(S.nextHeader, .number(6)), then: .accept),
                    Rule(
                        .equal(S.nextHeader, .number(17)), .notEqual(.network(336, 16), .number(546)), then: .accept),
                    Rule(then: .goto("open")),
                ]),
            Chain("inside-remembered", rules: [take(.insideTracked), Rule(then: .goto(Way.insideFiltered.chain))]),
            // From `own`.
            Chain(
                "open",
                rules: plain(tcp: "pass", udp: "pass") + [Rule(then: .jump("check")), Rule(then: .goto("keep"))]),
            Chain(
                "tracked",
                rules: plain(tcp: "track-tcp", udp: "track-udp")
                    + [Rule(then: .jump("check")), Rule(then: .goto("track"))]),
            Chain(
                "filtered",
                rules: plain(tcp: "leave-tcp", udp: "leave-udp")
                    + [Rule(then: .jump("check")), Rule(then: .goto("leave"))]),
            Chain("limited-open", rules: [Rule(then: .jump("limits")), Rule(then: .goto("open"))]),
            Chain("limited-tracked", rules: [Rule(then: .jump("limits")), Rule(then: .goto("tracked"))]),
            Chain("limited-filtered", rules: [Rule(then: .jump("limits")), Rule(then: .goto("filtered"))]),
            Chain(
                "limits",
                rules: [
                    Rule(.inSet([.inputName], S.packetRateOut.name), then: .drop(.rate)),
                    Rule(.inSet([.inputName], S.byteRateOut.name), then: .drop(.rate)),
                ]),
            // The end of what may pass: later fragments are known by the first one.
            Chain(
                "keep",
                rules: [rememberFragment, Rule(then: .goto("pass"))]),
        ]
    }

    /// TCP and UDP to one receiver, right behind the IPv6 header: nearly all there is, and `check` would let it pass
    /// unless it speaks as a DHCPv6 server. By comparisons at fixed places, which cost a tenth of a look into a map.
    private static func plain(tcp: Identifier, udp: Identifier) -> [Rule] {
        let isToOne = Match.notEqual(S.destinationFirstByte, .number(0xff))
        return [
            Rule(.equal(S.nextHeader, .number(6)), isToOne, then: .goto(tcp)),
            Rule(
                .equal(S.nextHeader, .number(17)), isToOne, .notEqual(.network(336, 16), .number(546)),
                then: .goto(udp)),
        ]
    }

    /// Comparisons cost less than a look into even the smallest map: for ways that most packets go.
    static func take(_ way: Way) -> Rule {
        Rule(.equal(.mark, .number(UInt64(way.mark))), then: .goto(way.chain))
    }

    /// Segments of type `none`, and operators' interfaces that are no gateways: no addresses are checked.
    private static var layer2Ways: [Chain] {
        [
            Chain("layer2-open", rules: [Rule(then: .jump("layer2-check")), Rule(then: .goto("keep"))]),
            Chain(
                "layer2-tracked",
                rules: [
                    Rule(then: .jump("layer2-check")),
                    Rule(.notEqual(S.etherType, .number(0x86dd)), then: .goto("pass")),
                    Rule(then: .goto("track")),
                ]),
            Chain(
                "layer2-filtered",
                rules: [
                    Rule(then: .jump("layer2-check")),
                    Rule(.notEqual(S.etherType, .number(0x86dd)), then: .drop(.policy)),
                    Rule(then: .goto("leave")),
                ]),
            Chain(
                "limited-layer2-open", rules: [Rule(then: .jump("limits")), Rule(then: .goto("layer2-open"))]),
            Chain(
                "limited-layer2-tracked", rules: [Rule(then: .jump("limits")), Rule(then: .goto("layer2-tracked"))]),
            Chain(
                "limited-layer2-filtered", rules: [Rule(then: .jump("limits")), Rule(then: .goto("layer2-filtered"))]),
            Chain(
                "layer2-check",
                rules: [
                    Rule([
                        .choose(
                            S.etherType,
                            [
                                .init(0x86dd, verdict: .goto("layer2-check-ipv6")),
                                // IPv4, ARP, RARP; C-, S- and two former VLAN tags.
                                .init(
                                    0x0800, 0x0806, 0x8035, 0x8100, 0x88a8, 0x9100, 0x9200,
                                    verdict: .drop(.ethertype)),
                            ])
                    ]),
                    // A length, then LLC.
                    Rule(.below(S.etherType, 0x600), then: .drop(.ethertype)),
                ]),
            Chain(
                "layer2-check-ipv6",
                rules: [
                    multicastLimit,
                    Rule([
                        .choose(
                            S.nextHeader,
                            [
                                .init(6, 4, 41, 47, 50, 89, 112, 132, 136, verdict: .return),
                                .init(17, verdict: .goto("check-udp")),
                                .init(58, verdict: .goto("layer2-check-icmp")),
                                .init(44, verdict: .goto("check-fragment")),
                                .init(0, verdict: .goto("check-report")),
                            ])
                    ]),
                    Rule(then: .drop(.headerChain)),
                ]),
            Chain(
                "layer2-check-icmp",
                rules: [
                    Rule([
                        .choose(
                            .network(320, 8),
                            [
                                .init(134, verdict: .drop(.rogueRA)), .init(137, verdict: .drop(.redirect)),
                                .init(130, verdict: .drop(.rogueMLD)),
                                .init(133, 135, 136, verdict: .goto("layer2-check-nd")),
                                .init(1, 2, 3, 4, 128, 129, verdict: .return),
                            ])
                    ]),
                    Rule(then: .drop(.icmpType)),
                ]),
            Chain(
                "layer2-check-nd", rules: [Rule(.inSet([.inputName], S.ndRate.name), then: .drop(.rate))]),
        ]
    }

    private static var rememberFragment: Rule {
        Rule([
            .match(.equal(S.nextHeader, .number(44))), .match(.equal(.network(336, 13), .number(0))),
            .add(S.sentFragments.key, S.sentFragments.name),
        ])
    }

    static var multicastLimit: Rule {
        Rule(
            .equal(S.destinationFirstByte, .number(0xff)), .inSet([.inputName], S.multicastRate.name),
            then: .drop(.rate))
    }
}

extension Verdict {
    /// To where frames from a port are dropped for that reason.
    static func drop(_ reason: DropReason) -> Verdict { .goto(reason.chain) }
    /// To where frames to a port are dropped for that reason.
    static func dropTo(_ reason: DropReason) -> Verdict { .goto(reason.chainToPort) }
}
