import Addressing

/// The headers of a packet up to its transport header, as far as translation needs them.
struct HeaderChain: Hashable {
    /// From the network header to the transport header.
    var length: Int
    var transport: UInt8
    var fragment: Fragment?

    struct Fragment: Hashable {
        /// In units of 8 bytes.
        var offset: UInt16
        var hasMore: Bool
        var identification: UInt32

        /// The whole packet after all (RFC 6946).
        var isAtomic: Bool { offset == 0 && !hasMore }
    }

    var isFirst: Bool { fragment.map { $0.offset == 0 } ?? true }

    enum Number {
        static let hopByHop: UInt8 = 0
        static let icmp: UInt8 = 1
        static let tcp: UInt8 = 6
        static let udp: UInt8 = 17
        static let dccp: UInt8 = 33
        static let routing: UInt8 = 43
        static let fragment: UInt8 = 44
        static let icmpv6: UInt8 = 58
        static let destinationOptions: UInt8 = 60
        static let udpLite: UInt8 = 136
        static let extensions: Set<UInt8> = [hopByHop, routing, fragment, destinationOptions]
    }

    static let maximumExtensionHeaders = 8

    /// Of the IPv6 packet at `start`.
    init(ipv6 packet: PacketBytes, at start: Int) throws(TranslationDrop) {
        guard var next = packet.uint8(start + 6) else { throw .malformed }
        length = 40
        for _ in 0..<Self.maximumExtensionHeaders {
            guard Number.extensions.contains(next) else {
                transport = next
                return
            }
            let place = start + length
            guard let following = packet.uint8(place), let size = packet.uint8(place + 1),
                let word = packet.uint16(place + 2), let identification = packet.uint32(place + 4)
            else { throw .malformed }
            if next == Number.fragment {
                fragment = Fragment(offset: word >> 3, hasMore: word & 1 == 1, identification: identification)
                length += 8
                guard !Number.extensions.contains(following) else { throw .headers }
                transport = following
                return
            }
            // Segments left: it is not yet where it shall go.
            if next == Number.routing, word & 255 != 0 { throw .headers }
            length += (Int(size) + 1) * 8
            next = following
        }
        throw .headers
    }

    /// Of the IPv4 packet at `start`, of which 20 bytes are there.
    init(ipv4 packet: PacketBytes, at start: Int) throws(TranslationDrop) {
        guard let first = packet.uint8(start), let word = packet.uint16(start + 6),
            let transport = packet.uint8(start + 9),
            let identification = packet.uint16(start + 4), packet.uint32(start + 16) != nil, first >> 4 == 4,
            first & 15 >= 5
        else { throw .malformed }
        length = Int(first & 15) * 4
        self.transport = transport
        if word & 0x3fff != 0 {
            fragment = Fragment(
                offset: word & 0x1fff, hasMore: word & 0x2000 != 0, identification: UInt32(identification))
        }
    }

    /// Where in the transport header a checksum is that covers the addresses.
    var checksumOffset: Int? {
        switch transport {
        case Number.tcp: 16
        case Number.udp, Number.udpLite, Number.dccp: 6
        default: nil
        }
    }
}
