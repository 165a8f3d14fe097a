/// IPv4 values in the form of IPv6 ones (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), where a list may hold both.
extension IPv4Address {
    /// 169.254.169.254: ``IPv6Address/guestServices`` of IPv4.
    package static let guestServices = IPv4Address(0xa9fe_a9fe)

    /// `::ffff:` and the address.
    package var mapped: IPv6Address { IPv6Address(high: 0, low: 0xffff_0000_0000 | UInt64(value)) }
}

extension IPv6Address {
    /// What an IPv4-mapped address stands for; nil for every other.
    package var ipv4: IPv4Address? { isIPv4Mapped ? IPv4Address(UInt32(truncatingIfNeeded: low)) : nil }
}

extension IPv4Prefix {
    /// The prefix of the mapped addresses: 96 bits longer.
    package var mapped: IPv6Prefix { IPv6Prefix(containing: address.mapped, length: length + 96) }
}

extension IPv6Prefix {
    /// All IPv4-mapped addresses (::ffff:0:0/96).
    package static let mappedIPv4 = IPv6Prefix(containing: IPv4Address(0).mapped, length: 96)

    /// The IPv4 prefix that a mapped one stands for; nil for every other.
    package var ipv4: IPv4Prefix? {
        guard length >= 96, let address = address.ipv4 else { return nil }
        return IPv4Prefix(containing: address, length: length - 96)
    }
}
