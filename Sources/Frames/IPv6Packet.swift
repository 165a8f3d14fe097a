package import Addressing

/// One IPv6 packet (RFC 8200): the fixed header, the chain of extension headers, and what they carry.
package struct IPv6Packet: Hashable, Sendable {
    package var trafficClass: UInt8
    /// 20 bits.
    package var flowLabel: UInt32
    package var hopLimit: UInt8
    package var source: IPv6Address
    package var destination: IPv6Address
    /// In the order of the chain; after a Fragment header that is not atomic a parser sees only bytes.
    package var extensions: [ExtensionHeader]
    package var content: Content
    package var length: Length

    package init(
        from source: IPv6Address, to destination: IPv6Address, hopLimit: UInt8 = 64, trafficClass: UInt8 = 0,
        flowLabel: UInt32 = 0, through extensions: [ExtensionHeader] = [], _ content: Content, length: Length = .right
    ) {
        self.trafficClass = trafficClass
        self.flowLabel = flowLabel
        self.hopLimit = hopLimit
        self.source = source
        self.destination = destination
        self.extensions = extensions
        self.content = content
        self.length = length
    }

    /// The Payload Length field.
    package enum Length: Hashable, Sendable {
        /// All after the fixed header.
        case right
        /// Another number, to build what a parser refuses or reads differently.
        case wrong(UInt16)
    }

    /// What the last header of the chain carries.
    package enum Content: Hashable, Sendable {
        /// Next header 58.
        case icmpv6(ICMPv6Message)
        /// Next header 17.
        case udp(UDPDatagram)
        /// Next header 6.
        case tcp(TCPSegment)
        /// Next header 59; what follows is ignored by receivers (RFC 8200 section 4.7).
        case none([UInt8])
        /// Any other protocol, and every piece of a fragmented packet, whose protocol is in the first fragment.
        case raw(protocol: UInt8, [UInt8])

        /// The Next Header value that announces it.
        package var number: UInt8 {
            switch self {
            case .icmpv6: NextHeader.icmpv6
            case .udp: NextHeader.udp
            case .tcp: NextHeader.tcp
            case .none: NextHeader.none
            case .raw(let number, _): number
            }
        }

        /// The bytes in a packet between these two, which the checksum covers.
        package func bytes(from source: IPv6Address, to destination: IPv6Address) -> [UInt8] {
            switch self {
            case .icmpv6(let message): message.bytes(from: source, to: destination)
            case .udp(let datagram): datagram.bytes(from: source, to: destination)
            case .tcp(let segment): segment.bytes(from: source, to: destination)
            case .none(let bytes), .raw(_, let bytes): bytes
            }
        }
    }
}

/// Next Header values (IANA, Assigned Internet Protocol Numbers).
package enum NextHeader {
    package static let hopByHop: UInt8 = 0
    package static let tcp: UInt8 = 6
    package static let udp: UInt8 = 17
    package static let routing: UInt8 = 43
    package static let fragment: UInt8 = 44
    package static let authentication: UInt8 = 51
    package static let icmpv6: UInt8 = 58
    package static let none: UInt8 = 59
    package static let destinationOptions: UInt8 = 60
}
