/// A 48-bit Ethernet address (IEEE 802, RFC 9542).
package struct MACAddress: Hashable, Comparable, Sendable {
    /// The address in the low 48 bits, first octet highest.
    package let value: UInt64

    /// Keeps the low 48 bits of `value`.
    package init(_ value: UInt64) { self.value = value & 0xffff_ffff_ffff }

    /// Takes 6 bytes in transmission order; nil for any other count.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.init(bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    package var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - 8 * $0)) } }

    /// The I/G bit: a group (multicast or broadcast) address, which no station may use as its own.
    package var isGroup: Bool { value >> 40 & 1 == 1 }
    /// The U/L bit: locally administered.
    package var isLocallyAdministered: Bool { value >> 41 & 1 == 1 }
    /// May be the address of a port: not a group address and not all zero.
    package var isUsable: Bool { !isGroup && value != 0 }

    /// The modified EUI-64 interface identifier: ff:fe in the middle, U/L bit inverted (RFC 4291 appendix A).
    package var modifiedEUI64: UInt64 {
        let upper = value >> 24
        let lower = value & 0xff_ffff
        return (upper << 40 | 0xff_fe00_0000 | lower) ^ (1 << 57)
    }

    /// The MAC whose modified EUI-64 is `identifier`; nil when the identifier has no ff:fe in its middle.
    package init?(modifiedEUI64 identifier: UInt64) {
        guard identifier >> 24 & 0xffff == 0xfffe else { return nil }
        let plain = identifier ^ (1 << 57)
        self.init((plain >> 40) << 24 | plain & 0xff_ffff)
    }

    package static func < (left: MACAddress, right: MACAddress) -> Bool { left.value < right.value }
}

extension MACAddress: CustomStringConvertible, LosslessStringConvertible {
    /// Six lower-case hex pairs with colons.
    package var description: String {
        bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined(separator: ":")
    }

    package init?(_ description: String) {
        guard let address = try? MACAddress(parsing: description) else { return nil }  // the reason is not wanted here
        self = address
    }

    /// Parses six hex pairs separated by colons or by hyphens (not mixed), any case.
    package init(parsing text: some StringProtocol) throws(AddressingError) {
        func refuse(_ rule: String) -> AddressingError {
            AddressingError(type: "MAC address", value: text, rule: rule)
        }
        let bytes = Array(text.utf8.prefix(32))
        guard bytes.count == 17 else { throw refuse("is not six pairs of hex digits with ':' between them") }
        let separator = bytes[2]
        guard separator == UInt8(ascii: ":") || separator == UInt8(ascii: "-") else {
            throw refuse("has something else than ':' or '-' between its pairs")
        }
        var value: UInt64 = 0
        for index in 0..<6 {
            if index > 0, bytes[index * 3 - 1] != separator { throw refuse("mixes or misplaces its separators") }
            guard let upper = hexDigit(bytes[index * 3]), let lower = hexDigit(bytes[index * 3 + 1]) else {
                throw refuse("has something else than hex digits in a pair")
            }
            value = value << 8 | UInt64(upper << 4 | lower)
        }
        self.init(value)
    }
}
