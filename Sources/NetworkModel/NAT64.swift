package import Addressing
package import Resources

/// How a gateway translates between its segments and the IPv4 world (RFC 7915, RFC 6052, RFC 7757).
package struct NAT64: Hashable, JSONCodable {
    /// Where the IPv4 world appears to the segments: the 32 bits after it are the IPv4 address (RFC 6052 section 2.2).
    /// Always a /96.
    package var prefix: IPv6Prefix
    /// Where the gateway's own IPv4 address comes from, behind which attachments without a mapping reach the IPv4 world
    /// (many to one); nil leaves those without a way there.
    package var pool: Reference<Pool>?
    /// Whether the gateway's resolver makes AAAA records of A records (RFC 6147).
    package var dns64: Bool

    package init(prefix: IPv6Prefix = .wellKnownNAT64, pool: Reference<Pool>? = nil, dns64: Bool = true) {
        self.prefix = prefix
        self.pool = pool
        self.dns64 = dns64
    }

    /// The IPv6 address at which the segments see an IPv4 address.
    package func embedding(_ address: IPv4Address) -> IPv6Address {
        IPv6Address(high: prefix.address.high, low: prefix.address.low | UInt64(address.value))
    }

    /// Whether RFC 6052 section 3.1 allows the IPv4 address behind the prefix: 64:ff9b::/96 is for global ones alone.
    package func mayCarry(_ address: IPv4Address) -> Bool {
        prefix != .wellKnownNAT64 || IPv4Prefix.notGlobal.allSatisfy { !$0.contains(address) }
    }
}

extension IPv6Prefix {
    /// 64:ff9b::/96 (RFC 6052 section 2.1).
    package static let wellKnownNAT64 = IPv6Prefix(
        containing: IPv6Address(high: 0x0064_ff9b_0000_0000, low: 0), length: 96)
}

extension NAT64 {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            prefix: try reader.optional("prefix") ?? .wellKnownNAT64, pool: try reader.optional("pool"),
            dns64: try reader.optional("dns64") ?? true)
        func refuse(_ rule: String) -> FieldError {
            FieldError(field: reader.path(of: "prefix"), value: prefix.description, rule: rule)
        }
        guard prefix.length == 96 else { throw refuse("must be a /96: 32 bits are left for the IPv4 address") }
        guard !prefix.address.isMulticast, !prefix.address.isLinkLocal, !prefix.address.isUnspecified else {
            throw refuse("must be unicast and not link-local")
        }
        // RFC 6052 section 2.2: bits 64 to 71 are the 'u' octet, which is zero.
        guard prefix.address.low >> 56 == 0 else { throw refuse("must have zero bits 64 to 71 (RFC 6052 section 2.2)") }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("prefix", prefix)
            writer.member("pool", pool)
            writer.member("dns64", dns64)
        }
    }
}
