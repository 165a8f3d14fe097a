/// Reverse names: which addresses a name stands for, and which name an address has.
extension DomainName {
    private static let six = DomainName.arpa("ip6")
    private static let four = DomainName.arpa("in-addr")

    private static func arpa(_ label: String) -> DomainName {
        do { return try DomainName(parsing: label + ".arpa") } catch { preconditionFailure("\(error)") }
    }

    /// The name of an address under ip6.arpa (RFC 3596 section 2.5).
    package static func reverse(_ address: IPv6Address) -> DomainName { reverse(address, nibbles: 32) }

    /// The name of a prefix under ip6.arpa; nil where its length is no multiple of 4.
    package static func reverse(_ prefix: IPv6Prefix) -> DomainName? {
        prefix.length % 4 == 0 ? reverse(prefix.address, nibbles: prefix.length / 4) : nil
    }

    /// The name of an address under in-addr.arpa (RFC 1035 section 3.5).
    package static func reverse(_ address: IPv4Address) -> DomainName {
        let labels = (0..<4).map { String(address.value >> (8 * UInt32($0)) & 255) }
        return below(four, labels)
    }

    private static func reverse(_ address: IPv6Address, nibbles: Int) -> DomainName {
        let all = address.bytes.flatMap { [$0 >> 4, $0 & 15] }
        return below(six, all.prefix(nibbles).reversed().map { String($0, radix: 16) })
    }

    /// Labels that this code made.
    private static func below(_ name: DomainName, _ labels: [String]) -> DomainName {
        do { return try name.prepending(labels) } catch { preconditionFailure("\(error)") }
    }

    /// Whether it is within ip6.arpa or in-addr.arpa.
    package var isReverse: Bool { isWithin(Self.six) || isWithin(Self.four) }

    /// The addresses whose names are within a name under ip6.arpa; nil for any other name.
    package var reversePrefix6: IPv6Prefix? {
        guard let labels = labels(below: Self.six), labels.count <= 32 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, label) in labels.reversed().enumerated() {
            guard label.utf8.count == 1, let nibble = UInt64(label, radix: 16) else { return nil }
            if index < 16 {
                high |= nibble << UInt64(60 - 4 * index)
            } else {
                low |= nibble << UInt64(60 - 4 * (index - 16))
            }
        }
        return IPv6Prefix(containing: IPv6Address(high: high, low: low), length: 4 * labels.count)
    }

    /// The same under in-addr.arpa.
    package var reversePrefix4: IPv4Prefix? {
        guard let labels = labels(below: Self.four), labels.count <= 4 else { return nil }
        var value: UInt32 = 0
        for (index, label) in labels.reversed().enumerated() {
            guard let octet = UInt8(label), String(octet) == label else { return nil }
            value |= UInt32(octet) << UInt32(24 - 8 * index)
        }
        return try? IPv4Prefix(IPv4Address(value), length: 8 * labels.count)  // no bit behind the length is set
    }
}
