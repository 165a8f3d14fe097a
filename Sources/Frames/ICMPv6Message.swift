package import Addressing

/// One ICMPv6 message (RFC 4443) with its code and checksum.
package struct ICMPv6Message: Hashable, Sendable {
    package var code: UInt8
    package var body: Body
    package var checksum: Checksum

    package init(_ body: Body, code: UInt8 = 0, checksum: Checksum = .right) {
        self.code = code
        self.body = body
        self.checksum = checksum
    }

    package enum Body: Hashable, Sendable {
        /// Types 1 to 4 (RFC 4443 section 3): `parameter` is the MTU, the pointer, or unused.
        case failure(type: UInt8, parameter: UInt32, invoking: [UInt8])
        /// Types 128 and 129.
        case echo(isReply: Bool, identifier: UInt16, sequence: UInt16, data: [UInt8])
        /// Types 130 to 132 (RFC 2710), and with `more` the fields of an MLDv2 query (RFC 3810 section 5.1).
        case listener(type: UInt8, maximumDelay: UInt16, group: IPv6Address, more: [UInt8])
        /// Type 133 (RFC 4861 section 4.1).
        case routerSolicitation([NDOption])
        /// Type 134.
        case routerAdvertisement(RouterAdvertisement)
        /// Type 135.
        case neighbourSolicitation(target: IPv6Address, [NDOption])
        /// Type 136.
        case neighbourAdvertisement(NeighbourFlags, target: IPv6Address, [NDOption])
        /// Type 137.
        case redirect(target: IPv6Address, destination: IPv6Address, [NDOption])
        /// Type 143 (RFC 3810 section 5.2).
        case listenerReport([ListenerRecord])
        /// Every other: all after the checksum.
        case other(type: UInt8, [UInt8])

        package var type: UInt8 {
            switch self {
            case .failure(let type, _, _), .listener(let type, _, _, _), .other(let type, _): type
            case .echo(let isReply, _, _, _): isReply ? 129 : 128
            case .routerSolicitation: 133
            case .routerAdvertisement: 134
            case .neighbourSolicitation: 135
            case .neighbourAdvertisement: 136
            case .redirect: 137
            case .listenerReport: 143
            }
        }
    }

    /// The flags of a Neighbour Advertisement (RFC 4861 section 4.4).
    package struct NeighbourFlags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue & 0xe0 }
        package static let router = NeighbourFlags(rawValue: 0x80)
        package static let solicited = NeighbourFlags(rawValue: 0x40)
        package static let override = NeighbourFlags(rawValue: 0x20)
    }

    /// The fields of RFC 4861 section 4.2.
    package struct RouterAdvertisement: Hashable, Sendable {
        package var hopLimit: UInt8
        /// Managed 0x80, other 0x40, preference 0x18 (RFC 4191).
        package var flags: UInt8
        /// Seconds; 0: not a default router.
        package var lifetime: UInt16
        /// Milliseconds.
        package var reachable: UInt32
        /// Milliseconds.
        package var retransmission: UInt32
        package var options: [NDOption]

        package init(
            hopLimit: UInt8 = 64, flags: UInt8 = 0, lifetime: UInt16 = 1800, reachable: UInt32 = 0,
            retransmission: UInt32 = 0, _ options: [NDOption] = []
        ) {
            self.hopLimit = hopLimit
            self.flags = flags
            self.lifetime = lifetime
            self.reachable = reachable
            self.retransmission = retransmission
            self.options = options
        }
    }

    /// One multicast address record (RFC 3810 section 5.2.4).
    package struct ListenerRecord: Hashable, Sendable {
        package var type: UInt8
        package var group: IPv6Address
        package var sources: [IPv6Address]
        /// A multiple of 4 bytes.
        package var auxiliary: [UInt8]

        package init(type: UInt8, group: IPv6Address, sources: [IPv6Address] = [], auxiliary: [UInt8] = []) {
            self.type = type
            self.group = group
            self.sources = sources
            self.auxiliary = auxiliary
        }
    }
}
