package import Addressing
package import Resources

/// What the DHCP server of a gateway has given out, as it says itself.
package struct Lease: Hashable, Sendable {
    /// An address, or a delegated prefix. An address is one of length 128, of IPv4 in its mapped form.
    package var prefix: IPv6Prefix
    /// Whom the server keeps it for; nil when nobody any more.
    package var attachment: ResourceID?
    package var mac: MACAddress?
    /// What the client calls itself (RFC 8415 section 11), in pairs of hex digits; of IPv4 its client identifier (RFC 2132
    /// section 9.14), empty where it has none.
    package var duid: String
    package var expires: Timestamp

    package init(prefix: IPv6Prefix, attachment: ResourceID?, mac: MACAddress?, duid: String, expires: Timestamp) {
        self.prefix = prefix
        self.attachment = attachment
        self.mac = mac
        self.duid = duid
        self.expires = expires
    }

    /// RFC 8415 section 11.1: 130 bytes.
    fileprivate static let longestDUID = 130 * 3
}

extension Lease: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            prefix: try reader.required("prefix"), attachment: try reader.optional("attachment"),
            mac: try reader.optional("mac"), duid: try reader.required("duid"),
            expires: try reader.required("expires"))
        guard duid.utf8.count <= Self.longestDUID,
            duid.utf8.allSatisfy({ (48...58).contains($0) || (97...102).contains($0) })
        else {
            throw FieldError(
                field: reader.path(of: "duid"), value: duid, rule: "must be at most 130 pairs of hex digits")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("prefix", prefix)
            writer.member("attachment", attachment)
            writer.member("mac", mac)
            writer.member("duid", duid)
            writer.member("expires", expires)
        }
    }
}

/// The leases of one gateway.
package struct LeaseReport: Hashable, Sendable {
    /// In the order of their addresses; at most `maximumLeases`, the lowest.
    package var leases: [Lease]
    /// How many there are in all.
    package var total: Int

    package init(leases: [Lease], total: Int) {
        self.leases = leases
        self.total = total
    }

    /// An answer is kept in the store for a minute.
    package static let maximumLeases = 1000
}

extension LeaseReport: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(leases: try reader.required("leases"), total: try reader.required("total"))
        try ProbeTally.check([total], path: path)
        guard leases.count <= Self.maximumLeases, total >= leases.count else {
            throw FieldError(field: reader.path(of: "leases"), rule: "must be at most \(Self.maximumLeases)")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("leases", leases)
            writer.member("total", total)
        }
    }
}
