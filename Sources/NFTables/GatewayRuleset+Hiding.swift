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
