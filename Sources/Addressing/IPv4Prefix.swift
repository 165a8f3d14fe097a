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

    /// "This network", loopback, link-local, multicast and reserved addresses (RFC 6890): no host is reached at one.
    package static let unusable: [IPv4Prefix] = [
        IPv4Prefix(masking: IPv4Address(0), 8), IPv4Prefix(masking: IPv4Address(127 << 24), 8),
        IPv4Prefix(masking: IPv4Address(0xa9fe_0000), 16), IPv4Prefix(masking: IPv4Address(0xe000_0000), 3),
    ]

    /// Addresses that are not global (RFC 6890 and those of RFC 6598): never behind 64:ff9b::/96 (RFC 6052 section 3.1).
    package static let notGlobal: [IPv4Prefix] =
        unusable + [
            IPv4Prefix(masking: IPv4Address(0x0a00_0000), 8), IPv4Prefix(masking: IPv4Address(0x6440_0000), 10),
            IPv4Prefix(masking: IPv4Address(0xac10_0000), 12), IPv4Prefix(masking: IPv4Address(0xc000_0000), 24),
            IPv4Prefix(masking: IPv4Address(0xc000_0200), 24), IPv4Prefix(masking: IPv4Address(0xc0a8_0000), 16),
            IPv4Prefix(masking: IPv4Address(0xc612_0000), 15), IPv4Prefix(masking: IPv4Address(0xc633_6400), 24),
            IPv4Prefix(masking: IPv4Address(0xcb00_7100), 24),
        ]

    /// 240.0.0.0/16, a piece of what no network uses (RFC 1112 section 4).
    package static let translatorBlock = IPv4Prefix(masking: IPv4Address(0xf000_0000), 16)
    /// 198.18.0.0/16, for benchmarks (RFC 2544), in its place where tayga translates: that takes none of class E.
    package static let taygaBlock = IPv4Prefix(masking: IPv4Address(0xc612_0000), 16)

    /// The highest address in it: for networks, the broadcast address.
    package var last: IPv4Address { IPv4Address(address.value | ~Self.mask(length)) }

    /// The prefix of that length (0...32) that `address` lies in.
    package init(containing address: IPv4Address, length: Int) {
        precondition((0...32).contains(length), "prefix length \(length)")
        self.init(masking: address, length)
    }

    /// The /32 of one address.
    package init(host address: IPv4Address) { self.init(masking: address, 32) }

    private init(masking address: IPv4Address, _ length: Int) {
        self.address = IPv4Address(address.value & Self.mask(length))
        self.length = length
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
