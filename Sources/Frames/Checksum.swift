package import Addressing

/// The 16-bit checksum field of ICMPv6, UDP and TCP (RFC 8200 section 8.1, RFC 1071).
package enum Checksum: Hashable, Sendable {
    /// What it must be for the message and its pseudo-header.
    case right
    /// Another one: read from a damaged message, or put there to build one.
    case wrong(UInt16)

    /// The checksum over a pseudo-header and a message whose own checksum field is zero. A result of 0 is sent as
    /// 0xffff, as UDP demands (RFC 8200 section 8.1); for the others both mean the same.
    package static func value(
        source: IPv6Address, destination: IPv6Address, protocol number: UInt8, message: some Collection<UInt8>
    ) -> UInt16 {
        var sum: UInt64 = 0
        for address in [source, destination] {
            for word in [address.high, address.low] { sum += (word >> 32) + (word & 0xffff_ffff) }
        }
        sum += UInt64(message.count) + UInt64(number)
        var isUpper = true
        for byte in message {
            sum += isUpper ? UInt64(byte) << 8 : UInt64(byte)
            isUpper.toggle()
        }
        while sum > 0xffff { sum = (sum >> 16) + (sum & 0xffff) }
        let folded = ~UInt16(sum)
        return folded == 0 ? 0xffff : folded
    }
}
