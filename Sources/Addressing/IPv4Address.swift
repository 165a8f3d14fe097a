/// A 32-bit IPv4 address. KC has IPv4 only as a service: NAT64 targets, proxies, and inside segments that ask for it.
package struct IPv4Address: Hashable, Comparable, Sendable {
    /// The address in host order.
    package var value: UInt32

    package init(_ value: UInt32) { self.value = value }

    package static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.value < right.value }
}

extension IPv4Address: CustomStringConvertible, LosslessStringConvertible {
    /// Dotted decimal.
    package var description: String {
        "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }

    /// nil where `init(parsing:)` throws.
    package init?(_ description: String) {
        guard let address = try? IPv4Address(parsing: description) else { return nil }  // the reason is not wanted here
        self = address
    }

    /// Parses strict dotted decimal: four numbers of 0 to 255. Leading zeros are refused, because some readers take
    /// them for octal (RFC 6943 section 3.1.1).
    package init(parsing text: some StringProtocol) throws(AddressingError) {
        func refuse(_ rule: String) -> AddressingError {
            AddressingError(type: "IPv4 address", value: text, rule: rule)
        }
        guard text.utf8.count <= 15 else { throw refuse("is longer than 15 characters") }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { throw refuse("has not exactly 4 parts") }
        var value: UInt32 = 0
        for part in parts {
            guard !part.isEmpty, part.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
                throw refuse("has a part that is not a decimal number")
            }
            guard part.count == 1 || part.first != UInt8(ascii: "0") else { throw refuse("has a leading zero") }
            guard part.count <= 3 else { throw refuse("has a part above 255") }
            let number = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) }
            guard number <= 255 else { throw refuse("has a part above 255") }
            value = value << 8 | number
        }
        self.init(value)
    }
}
