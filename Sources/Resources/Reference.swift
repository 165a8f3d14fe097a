/// What a `Reference` names: every kind of resource, and what a plugin knows by its name alone.
package protocol ReferenceTarget: Sendable {
    /// The kind in an error's words: "segment".
    static var referred: String { get }
}

extension ResourceKind {
    package static var referred: String { kind.singular }
}

/// A resource that another one names. A user writes a name or an id; KC stores the id, so that a rename breaks nothing.
package enum Reference<Target: ReferenceTarget>: Hashable, Sendable, JSONCodable, CustomStringConvertible {
    case id(ResourceID)
    case name(Name)

    package init?(_ text: String) {
        if let id = ResourceID(text) {
            self = .id(id)
        } else if let name = Name(text) {
            self = .name(name)
        } else {
            return nil
        }
    }

    /// The id, once the service has resolved the reference.
    package var id: ResourceID? { if case .id(let id) = self { id } else { nil } }

    /// What a text that is none breaks, as a clause.
    package static var rule: String { "must be the name or the id of a \(Target.referred)" }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let reference = Self(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = reference
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }

    package var description: String {
        switch self {
        case .id(let id): id.description
        case .name(let name): name.text
        }
    }
}
