package import Addressing
package import Resources

/// Who holds an address of a segment: the segment's binding table has one per address, at every instant.
package struct Binding: Hashable, Sendable {
    package var address: IPv6Address
    package var attachment: ResourceID
    /// Where the attachment is bound; nil while it is not.
    package var host: ResourceID?
    /// `assigned` also for the link-local address of the attachment's MAC and for `fe80::1` of a managed gateway's port.
    package var origin: AttachmentAddress.Origin
    /// Since when it is held: of two that learned the same address, the lower one keeps it.
    package var since: Revision

    package init(
        address: IPv6Address, attachment: ResourceID, host: ResourceID?, origin: AttachmentAddress.Origin,
        since: Revision
    ) {
        self.address = address
        self.attachment = attachment
        self.host = host
        self.origin = origin
        self.since = since
    }
}

extension Binding: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            address: try reader.required("address"), attachment: try reader.required("attachment"),
            host: try reader.optional("host"), origin: try reader.required("origin"),
            since: try reader.required("since"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", address)
            writer.member("attachment", attachment)
            writer.member("host", host)
            writer.member("origin", origin)
            writer.member("since", since)
        }
    }
}

/// What changed in the binding table of one segment; a put replaces the binding of its address.
package struct BindingChange: Hashable, Sendable {
    package var segment: ResourceID
    /// Forget the segment's table first.
    package var reset: Bool
    package var put: [Binding]
    package var removed: Set<IPv6Address>

    package init(segment: ResourceID, reset: Bool = false, put: [Binding] = [], removed: Set<IPv6Address> = []) {
        self.segment = segment
        self.reset = reset
        self.put = put
        self.removed = removed
    }
}

extension BindingChange: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            segment: try reader.required("segment"), reset: try reader.optional("reset") ?? false,
            put: try reader.optional("put") ?? [],
            removed: Set(try reader.optional("removed", as: [IPv6Address].self) ?? []))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("segment", segment)
            if reset { writer.member("reset", reset) }
            if !put.isEmpty { writer.member("put", put) }
            if !removed.isEmpty { writer.member("removed", removed.sorted()) }
        }
    }
}
