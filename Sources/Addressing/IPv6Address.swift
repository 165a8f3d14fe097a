/// A 128-bit IPv6 address (RFC 4291). Two words, so that it is cheap to hash, compare and put in arrays.
package struct IPv6Address: Hashable, Comparable, Sendable {
    /// The first 64 bits in host order: the subnet prefix of a /64.
    package var high: UInt64
    /// The last 64 bits in host order: the interface identifier of a /64.
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes the 16 bytes of an address in network order; nil when there are not exactly 16.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        self.init(high: 0, low: 0)
        for (index, byte) in bytes.enumerated() {
            if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
    }

    /// The 16 bytes in network order.
    package var bytes: [UInt8] {
        (0..<16).map { index in
            let word = index < 8 ? high : low
            return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index % 8)))
        }
    }

    /// The eight 16-bit groups of the text form.
    package var groups: [UInt16] {
        (0..<8).map { index in
            let word = index < 4 ? high : low
            return UInt16(truncatingIfNeeded: word >> UInt64(48 - 16 * (index % 4)))
        }
    }

    package static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension IPv6Address {
    /// `::` (RFC 4291 section 2.5.2).
    package static let unspecified = IPv6Address(high: 0, low: 0)
    /// `::1` (RFC 4291 section 2.5.3).
    package static let loopback = IPv6Address(high: 0, low: 1)
    /// `fe80::1`: KC's router address on every segment.
    package static let segmentRouter = IPv6Address(high: 0xfe80 << 48, low: 1)

    /// `fe80::a9fe:a9fe`: where gateways offer guests their services too, as clouds do with metadata.
    package static let guestServices = IPv6Address(high: 0xfe80 << 48, low: 0xa9fe_a9fe)

    package var isUnspecified: Bool { self == .unspecified }
    package var isLoopback: Bool { self == .loopback }
    /// ff00::/8 (RFC 4291 section 2.7).
    package var isMulticast: Bool { high >> 56 == 0xff }
    /// fe80::/10 (RFC 4291 section 2.5.6).
    package var isLinkLocal: Bool { high >> 54 == 0x3fa }
    /// fc00::/7 (RFC 4193 section 3.1).
    package var isUniqueLocal: Bool { high >> 57 == 0x7e }
    /// ::ffff:0:0/96 (RFC 4291 section 2.5.5.2).
    package var isIPv4Mapped: Bool { high == 0 && low >> 32 == 0xffff }

    /// The link-local address of a MAC: fe80::/64 with the modified EUI-64 (RFC 4291 appendix A).
    package static func linkLocal(_ mac: MACAddress) -> IPv6Address {
        IPv6Address(high: 0xfe80 << 48, low: mac.modifiedEUI64)
    }
}
