/// What one kind of resource is: its names, its scope, and the types of what it holds.
package protocol ResourceKind: ReferenceTarget {
    /// What the user asks for.
    associatedtype Spec: JSONCodable & Equatable
    /// What KC gave the resource when it was created (VNI, MAC, …): part of `status` for a reader, kept with the
    /// resource, never changed by a user.
    associatedtype Assigned: JSONCodable & Equatable
    static var kind: KindName { get }
}

/// The names of a kind and where its resources live.
package struct KindName: Hashable, Sendable, CustomStringConvertible {
    /// "segment": in JSON's `kind`, in texts and commands.
    package let singular: String
    /// "segments": in paths.
    package let plural: String
    /// Whether resources belong to a project; otherwise to the whole cluster.
    package let isInProject: Bool
    /// The part of the API that has it, "compute": what stands before its version in paths; nil for the network's own.
    package let service: String?

    package init(_ singular: String, plural: String, isInProject: Bool, service: String? = nil) {
        self.singular = singular
        self.plural = plural
        self.isInProject = isInProject
        self.service = service
    }

    package var description: String { singular }
}

/// Everything about a resource but its own kind's fields.
package struct Metadata: Hashable, Sendable {
    package var id: ResourceID
    package var name: Name
    /// The project's name for a kind that lives in one.
    package var project: Name?
    /// The store revision of the last change of spec or metadata: the ETag. Zero before the first write.
    package var revision: Revision
    /// Counts the changes of spec and metadata from 1.
    package var generation: UInt64
    package var created: Timestamp
    package var updated: Timestamp
    /// Refuses deletion while true.
    package var protected: Bool
    package var labels: Labels
    package var annotations: Annotations

    package init(
        id: ResourceID, name: Name, project: Name?, revision: Revision = .zero, generation: UInt64 = 1,
        created: Timestamp, updated: Timestamp, protected: Bool = false, labels: Labels = Labels(),
        annotations: Annotations = Annotations()
    ) {
        self.id = id
        self.name = name
        self.project = project
        self.revision = revision
        self.generation = generation
        self.created = created
        self.updated = updated
        self.protected = protected
        self.labels = labels
        self.annotations = annotations
    }
}

/// One resource as it is stored: metadata, what the user asked for, what KC assigned.
package struct Resource<Kind: ResourceKind>: Sendable, Equatable {
    package var metadata: Metadata
    package var spec: Kind.Spec
    package var assigned: Kind.Assigned

    package init(metadata: Metadata, spec: Kind.Spec, assigned: Kind.Assigned) {
        self.metadata = metadata
        self.spec = spec
        self.assigned = assigned
    }
}

extension Metadata {
    /// Reads the metadata members of an envelope that KC itself wrote.
    package init(from reader: inout FieldReader) throws(FieldError) {
        self.init(
            id: try reader.required("id"), name: try reader.required("name"), project: try reader.optional("project"),
            revision: try reader.optional("revision") ?? .zero, generation: try reader.required("generation"),
            created: try reader.required("created"), updated: try reader.required("updated"),
            protected: try reader.optional("protected") ?? false, labels: try reader.optional("labels") ?? Labels(),
            annotations: try reader.optional("annotations") ?? Annotations())
    }

    /// Writes the metadata members of an envelope, without `kind`, `spec` and `status`.
    package func writeMembers(to writer: inout JSONWriter) {
        writer.member("id", id)
        writer.member("name", name)
        writer.member("project", project)
        writer.member("revision", revision)
        writer.member("generation", generation)
        writer.member("created", created)
        writer.member("updated", updated)
        writer.member("protected", protected)
        writer.member("labels", labels)
        writer.member("annotations", annotations)
    }
}

/// The stored form: the envelope with `assigned` in place of `status`. The revision is the store's to know; the one
/// written here is the one before the write, and a reader replaces it.
extension Resource: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let kind: String = try reader.required("kind")
        guard kind == Kind.kind.singular else {
            throw FieldError(field: reader.path(of: "kind"), value: kind, rule: "must be '\(Kind.kind)'")
        }
        self.init(
            metadata: try Metadata(from: &reader), spec: try reader.required("spec"),
            assigned: try reader.required("assigned"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind", Kind.kind.singular)
            metadata.writeMembers(to: &writer)
            writer.member("spec", spec)
            writer.member("assigned", assigned)
        }
    }
}

/// For kinds to which nothing is assigned.
package struct Nothing: JSONCodable, Hashable {
    package init() {}
    package init(json node: JSONNode, path: String) throws(FieldError) { try FieldReader(node, path: path).finish() }
    package func write(to writer: inout JSONWriter) { writer.object { _ in } }
}
