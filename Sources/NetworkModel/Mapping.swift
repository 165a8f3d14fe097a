package import Addressing
package import Resources

/// One IPv4 address for one attachment: a stateless one-to-one translation in the attachment's gateway (RFC 7757), so
/// that the IPv4 world reaches the attachment and sees it as that address.
package enum Mapping: ResourceKind {
    package static let kind = KindName("mapping", plural: "mappings", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var attachment: Reference<Attachment>
        /// The attachment's address that is mapped; nil takes the first one that KC knows it has.
        package var address: IPv6Address?
        /// An address of the user's choice out of a pool of type `ipv4`; nil takes the next free one.
        package var ipv4: IPv4Address?
        /// The pool it comes from; nil is any.
        package var pool: Reference<Pool>?

        package init(
            attachment: Reference<Attachment>, address: IPv6Address? = nil, ipv4: IPv4Address? = nil,
            pool: Reference<Pool>? = nil
        ) {
            self.attachment = attachment
            self.address = address
            self.ipv4 = ipv4
            self.pool = pool
        }
    }

    package struct Assigned: Hashable, JSONCodable {
        package var ipv4: IPv4Address
        package var address: IPv6Address
        /// The attachment's.
        package var segment: ResourceID

        package init(ipv4: IPv4Address, address: IPv6Address, segment: ResourceID) {
            self.segment = segment
            self.ipv4 = ipv4
            self.address = address
        }
    }
}

extension Mapping.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"), address: try reader.optional("address"),
            ipv4: try reader.optional("ipv4"), pool: try reader.optional("pool"))
        if let address, address.isMulticast || address.isLinkLocal || address.isUnspecified {
            throw FieldError(
                field: reader.path(of: "address"), value: address.description,
                rule: "must be unicast and not link-local")
        }
        if let ipv4, IPv4Prefix.unusable.contains(where: { $0.contains(ipv4) }) {
            throw FieldError(
                field: reader.path(of: "ipv4"), value: ipv4.description,
                rule: "must be an address that a host can have (not in 0/8, 127/8, 169.254/16 or 224/3)")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("address", address)
            writer.member("ipv4", ipv4)
            writer.member("pool", pool)
        }
    }
}

extension Mapping.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            ipv4: try reader.required("ipv4"), address: try reader.required("address"),
            segment: try reader.required("segment"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ipv4", ipv4)
            writer.member("address", address)
            writer.member("segment", segment)
        }
    }
}
