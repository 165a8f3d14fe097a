/// A field that does not hold what it must, with all a person needs to mend it.
package struct FieldError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The path from the root of the document: "spec.addresses[1]".
    package let field: String
    /// The value as it was given, cut to 64 bytes; empty for a field that is missing.
    package let value: String
    /// The rule it breaks, as a clause: "must be a /64 prefix".
    package let rule: String

    package init(field: String, value: String = "", rule: String) {
        self.field = field
        self.value = String(decoding: value.utf8.prefix(64), as: UTF8.self)
        self.rule = rule
    }

    package var description: String {
        value.isEmpty ? "\(field): \(rule)" : "\(field): \(rule) (it is \(value))"
    }
}

/// A value that can be read from JSON, refusing everything that is not exactly right.
package protocol JSONReadable: Sendable {
    /// - Parameter path: where the node stands, for the error's `field`.
    init(json node: JSONNode, path: String) throws(FieldError)
}

package typealias JSONCodable = JSONReadable & JSONWritable

/// Reads the members of one object and knows which of them nobody asked for.
package struct FieldReader {
    private let members: [(name: String, value: JSONNode)]
    private let path: String
    /// The names that were asked for so far. Few: they are those of a type's fields.
    private var known: [String] = []

    /// - Throws: when the node is not an object.
    package init(_ node: JSONNode, path: String) throws(FieldError) {
        guard case .object(let members) = node.content else {
            throw FieldError(
                field: path.isEmpty ? "(document)" : path, value: node.excerpt,
                rule: "must be an object, not \(node.typeName)")
        }
        self.members = members
        self.path = path
    }

    package func path(of name: String) -> String { path.isEmpty ? name : path + "." + name }

    /// The member as it stands; nil when it is absent.
    package mutating func node(_ name: String) -> JSONNode? {
        known.append(name)
        return members.first { $0.name == name }?.value
    }

    /// nil when the member is absent or null.
    package mutating func optional<Value: JSONReadable>(_ name: String, as type: Value.Type = Value.self)
        throws(FieldError) -> Value?
    {
        guard let node = node(name) else { return nil }
        if case .null = node.content { return nil }
        return try Value(json: node, path: path(of: name))
    }

    package mutating func required<Value: JSONReadable>(_ name: String, as type: Value.Type = Value.self)
        throws(FieldError) -> Value
    {
        guard let value = try optional(name, as: type) else {
            throw FieldError(field: path(of: name), rule: "is required")
        }
        return value
    }

    /// Refuses members that no call asked for, and names those that exist.
    package func finish() throws(FieldError) {
        guard let unknown = members.first(where: { !known.contains($0.name) })?.name else { return }
        throw FieldError(
            field: path(of: String(unknown.prefix(64))),
            rule: "is not a field here; the fields are \(Set(known).sorted().joined(separator: ", "))")
    }
}

extension String: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        guard case .string(let text) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be a string, not \(node.typeName)")
        }
        self = text
    }
}

extension Bool: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        guard case .bool(let value) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be true or false, not \(node.typeName)")
        }
        self = value
    }
}

extension FixedWidthInteger {
    /// Takes only a plain integer that fits: no fraction, no exponent.
    init(integer node: JSONNode, path: String) throws(FieldError) {
        guard case .number(let text) = node.content, let value = Self(text) else {
            throw FieldError(
                field: path, value: node.excerpt, rule: "must be a whole number from \(Self.min) to \(Self.max)")
        }
        self = value
    }
}

extension Int: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) { try self.init(integer: node, path: path) }
}
extension UInt32: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) { try self.init(integer: node, path: path) }
}
extension UInt64: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) { try self.init(integer: node, path: path) }
}

extension Array: JSONReadable where Element: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        guard case .array(let nodes) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an array, not \(node.typeName)")
        }
        self = []
        for (index, node) in nodes.enumerated() { append(try Element(json: node, path: "\(path)[\(index)]")) }
    }
}

extension Dictionary: JSONReadable where Key == String, Value: JSONReadable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        guard case .object(let members) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an object, not \(node.typeName)")
        }
        self = [:]
        for (name, value) in members { self[name] = try Value(json: value, path: "\(path).\(name.prefix(64))") }
    }
}
