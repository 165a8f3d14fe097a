package import Resources

/// A credential that may do what it says and nothing more, until it expires or is deleted.
///
/// Its secret is shown once, when it is made, and kept as a digest.
package enum Token: ResourceKind {
    package static let kind = KindName("token", plural: "tokens", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var role: Role
        /// Whether the role is held over all projects, not only over the token's own.
        package var allProjects: Bool
        /// Empty: all that the role allows.
        package var verbs: [Verb]
        /// Kinds by their names in the singular; empty: all.
        package var kinds: [String]
        /// Only resources whose labels match; nil: all.
        package var selector: String?
        /// nil for never.
        package var expires: Timestamp?

        package init(
            role: Role, allProjects: Bool = false, verbs: [Verb] = [], kinds: [String] = [], selector: String? = nil,
            expires: Timestamp? = nil
        ) {
            self.role = role
            self.allProjects = allProjects
            self.verbs = verbs
            self.kinds = kinds
            self.selector = selector
            self.expires = expires
        }
    }

    package struct Assigned: Hashable, JSONCodable {
        /// SHA-256 of the secret, in lower-case hex; never shown.
        package var digest: String
        package init(digest: String) { self.digest = digest }
    }
}

extension Token.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            role: try reader.required("role"), allProjects: try reader.optional("allProjects") ?? false,
            verbs: try reader.optional("verbs") ?? [], kinds: try reader.optional("kinds") ?? [],
            selector: try reader.optional("selector"), expires: try reader.optional("expires"))
        try reader.finish()
        guard Set(verbs).count == verbs.count, Set(kinds).count == kinds.count else {
            throw FieldError(
                field: reader.path(of: Set(verbs).count == verbs.count ? "kinds" : "verbs"), rule: "must not repeat one"
            )
        }
        guard let selector else { return }
        do { _ = try Selector(parsing: selector) } catch {
            throw FieldError(field: reader.path(of: "selector"), value: error.value, rule: error.rule)
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("role", role)
            if allProjects { writer.member("allProjects", allProjects) }
            if !verbs.isEmpty { writer.member("verbs", verbs) }
            if !kinds.isEmpty { writer.member("kinds", kinds) }
            writer.member("selector", selector)
            writer.member("expires", expires)
        }
    }
}

extension Token.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(digest: try reader.required("digest"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { writer.object { $0.member("digest", digest) } }
}

extension Role: Choice {}
extension Verb: Choice {}
