package import Addressing

/// From which addresses images may be fetched: from public ones that are none of this machine's, and from what the
/// operator lists.
///
/// A user who names a server's address could otherwise have KC ask what only KC reaches: its own API, the metadata of a
/// cloud, an operator's network.
package struct SourcePolicy: Sendable {
    /// The operator's; those of IPv4 are written as mapped ones (`::ffff:192.0.2.0/120`).
    package let listed: [IPv6Prefix]
    /// This machine's own addresses.
    package let own: Set<IPv6Address>

    package init(listed: [IPv6Prefix], own: Set<IPv6Address>) {
        self.listed = listed
        self.own = own
    }

    /// IPv4's special purpose ranges (RFC 6890 and the registry that it began), and those of more than one receiver.
    private static let special4: [(UInt32, Int)] = [
        (0x0000_0000, 8), (0x0a00_0000, 8), (0x6440_0000, 10), (0x7f00_0000, 8), (0xa9fe_0000, 16), (0xac10_0000, 12),
        (0xc000_0000, 24), (0xc000_0200, 24), (0xc058_6300, 24), (0xc0a8_0000, 16), (0xc612_0000, 15),
        (0xc633_6400, 24), (0xcb00_7100, 24), (0xe000_0000, 4), (0xf000_0000, 4),
    ]

    /// Why an address is not asked, as a clause; nil when it is.
    ///
    /// - Parameter address: one of IPv4 in its mapped form.
    /// - Parameter isWritten: whether the user wrote it, and no name stands for it.
    package func refusal(of address: IPv6Address, isWritten: Bool) -> String? {
        guard !listed.contains(where: { $0.contains(address) }) else { return nil }
        guard !own.contains(address) else { return "\(address) is an address of this server" }
        if let v4 = address.ipv4 {
            // Nobody writes that who wants an IPv4 address.
            guard !isWritten else { return "\(address) is an IPv4-mapped address" }
            return Self.refusal(of: v4)
        }
        // What a translator makes of an IPv4 address (RFC 6052): that address is what is asked.
        if address.high == 0x0064_ff9b_0000_0000, address.low >> 32 == 0 {
            return Self.refusal(of: IPv4Address(UInt32(truncatingIfNeeded: address.low)))
        }
        // Global unicast (RFC 4291), without Teredo, ORCHIDs, documentation and 6to4.
        let isGlobal = address.high >> 61 == 1
        let isSpecial =
            address.high >> 41 == 0x2001_0000 >> 9 || address.high >> 32 == 0x2001_0db8 || address.high >> 48 == 0x2002
            || address.high >> 44 == 0x3fff0
        return isGlobal && !isSpecial ? nil : "\(address) is no public address"
    }

    /// The same for an address that was written as IPv4.
    package func refusal(of address: IPv4Address) -> String? {
        if listed.contains(where: { $0.contains(address.mapped) }) { return nil }
        guard !own.contains(address.mapped) else { return "\(address) is an address of this server" }
        return Self.refusal(of: address)
    }

    private static func refusal(of address: IPv4Address) -> String? {
        let isSpecial = special4.contains { range, length in
            address.value >> UInt32(32 - length) == range >> UInt32(32 - length)
        }
        return isSpecial ? "\(address) is no public address" : nil
    }
}
