/// An IPv4 prefix: an address whose bits after `length` are zero.
package struct IPv4Prefix: Hashable, Comparable, Sendable {
    package let address: IPv4Address
    /// 0 to 32.
    package let length: Int

    /// - Throws: when the length is not 0...32, or bits after it are set.
    package init(_ address: IPv4Address, length: Int) throws(AddressingError) {
        guard (0...32).contains(length) else {
            throw AddressingError(
                type: "IPv4 prefix", value: "\(address)/\(length)", rule: "has a length outside 0 to 32")
        }
        guard address.value & Self.mask(length) == address.value else {
            throw AddressingError(
                type: "IPv4 prefix", value: "\(address)/\(length)", rule: "has bits set after its length")
        }
        self.address = address
        self.length = length
    }

    package func contains(_ address: IPv4Address) -> Bool { address.value & Self.mask(length) == self.address.value }

    package func overlaps(_ other: IPv4Prefix) -> Bool { contains(other.address) || other.contains(address) }

    package static func < (left: IPv4Prefix, right: IPv4Prefix) -> Bool {
        (left.address, left.length) < (right.address, right.length)
    }

    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : UInt32.max << UInt32(32 - length) }
}

extension IPv4Prefix: CustomStringConvertible {
    package var description: String { "\(address)/\(length)" }

    /// Parses `address/length`.
    package init(parsing text: some StringProtocol) throws(AddressingError) {
        let (address, length) = try splitPrefix(text, type: "IPv4 prefix")
        try self.init(IPv4Address(parsing: address), length: length)
    }
}
