package import Addressing
package import Resources

/// The addresses that one host has learned on its ports of one segment: always the whole list.
package struct LearnedAddresses: Hashable, Sendable {
    /// By attachment; in the segment's /64 or in fe80::/64. Addresses that KC assigned or the user wrote are not learned.
    package var addresses: [ResourceID: Set<IPv6Address>]

    package init(_ addresses: [ResourceID: Set<IPv6Address>] = [:]) { self.addresses = addresses }

    package var count: Int { addresses.values.reduce(0) { $0 + $1.count } }

    /// On one host and segment: what keeps the list below the store's largest value.
    package static let maximumCount = 8192
}

/// A learned address that was not granted: the agent takes its elements away.
package struct RefusedAddress: Hashable, Sendable {
    package enum Reason: String, Choice {
        /// Another attachment has it; `holder` says who.
        case held
        /// The attachment is not bound to this host, or on another segment.
        case notHere = "not-here"
        /// Neither in the segment's /64 nor in fe80::/64, or an address that no port may learn (the router's, anycast).
        case outside
        /// The attachment has as many learned addresses as it may, or the host and segment have.
        case limit
    }

    package var attachment: ResourceID
    package var address: IPv6Address
    package var reason: Reason
    package var holder: Binding?

    package init(attachment: ResourceID, address: IPv6Address, reason: Reason, holder: Binding? = nil) {
        self.attachment = attachment
        self.address = address
        self.reason = reason
        self.holder = holder
    }
}

/// The answer to a list of learned addresses: all that are not refused are bound.
package struct LearnedAnswer: Hashable, Sendable {
    /// The store revision that has the list.
    package var revision: Revision
    package var refused: [RefusedAddress]

    package init(revision: Revision, refused: [RefusedAddress] = []) {
        self.revision = revision
        self.refused = refused
    }
}

extension LearnedAddresses: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let field = reader.path(of: "addresses")
        let texts: [String: [IPv6Address]] = try reader.required("addresses")
        try reader.finish()
        addresses = [:]
        for (text, list) in texts {
            guard let id = ResourceID(text) else {
                throw FieldError(field: field, value: text, rule: "must have attachment ids as names")
            }
            if !list.isEmpty { addresses[id, default: []].formUnion(list) }
        }
        guard count <= Self.maximumCount else {
            throw FieldError(
                field: field, value: "\(count) addresses", rule: "must be at most \(Self.maximumCount)")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("addresses")
            writer.object { writer in
                for (id, list) in addresses.sorted(by: { $0.key < $1.key }) where !list.isEmpty {
                    writer.member(id.description, list.sorted())
                }
            }
        }
    }
}

extension RefusedAddress: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"), address: try reader.required("address"),
            reason: try reader.required("reason"), holder: try reader.optional("holder"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("address", address)
            writer.member("reason", reason)
            writer.member("holder", holder)
        }
    }
}

extension LearnedAnswer: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(revision: try reader.required("revision"), refused: try reader.optional("refused") ?? [])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("revision", revision)
            writer.member("refused", refused)
        }
    }
}
