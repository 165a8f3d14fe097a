package import Addressing
import NetworkModel

/// What decides how a gateway translates between IPv6 and IPv4: the translator's tables as values.
package struct TranslationRules: Hashable, Sendable {
    /// Where the IPv4 world appears; a /96 (RFC 6052).
    package var prefix: IPv6Prefix
    /// The gateway's own IPv4 address: the source of errors whose sender has none (RFC 6791).
    package var own: IPv4Address?
    /// One-to-one mappings (RFC 7757).
    package var mappings: [IPv4Address: IPv6Address]
    /// Who has which address of the block that never leaves the gateway.
    package var holders: [IPv4Address: IPv6Address]
    /// The smallest MTU of the IPv6 side, and the MTU of the way out.
    package var ipv6MTU: Int
    package var outerMTU: Int

    private(set) var outward: [IPv6Address: IPv4Address]

    package init(
        prefix: IPv6Prefix = .wellKnownNAT64, own: IPv4Address? = nil, mappings: [IPv4Address: IPv6Address] = [:],
        holders: [IPv4Address: IPv6Address] = [:], ipv6MTU: Int = 1280, outerMTU: Int = 1500
    ) {
        self.prefix = prefix
        self.own = own
        self.mappings = mappings
        self.holders = holders
        self.ipv6MTU = ipv6MTU
        self.outerMTU = outerMTU
        outward = [:]
        // A mapping goes before a held address.
        for (ipv4, ipv6) in holders { outward[ipv6] = ipv4 }
        for (ipv4, ipv6) in mappings { outward[ipv6] = ipv4 }
    }

    /// The IPv4 address that one of ours has outside; nil for none.
    package func ipv4(of address: IPv6Address) -> IPv4Address? { outward[address] }

    /// Which of ours has the IPv4 address; nil for nobody.
    package func ipv6(of address: IPv4Address) -> IPv6Address? { mappings[address] ?? holders[address] }

    /// The IPv4 address inside one of the prefix; nil for an address elsewhere.
    package func extracted(from address: IPv6Address) -> IPv4Address? {
        prefix.contains(address) ? IPv4Address(UInt32(truncatingIfNeeded: address.low)) : nil
    }

    package func embedded(_ address: IPv4Address) -> IPv6Address { NAT64(prefix: prefix).embedding(address) }

    /// Whether the address may stand in the prefix.
    func mayCarry(_ address: IPv4Address) -> Bool { NAT64(prefix: prefix).mayCarry(address) }
}

/// Why a packet is not translated.
package enum TranslationDrop: Error, Hashable, Sendable, CaseIterable {
    case malformed
    case hopLimit
    /// An illegal source: no host's address, or one that only the translator makes.
    case source
    case destination
    /// Behind 64:ff9b::/96 is no address that is not global (RFC 6052 section 3.1).
    case notGlobal
    case unmapped
    /// Extension headers that cannot be left out.
    case headers
    case icmpType
    /// ICMP in fragments is not translated (RFC 7915 section 1.2).
    case icmpFragment
    case icmpChecksum
    /// A fragmented UDP datagram without a checksum (RFC 7915 section 4.5).
    case zeroChecksum
}

/// A packet after translation, from its network header on.
package struct TranslatedPacket: Hashable, Sendable {
    package var bytes: [UInt8]
    /// Where checksums stand that mean the same as 0 and as 0xffff.
    package var checksums: [Int]
    /// Where an identification stands that the translator may choose.
    package var freeIdentification: Int?
}
