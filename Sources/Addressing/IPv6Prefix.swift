/// An IPv6 prefix (RFC 4291 section 2.3): an address whose bits after `length` are zero.
package struct IPv6Prefix: Hashable, Comparable, Sendable {
    package let address: IPv6Address
    /// 0 to 128.
    package let length: Int

    /// - Throws: when the length is not 0...128, or bits after it are set: KC never guesses which of two was meant.
    package init(_ address: IPv6Address, length: Int) throws(AddressingError) {
        guard (0...128).contains(length) else {
            throw AddressingError(
                type: "IPv6 prefix", value: "\(address)/\(length)", rule: "has a length outside 0 to 128")
        }
        let network = address.masked(to: length)
        guard network == address else {
            throw AddressingError(
                type: "IPv6 prefix", value: "\(address)/\(length)",
                rule: "has bits set after its length; \(network)/\(length) is the prefix it lies in")
        }
        self.address = address
        self.length = length
    }

    private init(unchecked address: IPv6Address, length: Int) {
        self.address = address
        self.length = length
    }

    /// The prefix of that length (0...128) that `address` lies in.
    package init(containing address: IPv6Address, length: Int) {
        precondition((0...128).contains(length), "prefix length \(length)")
        self.init(unchecked: address.masked(to: length), length: length)
    }

    package func contains(_ address: IPv6Address) -> Bool { address.masked(to: length) == self.address }

    package func contains(_ other: IPv6Prefix) -> Bool { other.length >= length && contains(other.address) }

    package func overlaps(_ other: IPv6Prefix) -> Bool { contains(other) || other.contains(self) }

    /// The prefix without `other`: itself where they do not meet, nothing where `other` contains it, and else the
    /// `other.length - length` prefixes that together with `other` make it up, in order.
    package func excluding(_ other: IPv6Prefix) -> [IPv6Prefix] {
        if other.contains(self) { return [] }
        guard contains(other) else { return [self] }
        return (length..<other.length).map { bit in
            // Like `other` down to the bit, and different in it.
            let flipped =
                bit < 64
                ? IPv6Address(high: other.address.high ^ (1 << UInt64(63 - bit)), low: 0)
                : IPv6Address(high: other.address.high, low: other.address.low ^ (1 << UInt64(127 - bit)))
            return IPv6Prefix(containing: flipped, length: bit + 1)
        }.sorted()
    }

    /// ::/8, which is no network's: unspecified, loopback, IPv4-mapped (RFC 4291 section 2.5) and the prefixes of NAT64 (RFC
    /// 6052, RFC 8215).
    package static let reserved = IPv6Prefix(unchecked: .unspecified, length: 8)

    /// Where a frame never comes from, whoever may send others' addresses: unspecified and loopback (::/127), link-local
    /// (fe80::/10) and multicast (ff00::/8).
    package static let neverAllowedSources = [
        IPv6Prefix(unchecked: .unspecified, length: 127),
        IPv6Prefix(unchecked: IPv6Address(high: 0xfe80 << 48, low: 0), length: 10),
        IPv6Prefix(unchecked: IPv6Address(high: 0xff << 56, low: 0), length: 8),
    ]

    /// How many prefixes of `length` it holds; nil when that is none, or more than fits 64 bits.
    package func count(ofLength length: Int) -> UInt64? {
        guard length >= self.length, length <= 128, length - self.length < 64 else { return nil }
        return 1 << UInt64(length - self.length)
    }

    /// The prefix number `index` (from 0) of `length` inside this one; nil when there is no such prefix.
    package func subprefix(length: Int, at index: UInt64) -> IPv6Prefix? {
        guard let count = count(ofLength: length), index < count else { return nil }
        let shift = 128 - length
        var address = self.address
        if shift < 64 {
            address.low |= index << UInt64(shift)
            if shift > 0 { address.high |= index >> UInt64(64 - shift) }
        } else if shift < 128 {
            address.high |= index << UInt64(shift - 64)
        }
        return IPv6Prefix(unchecked: address, length: length)
    }

    package static func < (left: IPv6Prefix, right: IPv6Prefix) -> Bool {
        (left.address, left.length) < (right.address, right.length)
    }
}

extension IPv6Address {
    /// The address with all bits after the first `length` cleared.
    package func masked(to length: Int) -> IPv6Address {
        IPv6Address(
            high: length >= 64 ? high : length <= 0 ? 0 : high & ~(UInt64.max >> UInt64(length)),
            low: length >= 128 ? low : length <= 64 ? 0 : low & ~(UInt64.max >> UInt64(length - 64)))
    }
}

extension IPv6Prefix: CustomStringConvertible, LosslessStringConvertible {
    package var description: String { "\(address)/\(length)" }

    package init?(_ description: String) {
        guard let prefix = try? IPv6Prefix(parsing: description) else { return nil }  // the reason is not wanted here
        self = prefix
    }

    /// Parses `address/length`.
    package init(parsing text: some StringProtocol) throws(AddressingError) {
        let (address, length) = try splitPrefix(text, type: "IPv6 prefix")
        try self.init(IPv6Address(parsing: address), length: length)
    }
}

/// Cuts `address/length` in two; the length is one to three digits without a leading zero.
func splitPrefix(_ text: some StringProtocol, type: String) throws(AddressingError) -> (String, Int) {
    guard let slash = text.firstIndex(of: "/") else {
        throw AddressingError(type: type, value: text, rule: "lacks '/' and a length")
    }
    let digits = text[text.index(after: slash)...]
    guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
        digits.utf8.count == 1 || digits.utf8.first != 48, let length = Int(digits)
    else { throw AddressingError(type: type, value: text, rule: "has a length that is not a plain number") }
    return (String(text[..<slash]), length)
}
