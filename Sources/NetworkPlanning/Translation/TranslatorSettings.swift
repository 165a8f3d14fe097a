package import Addressing

/// How the translator of one gateway works, but for its mappings.
package struct TranslatorSettings: Hashable, Sendable {
    /// Where the IPv4 world appears; a /96.
    package var prefix: IPv6Prefix
    /// The gateway's own IPv4 address; nil when it has none.
    package var own: IPv4Address?
    /// Out of which senders without a mapping get an address each, that the way out then hides behind `own`; nil leaves
    /// them without a way. A /8 to /31.
    package var block: IPv4Prefix?
    /// Indexes of the devices in the gateway's namespace; 0 for none.
    package var innerDevice: UInt32
    package var outerDevice: UInt32
    /// The smallest MTU of the segments, and that of the way out.
    package var ipv6MTU: Int
    package var outerMTU: Int

    package init(
        prefix: IPv6Prefix, own: IPv4Address?, block: IPv4Prefix?, innerDevice: UInt32, outerDevice: UInt32,
        ipv6MTU: Int, outerMTU: Int
    ) {
        self.prefix = prefix
        self.own = own
        self.block = block
        self.innerDevice = innerDevice
        self.outerDevice = outerDevice
        self.ipv6MTU = ipv6MTU
        self.outerMTU = outerMTU
    }
}

/// What a translator counts: packets it translated, and those it dropped by reason.
package enum TranslatorCounter: String, Hashable, Sendable, CaseIterable {
    // In the order of `enum nat64_counter` (Sources/CBPF/nat64_layout.h).
    case toIPv4, toIPv6, shortCut
    case malformed, hopLimit, source, destination, notGlobal, unmapped, blockFull, headers, icmpType, icmpFragment
    case icmpChecksum, zeroChecksum, kernel

    /// Whether the packet went no further.
    package var isDrop: Bool {
        switch self {
        case .toIPv4, .toIPv6, .shortCut: false
        default: true
        }
    }
}

/// What went through one mapping.
package struct MappingTraffic: Hashable, Sendable {
    package var sentPackets: UInt64 = 0
    package var sentBytes: UInt64 = 0
    package var receivedPackets: UInt64 = 0
    package var receivedBytes: UInt64 = 0

    package init() {}
}
