package import Addressing

/// The one table inside a managed gateway's namespace, `inet kc`: what may come to the router itself, what it forwards
/// between its segments and its uplink, and how much.
///
/// Closed: what no rule names is dropped and counted. Connections are tracked by the kernel's conntrack, which is the
/// namespace's own. Who may be looked for by Neighbor Discovery at any rate is a set (`known`, elements by the agent), so
/// that an address more costs no new structure.
package struct GatewayRuleset: Hashable, Sendable {
    package struct Segment: Hashable, Sendable, Comparable {
        package var interface: InterfaceName
        package var prefix: IPv6Prefix

        package init(interface: InterfaceName, prefix: IPv6Prefix) {
            self.interface = interface
            self.prefix = prefix
        }

        package static func < (left: Segment, right: Segment) -> Bool { left.interface < right.interface }
    }

    /// What one rule of a policy lets through.
    package struct Rule: Hashable, Sendable {
        /// IANA's number; nil for any.
        package var transport: UInt8?
        /// Destination ports; empty for all.
        package var ports: [ClosedRange<UInt16>]
        /// ICMPv6 types; empty for all.
        package var types: [UInt8]
        /// The other side, disjoint; nil for anyone, never empty.
        package var peers: [IPv6Prefix]?
        /// Flows a second.
        package var rate: UInt32?

        package init(
            transport: UInt8? = nil, ports: [ClosedRange<UInt16>] = [], types: [UInt8] = [],
            peers: [IPv6Prefix]? = nil, rate: UInt32? = nil
        ) {
            self.transport = transport
            self.ports = ports
            self.types = types
            self.peers = peers
            self.rate = rate
        }
    }

    package var segments: [Segment]
    /// What may begin from outside; nil: everything.
    package var ingress: [Rule]?
    /// What may begin towards outside; nil: everything.
    package var egress: [Rule]?
    package var newFlowsPerSource: UInt64
    /// Bits a second; nil: no limit.
    package var bandwidthPerSegment: UInt64?
    /// Behind which senders of the translator's block reach the IPv4 world; nil when none do.
    package var outgoing: IPv4Address?
    /// TCP ports that guests reach the gateway at, by its link-local address; each once.
    package var servicePorts: [UInt16]
    /// Whether some segment has IPv4: then guests reach the gateway by echoes, and its DHCP server. None is ever forwarded.
    package var hasIPv4: Bool

    package init(
        segments: [Segment], ingress: [Rule]? = nil, egress: [Rule]? = nil, newFlowsPerSource: UInt64,
        bandwidthPerSegment: UInt64? = nil, outgoing: IPv4Address? = nil, servicePorts: [UInt16] = [],
        hasIPv4: Bool = false
    ) {
        self.hasIPv4 = hasIPv4
        self.outgoing = outgoing
        self.servicePorts = servicePorts
        self.segments = segments
        self.ingress = ingress
        self.egress = egress
        self.newFlowsPerSource = newFlowsPerSource
        self.bandwidthPerSegment = bandwidthPerSegment
    }

    package static let table: Identifier = "kc"
    /// The set of addresses that may be looked for at any rate.
    package static let known: Identifier = "known"

    /// Why a packet was dropped; each has a counter `drop-<reason>`.
    package enum Reason: String, Hashable, Sendable, CaseIterable {
        /// Its source is not reached by the interface that it came in by (RFC 3704, strict).
        case spoofed
        /// No policy lets it through, or it is no traffic of this gateway.
        case policy
        case rate
        /// To an address of a segment that nobody is known to have, faster than those may be looked for (RFC 6583).
        case unknownDestination = "unknown"
        /// Belongs to no connection and begins none.
        case invalid
        /// To the gateway itself, and none of its services.
        case input
        /// Its sender, without a mapping, has as many connections to the IPv4 world as one may have.
        case connections

        package var counter: String { "drop-\(rawValue)" }
    }

    /// How many unknown addresses are looked for a second: each costs an entry of the kernel's one neighbour table for
    /// the three seconds until nobody has answered.
    static let unknownPerSecond = 20

    /// How many addresses are remembered at once. The kernel makes room for all of them when it makes a set, 20 bytes each
    /// and more (nft_rhash_init: nelem_hint), and there are hundreds of gateways on a host.
    private static let addresses = 8192

    /// The structure with its digest; equal values give equal text.
    package var ruleset: Ruleset {
        let digest = FNV1a(of: body).hex
        return Ruleset(
            text: """
                table inet \(Self.table)
                delete table inet \(Self.table)
                table inet \(Self.table) {
                \tcomment "\(Ruleset.commentPrefix)\(digest)"
                \(body)}

                """, digest: digest)
    }

    /// The command that puts addresses into the known set, or takes them out.
    package static func change(add: Bool, _ addresses: [IPv6Address]) -> String {
        guard !addresses.isEmpty else { return "" }
        return "\(add ? "add" : "delete") element inet \(table) \(known) { "
            + addresses.map(\.description).joined(separator: ", ") + " }\n"
    }

    // MARK: Text

    private var body: String {
        (counters + sets + helpers + crossing + coming + hooks + serving + hiding).map { "\t\($0)\n" }.joined()
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
            let bytes = bandwidthPerSegment / 8
            let limit = "limit rate over \(bytes) bytes/second burst \(max(bytes / 8, 1 << 18)) bytes"
            shaped = [
                "iifname \"up0\" update @to-segment { oifname \(limit) } \(drop(.rate))",
                "oifname \"up0\" update @from-segment { iifname \(limit) } \(drop(.rate))",
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
        var fromOutside = [
            "oifname \"up0\" \(drop(.policy))",
            "ip6 daddr @prefixes ip6 daddr != @\(Self.known) ip6 daddr != @spoken limit rate over "
                + "\(Self.unknownPerSecond)/second burst \(Self.unknownPerSecond * 2) packets "
                + drop(.unknownDestination),
            "jump new-flow",
        ]
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
            + chain("between", ["jump new-flow", "accept"])
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

    private var coming: [String] {
        let services =
            servicePorts.isEmpty
            ? []
            : [
                "ip6 daddr { fe80::1, \(IPv6Address.guestServices) } tcp dport { \(portList) } goto to-service"
            ] + (hasIPv4 ? ["meta nfproto ipv4 tcp dport { \(portList) } goto to-service"] : [])
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
                ] + insideOnly)
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
                    "type filter hook forward priority 0; policy drop;",
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
