package import Resources

/// One resource as a file asks for it: what a user decides, and nothing that KC decides.
package struct Manifest: Sendable {
    package let description: KindDescription
    package let name: Name
    /// nil in a file that leaves it to the command.
    package var project: Name?
    package let labels: JSONNode
    package var annotations: JSONNode
    package let protected: Bool
    /// In canonical form (`KindDescription.canonical`).
    package var spec: JSONNode
    /// As it was written.
    private let writtenSpec: JSONNode
    /// Where it was written: "blue.yaml:12".
    package let source: String
    /// Whether annotations are the user's own bytes (JSON), or were translated (YAML) and so only have a meaning.
    package let keepsBytes: Bool

    package var kind: KindName { description.kind }
    /// "segment blue".
    package var title: String { "\(kind) \(name)" }

    /// Reads one document of a file. The members that only a server sets (`id`, `revision`, `status`, …) may be there
    /// and are passed over, so that what `kcnet` printed can be applied.
    package init(
        _ node: JSONNode, source: String, line: Int?, keepsBytes: Bool, kinds: KindCatalogue = .network
    ) throws(DocumentError) {
        do {
            var reader = try FieldReader(node, path: "")
            let kind: String = try reader.required("kind")
            guard let description = kinds.named(kind) else {
                throw FieldError(
                    field: "kind", value: kind,
                    rule: "must be one of \(kinds.all.map(\.kind.singular).joined(separator: ", "))")
            }
            name = try reader.required("name")
            let project: Name? = try reader.optional("project")
            guard project == nil || description.kind.isInProject else {
                throw FieldError(field: "project", rule: "must be absent: a \(kind) belongs to the whole cluster")
            }
            labels = try reader.optional("labels", as: Labels.self).map { try JSONParser.parse($0.json) } ?? .nothing
            annotations =
                try reader.optional("annotations", as: Annotations.self).map { try JSONParser.parse($0.json) }
                ?? .nothing
            protected = try reader.optional("protected") ?? false
            writtenSpec = reader.node("spec") ?? .nothing
            spec = try description.canonical(writtenSpec)
            for ignored in ["id", "revision", "generation", "created", "updated", "status"] { _ = reader.node(ignored) }
            try reader.finish()
            self.description = description
            self.project = project
            self.source = line.map { "\(source):\($0)" } ?? source
            self.keepsBytes = keepsBytes
        } catch { throw DocumentError(source: source, line: line, rule: "\(error)") }
    }

    /// What a write sends.
    package var body: [UInt8] { body(spec) }

    /// What creates the resource: the defaults are filled in by who takes it.
    package var newBody: [UInt8] { body(writtenSpec) }

    private func body(_ spec: JSONNode) -> [UInt8] {
        var writer = JSONWriter(capacity: spec.raw.count + labels.raw.count + annotations.raw.count + 192)
        writer.object { writer in
            writer.member("name", name)
            writer.member("protected", protected)
            for (member, value) in [("labels", labels), ("annotations", annotations), ("spec", spec)] {
                writer.name(member)
                writer.raw(value.raw)
            }
            writer.member("kind", kind.singular)
        }
        return writer.bytes
    }

    /// The fields a user decides, for comparing with what is there.
    package var document: JSONNode {
        Self.document(name: name, labels: labels, annotations: annotations, protected: protected, spec: spec)
    }

    package static func document(
        name: Name, labels: JSONNode, annotations: JSONNode, protected: Bool, spec: JSONNode
    ) -> JSONNode {
        .object([
            ("name", .string(name.text)), ("protected", JSONNode(.bool(protected))), ("labels", labels),
            ("annotations", annotations), ("spec", spec),
        ])
    }
}
