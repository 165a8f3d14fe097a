import Addressing

/// The table as nft(8) reads it.
extension GatewayRuleset {
    /// How many addresses are remembered at once. The kernel makes room for all of them when it makes a set, 20 bytes each
    /// and more (nft_rhash_init: nelem_hint), and there are hundreds of gateways on a host.
    private static let addresses = 8192

    /// What stands in the table.
    var body: String {
        (counters + sets + helpers + crossing + coming + measured + hooks + serving + hiding).map { "\t\($0)\n" }
            .joined()
    }

    private func drop(_ reason: Reason) -> String { "counter name \(reason.counter) drop" }

    private var counters: [String] { Reason.allCases.map { "counter \($0.counter) { }" } }

    private var sets: [String] {
        let prefixes = segments.sorted().map(\.prefix.description).joined(separator: ", ")
        let elements = prefixes.isEmpty ? "" : " elements = { \(prefixes) };"
        return [
            "set prefixes { type ipv6_addr; flags interval;\(elements) }",
            "set \(Self.known) { type ipv6_addr; }",
            // Of segments, who has begun a flow to outside: answers too.
            "set spoken { type ipv6_addr; size \(Self.addresses); flags dynamic,timeout; timeout 1h; }",
            "set sources { type ipv6_addr; size \(Self.addresses); flags dynamic,timeout; timeout 10s; }",
            // Who was found to be reached by the interface that it sends by, within this second.
            "set checked { typeof iif . ip6 saddr; size 2048; flags dynamic,timeout; timeout 1s; }",
            "set to-segment { type ifname; size 1024; flags dynamic; }",
            "set from-segment { type ifname; size 1024; flags dynamic; }",
        ] + sourcesOfIPv4.map { "set \($0) { type ipv4_addr; size 1024; flags dynamic,timeout; timeout 10s; }" }
            + boundedSet
    }

    /// Where guests of IPv4 are counted, where any can reach something.
    private var sourcesOfIPv4: [String] { hasIPv4 && !servicePorts.isEmpty ? ["sources-ipv4"] : [] }

    private func chain(_ name: String, _ rules: [String]) -> [String] {
        ["chain \(name) {"] + rules.map { "\t\($0)" } + ["}"]
    }

    private var helpers: [String] {
        var shaped: [String] = []
        if let bandwidthPerSegment {
            let bytes = min(bandwidthPerSegment / 8, Limit.mostBytes / 9 * 8)
            let limit = "limit rate over \(bytes) bytes/second burst \(max(bytes / 8, 1 << 18)) bytes"
            shaped = [
                // What is translated is counted once, as the IPv6 that the segment has.
                "meta nfproto ipv6 iifname { \"up0\", \"nat0\" } update @to-segment { oifname \(limit) } \(drop(.rate))",
                "meta nfproto ipv6 oifname { \"up0\", \"nat0\" } update @from-segment { iifname \(limit) } \(drop(.rate))",
            ]
        }
        return chain("shaped", shaped + ["accept"])
            + chain(
                "new-flow",
                // A flow that nobody answers begins but once: what it sends later makes no entry.
                ["ct status confirmed return"]
                    + ([("sources", "ip6")] + sourcesOfIPv4.map { ($0, "ip") }).map { set, family in
                        "update @\(set) { \(family) saddr limit rate over \(newFlowsPerSource)/second burst "
                            + "\(min(newFlowsPerSource * 4, UInt64(UInt32.max))) packets } \(drop(.rate))"
                    })
    }

    /// Error messages and echoes of RFC 4890 section 4.3.
    private static let errorsAndEchoes = "meta l4proto 58 @th,0,8 { 1, 2, 3, 4, 128, 129 }"

    private var crossing: [String] {
        // One bucket for each way, so that a guest takes nothing of what outside may look for.
        let sought =
            "ip6 daddr @prefixes ip6 daddr != @\(Self.known) ip6 daddr != @spoken limit rate over "
            + "\(Self.unknownPerSecond)/second burst \(Self.unknownPerSecond * 2) packets "
            + drop(.unknownDestination)
        var fromOutside = ["oifname \"up0\" \(drop(.policy))", sought, "jump new-flow"]
        if let ingress {
            fromOutside.append("\(Self.errorsAndEchoes) goto shaped")
            fromOutside += ingress.map { "\($0.text(peer: "saddr"))goto shaped" } + [drop(.policy)]
        } else {
            fromOutside.append("goto shaped")
        }
        var toOutside = ["jump new-flow"]
        // The address is noted where the flow is let through, not before.
        let noted = "ip6 saddr @prefixes update @spoken { ip6 saddr }"
        if let egress {
            toOutside.append("\(Self.errorsAndEchoes) goto noted")
            toOutside += egress.map { "\($0.text(peer: "daddr"))goto noted" } + [drop(.policy)]
        } else {
            toOutside.append("goto noted")
        }
        return chain("noted", [noted, "goto shaped"])
            + chain("from-outside", fromOutside) + chain("to-outside", toOutside)
            + chain("between", [sought, "jump new-flow", noted, "accept"])
    }

    private var portList: String { servicePorts.sorted().map(String.init).joined(separator: ", ") }

