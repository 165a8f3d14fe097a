package import Resources

/// What a JSON value must look like: one value that both checks a document (`check`) and is published as JSON Schema
/// (`schema`), so that the two cannot differ.
///
/// Rules between fields (a default within its range) are code beside it: the schema is necessary, not sufficient.
package indirect enum Shape: Sendable {
    case boolean
    /// Whole numbers of the range that are a multiple of `step` (1 or more).
    case integer(ClosedRange<UInt64>, step: UInt64)
    case choice([String])
    case text(TextShape)
    /// - Parameter unique: the elements must differ.
    case array(Shape, count: ClosedRange<Int>, unique: Bool)
    /// An object of any names that the text shape allows.
    case map(TextShape, Shape, maximum: Int)
    case object([Field])
    /// Shapes of different JSON types; the value's own type says which one is meant.
    case either([Shape])

    /// One member of an object. An optional one may be null, which is as if it were absent.
    package struct Field: Sendable {
        package let name: String
        package let shape: Shape
        package let isRequired: Bool
        /// What an absent member means.
        package let standard: Scalar?
        /// For people, in the schema.
        package let about: String

        static func required(_ name: String, _ shape: Shape, _ about: String) -> Field {
            Field(name: name, shape: shape, isRequired: true, standard: nil, about: about)
        }

        static func optional(_ name: String, _ shape: Shape, standard: Scalar? = nil, _ about: String) -> Field {
            Field(name: name, shape: shape, isRequired: false, standard: standard, about: about)
        }
    }
}

/// What a JSON string must look like.
package struct TextShape: Sendable {
    /// A regular expression of ECMA-262 for readers of the schema; `isValid` may say no more than it does, and less.
    package let pattern: String?
    /// In bytes of UTF-8. The schema counts characters, of which there are never more.
    package let minimum: Int
    package let maximum: Int
    /// The rule as a clause.
    package let rule: String
    package let isValid: @Sendable (String) -> Bool

    init(
        pattern: String? = nil, minimum: Int = 0, maximum: Int, rule: String,
        _ isValid: @escaping @Sendable (String) -> Bool = { _ in true }
    ) {
        self.pattern = pattern
        self.minimum = minimum
        self.maximum = maximum
        self.rule = rule
        self.isValid = isValid
    }

    /// RFC 1123 section 2.1; a UUID in lower case has this form too, one in upper case is taken where ids are.
    static let labelPattern = "^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$"

    /// A DNS label.
    static let name = TextShape(
        pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", minimum: 1, maximum: 63, rule: Name.rule
    ) { Name($0) != nil }
}

/// A parameter's value.
package enum Scalar: Hashable, Sendable, JSONCodable, CustomStringConvertible {
    case flag(Bool)
    case number(UInt64)
    case text(String)

    package init(json node: JSONNode, path: String) throws(FieldError) {
        switch node.content {
        case .bool(let value): self = .flag(value)
        case .number: self = .number(try UInt64(json: node, path: path))
        case .string(let text): self = .text(text)
        case .null, .array, .object:
            throw FieldError(
                field: path, value: node.excerpt,
                rule: "must be true, false, a number or a string, not \(node.typeName)")
        }
    }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .flag(let value): writer.bool(value)
        case .number(let value): writer.integer(value)
        case .text(let value): writer.string(value)
        }
    }

    /// The same as a parsed document.
    var node: JSONNode {
        switch self {
        case .flag(let value): JSONNode(content: .bool(value), raw: json[...])
        case .number(let value): JSONNode(content: .number(String(value)), raw: json[...])
        case .text(let value): JSONNode(content: .string(value), raw: json[...])
        }
    }

    package var description: String { String(decoding: json, as: UTF8.self) }
}
