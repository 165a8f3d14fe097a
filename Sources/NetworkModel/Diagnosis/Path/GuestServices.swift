package import Addressing
package import Resources

/// A router as it advertised itself at a guest's port (RFC 4861 section 4.2).
package struct RouterFinding: Hashable, Sendable {
    /// Its link-local address, and the MAC that its advertisement came from.
    package var address: IPv6Address
    package var mac: MACAddress
    /// In seconds; 0: it is no default router.
    package var lifetime: Int
    /// Those of its prefix options.
    package var prefixes: [IPv6Prefix]

    package init(address: IPv6Address, mac: MACAddress, lifetime: Int, prefixes: [IPv6Prefix]) {
        self.address = address
        self.mac = mac
        self.lifetime = lifetime
        self.prefixes = prefixes
    }

    /// Of one port; with more of them one does not need to know all.
    package static let maximum = 16
}

/// Answers of a resolver to two questions that a guest would put: RCODE of RFC 1035 section 4.1.1, nil for no answer.
package struct NamesFinding: Hashable, Sendable {
    /// To a name under `invalid.` (RFC 6761 section 6.4), which a resolver answers itself.
    package var own: Int?
    /// To a name that it must ask others for.
    package var asked: Int?

    package init(own: Int? = nil, asked: Int? = nil) {
        self.own = own
        self.asked = asked
    }
}

extension RouterFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            address: try reader.required("address"), mac: try reader.required("mac"),
            lifetime: try reader.required("lifetime"), prefixes: try reader.optional("prefixes") ?? [])
        guard prefixes.count <= Self.maximum else {
            throw FieldError(field: path, rule: "must have at most \(Self.maximum) prefixes")
        }
        guard (0...0xffff).contains(lifetime) else {
            throw FieldError(field: reader.path(of: "lifetime"), value: "\(lifetime)", rule: "must be from 0 to 65535")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", address)
            writer.member("mac", mac)
            writer.member("lifetime", lifetime)
            writer.member("prefixes", prefixes)
        }
    }
}

extension NamesFinding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(own: try reader.optional("own"), asked: try reader.optional("asked"))
        // With the upper bits of RFC 6891 section 6.1.3.
        if let wrong = [own, asked].compactMap(\.self).first(where: { !(0...0xfff).contains($0) }) {
            throw FieldError(field: path, value: "\(wrong)", rule: "must be codes of answers, from 0 to 4095")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("own", own)
            writer.member("asked", asked)
        }
    }
}