    /// Guests of IPv4 ask at 169.254.169.254, which is no address of the gateway's: it stands for its own in their segment.
    private var serving: [String] {
        guard hasIPv4, !servicePorts.isEmpty else { return [] }
        return chain(
            "serve",
            [
                "type nat hook prerouting priority -100; policy accept;",
                "meta nfproto ipv4 iifname \"seg*\" ip daddr \(IPv4Address.guestServices) tcp dport { \(portList) } redirect",
            ])
    }

    private var servingOnSegments: [String] {
        let places = serviceAddresses.sorted().map { "\"\($0.interface)\" . \($0.address)" }
        guard !places.isEmpty else { return [] }
        return ["iifname . ip6 daddr { \(places.joined(separator: ", ")) } tcp dport { \(portList) } goto to-service"]
    }

    private var coming: [String] {
        let services =
            servicePorts.isEmpty
            ? []
            : [
                "ip6 daddr { fe80::1, \(IPv6Address.guestServices) } tcp dport { \(portList) } goto to-service"
            ] + servingOnSegments + (hasIPv4 ? ["meta nfproto ipv4 tcp dport { \(portList) } goto to-service"] : [])
        let ipv4 =
            hasIPv4
            ? [
                "meta nfproto ipv4 meta l4proto 1 @th,0,8 8 accept",
                "meta nfproto ipv4 meta l4proto 17 th dport 67 accept",
            ] : []
        return (services.isEmpty ? [] : chain("to-service", ["jump new-flow", "accept"]))
            + chain(
                "from-guests",
                [
                    "meta l4proto 58 @th,0,8 { 1, 2, 3, 4, 128, 129, 130, 131, 132, 133, 135, 136, 143 } accept",
                    "meta l4proto { 6, 17 } th dport 53 accept", "meta l4proto 17 th dport 547 accept",
                ] + ipv4 + services + [drop(.input)])
            + chain(
                "from-uplink",
                [
                    "meta l4proto 58 @th,0,8 { 1, 2, 3, 4, 130, 131, 132, 143 } accept",
                    "meta l4proto 58 @th,0,8 { 135, 136 } ip6 hoplimit 255 accept",
                    "meta l4proto 58 @th,0,8 128 limit rate 100/second burst 100 packets accept", drop(.input),
                ])
    }

    private var hooks: [String] {
        // Before conntrack, so that a flood of spoofed packets leaves no entries in it. The unspecified source is that of
        // duplicate address detection and of first MLD reports: neither is ever forwarded.
        chain("reverse-path", ["fib saddr . iif oif missing " + drop(.spoofed), "add @checked { iif . ip6 saddr }"])
            + chain(
                "source",
                [
                    "type filter hook prerouting priority -300; policy accept;",
                    // Looking for a way makes and destroys one for each packet (ip6_pol_route_lookup): most packets' answer
                    // is a second old at most instead.
                    "meta nfproto ipv6 iif . ip6 saddr @checked accept",
                    // 0x6b64 (NAT64_MARK): translated on arrival, and the way back is the translator's device. No mark
                    // comes in from outside.
                    "meta nfproto ipv6 meta mark != 0x6b64 iifname { \"up0\", \"seg*\" } ip6 saddr != :: jump reverse-path",
                ] + sourceRoutes + insideOnly)
            + chain(
                "input",
                [
                    "type filter hook input priority 0; policy drop;", "iifname \"lo\" accept",
                    "ct state established,related accept", "iifname \"seg*\" goto from-guests",
                    "iifname \"up0\" goto from-uplink", "counter name \(Reason.input.counter)",
                ])
            + chain(
                "forward",
                [
                    "type filter hook forward priority 0; policy drop;"
                ] + measuring + [
                    // Most packets, by comparisons.
                    "meta nfproto ipv6 ct state established,related goto shaped",
                    // What segments have of IPv4 stays inside: the way to the IPv4 world is by IPv6 and the translator.
                    "meta nfproto ipv4 iifname \"seg*\" \(drop(.policy))",
                    "meta nfproto ipv4 oifname \"seg*\" \(drop(.policy))",
                    "ct state vmap { established : goto shaped, related : goto shaped }",
                ] + bounded + [
                    // What the translator between IPv6 and IPv4 takes and gives is judged on its IPv6 side. Here it may
                    // be seen one way only, and then the state of its connection is no state.
                    "meta nfproto ipv4 iifname \"up0\" oifname \"nat0\" accept",
                    "meta nfproto ipv4 iifname \"nat0\" oifname { \"up0\", \"nat0\" } accept",
                    "ct state invalid \(drop(.invalid))",
                    "iifname { \"up0\", \"nat0\" } goto from-outside",
                    "oifname { \"up0\", \"nat0\" } goto to-outside",
                    "iifname \"seg*\" oifname \"seg*\" goto between",
                    "counter name \(Reason.policy.counter)",
                ])
    }
}

extension GatewayRuleset.Rule {
    /// The matches of the rule, each followed by a space.
    fileprivate func text(peer: String) -> String {
        var words: [String] = []
        if let transport { words.append("meta l4proto \(transport)") }
        if !ports.isEmpty {
            let list = ports.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            words.append("th dport { \(list.joined(separator: ", ")) }")
        }
        if !types.isEmpty { words.append("@th,0,8 { \(types.map(String.init).joined(separator: ", ")) }") }
        if let peers { words.append("ip6 \(peer) { \(peers.map(\.description).joined(separator: ", ")) }") }
        if let rate { words.append("limit rate \(rate)/second burst \(rate) packets") }
        return words.map { $0 + " " }.joined()
    }
}
