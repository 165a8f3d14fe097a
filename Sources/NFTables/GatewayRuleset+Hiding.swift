import Addressing

/// Many to one: senders without a mapping have an address of the translator's block each, and behind it the one address
/// of the gateway's.
extension GatewayRuleset {
    /// How many connections to the IPv4 world a sender without a mapping may have at once: a sixteenth of the ports
    /// that the one address has towards one server.
    package static let connectionsPerSender = 4032

    /// The block's addresses mean nothing outside: nobody there reaches a sender by them.
    var insideOnly: [String] {
        guard outgoing != nil else { return [] }
        return [
            "meta nfproto ipv4 iifname != \"\(Self.translator)\" ip daddr \(Self.blocks) "
                + "counter name \(Reason.spoofed.counter) drop"
        ]
    }

    /// A source route is not gone, and the sender is told so, in front of the translator (RFC 7915 section 4.1: type 3,
    /// code 5). The kernel would drop such packets without a word.
    var sourceRoutes: [String] {
        ["lsrr", "ssrr"].map {
            "meta nfproto ipv4 iifname \"up0\" ip option \($0) exists counter name \(Reason.policy.counter) "
                + "reject with icmp 5"
        }
    }

    var boundedSet: [String] {
        outgoing == nil ? [] : ["set senders { type ipv4_addr; size 65535; flags dynamic; }"]
    }

    var bounded: [String] {
        guard outgoing != nil else { return [] }
        return [
            "meta nfproto ipv4 ip saddr \(Self.blocks) ct state new add @senders { ip saddr ct count over "
                + "\(Self.connectionsPerSender) } counter name \(Reason.connections.counter) drop"
        ]
    }

    /// An echo that is larger than the path is cut behind this rule, and only its first fragment has the checksum, which
    /// on the IPv6 side covers the length of all: so the length stands in the mark, which fragments keep. Its upper half is
    /// NAT64_WHOLE_MARK.
    var measured: [String] {
        guard outgoing != nil else { return [] }
        return [
            "chain measured {",
            "\tmeta nfproto ipv4 @th,0,8 { 0, 8 } ip frag-off & 0x3fff == 0 meta mark set @nh,0,32 & 0xffff | 0x6b650000",
            "\tip6 nexthdr 58 @th,0,8 { 128, 129 } meta mark set @nh,16,32 & 0xffff | 0x6b650000",
            "}",
        ]
    }

    /// To `measured`, before anything else is asked.
    var measuring: [String] {
        outgoing == nil ? [] : ["oifname \"\(Self.translator)\" meta l4proto { 1, 58 } jump measured"]
    }

    var hiding: [String] {
        guard let outgoing else { return [] }
        return [
            "chain hide {", "\ttype nat hook postrouting priority 100; policy accept;",
            "\tmeta nfproto ipv4 ip saddr \(Self.blocks) snat ip to \(outgoing)", "}",
        ]
    }

    /// Of the kernel's translator, and of tayga in its place.
    private static let blocks = "{ \(IPv4Prefix.translatorBlock), \(IPv4Prefix.taygaBlock) }"
    /// The device that packets are translated on.
    private static let translator = "nat0"
}
