package import Resources

/// Who owns resources. `default` exists from the first start.
package enum Project: ResourceKind {
    package static let kind = KindName("project", plural: "projects", isInProject: false)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        /// What the project may have at most.
        package var quotas: Quotas

        package init(quotas: Quotas = Quotas()) { self.quotas = quotas }
    }

    /// Each is a number from 0 to 1,000,000, or nil for as many as the pools have.
    package struct Quotas: Hashable, JSONCodable {
        package var segments: Int?
        /// Ports of managed gateways count, and are never refused.
        package var attachments: Int?
        /// Of attachments, static and assigned; what guests choose for themselves has a limit at each attachment.
        package var addresses: Int?
        package var mappings: Int?

        package init(segments: Int? = nil, attachments: Int? = nil, addresses: Int? = nil, mappings: Int? = nil) {
            self.segments = segments
            self.attachments = attachments
            self.addresses = addresses
            self.mappings = mappings
        }

        package static let range = 0...1_000_000
    }
}

extension Project.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(quotas: try reader.optional("quotas") ?? Project.Quotas())
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if quotas != Project.Quotas() { writer.member("quotas", quotas) }
        }
    }
}

extension Project.Quotas {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            segments: try Self.number("segments", &reader), attachments: try Self.number("attachments", &reader),
            addresses: try Self.number("addresses", &reader), mappings: try Self.number("mappings", &reader))
        try reader.finish()
    }

    private static func number(_ name: String, _ reader: inout FieldReader) throws(FieldError) -> Int? {
        guard let number = try reader.optional(name, as: Int.self) else { return nil }
        guard range.contains(number) else {
            throw FieldError(
                field: reader.path(of: name), value: "\(number)",
                rule: "must be from \(range.lowerBound) to \(range.upperBound), or absent for no limit")
        }
        return number
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("segments", segments)
            writer.member("attachments", attachments)
            writer.member("addresses", addresses)
            writer.member("mappings", mappings)
        }
    }
}
