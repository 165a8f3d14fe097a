/// A resource as a client writes it.
package struct Draft<Kind: ResourceKind>: Sendable {
    package var name: Name
    package var labels: Labels
    package var annotations: Annotations
    package var protected: Bool
    package var spec: Kind.Spec
    /// The revision the document carries, which a replacement must match.
    package var revision: Revision?

    /// - Parameter old: the resource that is replaced; nil to create one. Only a replacement may carry the members that
    ///   a read gives: identity must match, `status` and times are passed over.
    package init(_ node: JSONNode, over old: Metadata?) throws(FieldError) {
        var reader = try FieldReader(node, path: "")
        if let kind = try reader.optional("kind", as: String.self), kind != Kind.kind.singular {
            throw FieldError(field: "kind", value: kind, rule: "must be '\(Kind.kind)' here")
        }
        if let old {
            if let id = try reader.optional("id", as: ResourceID.self), id != old.id {
                throw FieldError(field: "id", value: id.description, rule: "must be \(old.id), which never changes")
            }
            if let project = try reader.optional("project", as: Name.self), project != old.project {
                throw FieldError(
                    field: "project", value: project.text,
                    rule: old.project.map { "must be '\($0)', which never changes" } ?? "must be absent")
            }
            revision = try reader.optional("revision")
            for ignored in ["generation", "created", "updated", "status"] { _ = reader.node(ignored) }
        }
        name = try reader.required("name")
        labels = try reader.optional("labels") ?? Labels()
        annotations = try reader.optional("annotations") ?? Annotations()
        protected = try reader.optional("protected") ?? false
        spec = try reader.required("spec")
        try reader.finish()
    }

    package init(restoring resource: Resource<Kind>) {
        name = resource.metadata.name
        labels = resource.metadata.labels
        annotations = resource.metadata.annotations
        protected = resource.metadata.protected
        spec = resource.spec
    }
}
