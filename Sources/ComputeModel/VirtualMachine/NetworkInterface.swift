package import Resources

/// One NIC of a VM: an attachment that is there, or a segment on which one is made with the VM and deleted with it.
package enum NetworkInterface: Hashable, Sendable {
    /// Given by the user; it outlives the VM.
    case attachment(Reference<NetworkAttachment>)
    /// Asked for. No policies: the network's standard.
    case segment(Reference<NetworkSegment>, policies: [Reference<NetworkPolicy>])

    /// As many as an attachment takes.
    package static let maximumPolicies = 8

    static let shape = Shape.object([
        .optional("attachment", Reference<NetworkAttachment>.shape, "an attachment that is there"),
        .optional("segment", Reference<NetworkSegment>.shape, "where an attachment is to be made"),
        .optional(
            "policies",
            .array(Reference<NetworkPolicy>.shape, count: 0...maximumPolicies, unique: true),
            "of the attachment that is made"),
    ])
}

extension NetworkInterface: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let attachment: Reference<NetworkAttachment>? = try reader.optional("attachment")
        let segment: Reference<NetworkSegment>? = try reader.optional("segment")
        let policies: [Reference<NetworkPolicy>] = try reader.optional("policies") ?? []
        try reader.finish()
        switch (attachment, segment) {
        case (let attachment?, nil):
            guard policies.isEmpty else {
                throw FieldError(
                    field: reader.path(of: "policies"), rule: "must be absent: an attachment has policies of its own")
            }
            self = .attachment(attachment)
        case (nil, let segment?): self = .segment(segment, policies: policies)
        case (nil, nil), (_?, _?):
            throw FieldError(field: path, value: node.excerpt, rule: "must have either 'attachment' or 'segment'")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .attachment(let attachment): writer.member("attachment", attachment)
            case .segment(let segment, let policies):
                writer.member("segment", segment)
                if !policies.isEmpty { writer.member("policies", policies) }
            }
        }
    }
}
