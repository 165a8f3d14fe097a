package import Addressing
package import Resources

/// IPv4 inside a segment, for what cannot do without: each attachment gets an address, told to guests by DHCPv4. Nothing
/// is routed: who is asked for by IPv4 from elsewhere is reached by a mapping.
package struct SegmentIPv4: Hashable, JSONCodable {
    /// A /8 to a /29; its first host address is the gateway's.
    package var prefix: IPv4Prefix

    package init(prefix: IPv4Prefix) { self.prefix = prefix }

    package static let lengths = 8...29

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(prefix: try reader.required("prefix"))
        guard Self.lengths.contains(prefix.length) else {
            throw FieldError(
                field: reader.path(of: "prefix"), value: prefix.description,
                rule: "must be a /\(Self.lengths.lowerBound) to a /\(Self.lengths.upperBound)")
        }
        for block in IPv4Prefix.unusable + [.taygaBlock] where block.overlaps(prefix) {
            throw FieldError(
                field: reader.path(of: "prefix"), value: prefix.description,
                rule: "must not overlap \(block), where no guest can be: use a private prefix (RFC 1918) or your own")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in writer.member("prefix", prefix) }
    }

    /// The gateway's address, kept free also on a segment that has no gateway.
    package var router: IPv4Address { IPv4Address(prefix.address.value + 1) }

    /// Whether an attachment may have it: not the network's own, the router's or the broadcast address.
    package func isForAttachments(_ address: IPv4Address) -> Bool {
        prefix.contains(address) && address.value > router.value && address.value < prefix.last.value
    }

    /// The addresses for attachments, each once, in an order that begins at a place which follows from the MAC: so that
    /// two servers that assign at once seldom choose the same.
    package func candidates(for mac: MACAddress) -> some Sequence<IPv4Address> {
        let first = router.value + 1
        let count = prefix.last.value - first
        let start = UInt32(truncatingIfNeeded: mac.value) % count
        return (0..<count).lazy.map { IPv4Address(first + (start + $0) % count) }
    }
}
