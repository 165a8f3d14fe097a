/// Short strings by short names, selectable. At most 64 per resource.
package struct Labels: Hashable, Sendable {
    package private(set) var values: [String: String]

    package static let maximumCount = 64
    /// A key: 1 to 63 of letters, digits, '.', '_', '-' and '/', beginning and ending with a letter or digit.
    package static let keyRule =
        "must have keys of 1 to 63 letters, digits, '.', '_', '-' and '/', with a letter or digit at both ends"
    /// A value: the same alphabet, 0 to 63, may be empty.
    package static let valueRule =
        "must have values of at most 63 letters, digits, '.', '_', '-' and '/', with a letter or digit at both ends"

    package init() { values = [:] }

    package subscript(_ key: String) -> String? { values[key] }
    package var isEmpty: Bool { values.isEmpty }

    /// Sets one label.
    /// - Throws: when key or value break their rule.
    package mutating func set(_ key: String, _ value: String, path: String = "labels") throws(FieldError) {
        guard Self.isWord(key), !key.isEmpty else { throw FieldError(field: path, value: key, rule: Self.keyRule) }
        guard Self.isWord(value) else { throw FieldError(field: "\(path).\(key)", value: value, rule: Self.valueRule) }
        values[key] = value
        guard values.count <= Self.maximumCount else {
            throw FieldError(field: path, rule: "must have at most \(Self.maximumCount) labels")
        }
    }

    package mutating func remove(_ key: String) { values[key] = nil }

    static func isWord(_ text: some StringProtocol) -> Bool {
        func isEnd(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        let bytes = text.utf8
        guard bytes.count <= 63 else { return false }
        guard let first = bytes.first else { return true }
        return isEnd(first) && isEnd(Array(bytes)[bytes.count - 1])
            && bytes.allSatisfy {
                isEnd($0) || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "/")].contains($0)
            }
    }
}

extension Labels: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        self.init()
        for (key, value) in try [String: String](json: node, path: path).sorted(by: { $0.key < $1.key }) {
            try set(key, value, path: path)
        }
    }
    package func write(to writer: inout JSONWriter) { values.write(to: &writer) }
}

/// The customer's own data: any JSON by name, opaque to KC, given back byte for byte.
package struct Annotations: Hashable, Sendable {
    /// The raw JSON text of each value.
    package private(set) var values: [String: [UInt8]]

    /// All keys and values of one resource together, in bytes.
    package static let maximumBytes = 65_536
    package static let maximumKeyLength = 253

    package init() { values = [:] }

    package var isEmpty: Bool { values.isEmpty }
}

extension Annotations: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        self.init()
        guard case .object(let members) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an object, not \(node.typeName)")
        }
        var size = 0
        for (name, value) in members {
            guard (1...Self.maximumKeyLength).contains(name.utf8.count) else {
                throw FieldError(
                    field: path, value: name, rule: "must have keys of 1 to \(Self.maximumKeyLength) bytes")
            }
            size += name.utf8.count + value.raw.count
            values[name] = Array(value.raw)
        }
        guard size <= Self.maximumBytes else {
            throw FieldError(
                field: path, value: "\(size) bytes", rule: "must be at most \(Self.maximumBytes) bytes together")
        }
    }
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                writer.name(name)
                writer.raw(value)
            }
        }
    }
}
