package import Resources

/// What a `ResourceReference` names.
package protocol ReferenceTarget: Sendable {
    /// The kind in an error's words: "machine-type".
    static var referred: String { get }
}

/// A resource that another one names. A user writes a name or an id; KC stores the id, so that a rename breaks nothing.
package enum ResourceReference<Target: ReferenceTarget>: Hashable, Sendable, JSONCodable, CustomStringConvertible {
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

    /// The id, once a service has resolved the reference.
    package var id: ResourceID? { if case .id(let id) = self { id } else { nil } }

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

    private static var rule: String { "must be the name or the id of a \(Target.referred)" }

    /// A DNS label or a UUID: what is neither is refused here already.
    static var shape: Shape {
        .text(TextShape(pattern: TextShape.labelPattern, maximum: 63, rule: rule) { Self($0) != nil })
    }
}

extension ResourceKind {
    package static var referred: String { kind.singular }
}

/// All that the compute plugin knows of the network: that these exist and have names.
package enum NetworkAttachment: ReferenceTarget {
    package static let referred = "attachment"
}
/// A segment on which an attachment is asked for.
package enum NetworkSegment: ReferenceTarget {
    package static let referred = "segment"
}
/// A policy of an attachment that is asked for.
package enum NetworkPolicy: ReferenceTarget {
    package static let referred = "policy"
}
/// KC's host, of which a compute host is the part that runs VMs.
package enum NetworkHost: ReferenceTarget {
    package static let referred = "host"
}
