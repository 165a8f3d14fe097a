package import Resources

/// A policy that is always there, in every project, and that nobody can create, change or delete.
package enum BuiltInPolicy: String, Hashable, Sendable, CaseIterable {
    /// Everything may come, and everything may leave.
    case allowAll = "allow-all"
    /// Members of the segment may come, and from elsewhere what belongs to a flow that began here and the ICMPv6 of
    /// RFC 4890. The default.
    case allowSegment = "allow-segment"
    /// Only what belongs to a flow that began here, and the ICMPv6 of RFC 4890.
    case denyIn = "deny-in"

    package init?(name: Name) { self.init(rawValue: name.text) }

    package var name: Name {
        guard let name = Name(rawValue) else { preconditionFailure("'\(rawValue)' is no name") }
        return name
    }

    /// One line for people.
    package var summary: String {
        switch self {
        case .allowAll: "everything may come and leave"
        case .allowSegment: "members of the segment, replies and the ICMPv6 of RFC 4890 may come"
        case .denyIn: "replies and the ICMPv6 of RFC 4890 may come"
        }
    }
}

/// A policy as an attachment names it.
package enum PolicyReference: Hashable, Sendable, CustomStringConvertible {
    case builtIn(BuiltInPolicy)
    case policy(Reference<Policy>)

    /// nil for what is neither a name nor an id.
    package init?(_ text: String) {
        if let builtIn = BuiltInPolicy(rawValue: text) {
            self = .builtIn(builtIn)
        } else if let reference = Reference<Policy>(text) {
            self = .policy(reference)
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .builtIn(let builtIn): builtIn.rawValue
        case .policy(let reference): reference.description
        }
    }
}

extension PolicyReference: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let reference = PolicyReference(text) else {
            throw FieldError(field: path, value: text, rule: "must be the name or the id of a policy")
        }
        self = reference
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
