package import Resources

/// Who owns resources. `default` exists from the first start.
package enum Project: ResourceKind {
    package static let kind = KindName("project", plural: "projects", isInProject: false)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        /// What the project may have at most: of the network's things, and of other services', which count those.
        package var quotas: Quotas

        package init(quotas: Quotas = Quotas()) { self.quotas = quotas }
    }

    /// What the network itself counts.
    package enum Quota: String, CaseIterable, Sendable {
        case segments
        /// Ports of managed gateways count, and are never refused.
        case attachments
        /// Of attachments, static and assigned; what guests choose for themselves has a limit at each attachment.
        case addresses
        case mappings
    }
}

extension Project.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(quotas: try reader.optional("quotas") ?? Quotas())
        try reader.finish()
        try quotas.requireOwn(Project.Quota.allCases.compactMap(\.name), path: reader.path(of: "quotas"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !quotas.isEmpty { writer.member("quotas", quotas) }
        }
    }
}

extension Project.Quota {
    package var name: QuotaName? { QuotaName(rawValue) }
}

extension Quotas {
    /// Whether there is anything that the network has to count.
    package var limitsNetwork: Bool { limits.keys.contains { $0.service == nil } }
}
