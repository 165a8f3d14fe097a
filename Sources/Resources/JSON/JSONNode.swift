/// One value of a parsed JSON text (RFC 8259), with the place it came from.
///
/// Numbers keep their text: KC never turns a customer's number into a double and back.
package struct JSONNode: Sendable {
    package indirect enum Content: Sendable {
        case null
        case bool(Bool)
        /// The number as it was written, checked against RFC 8259 section 6.
        case number(String)
        case string(String)
        case array([JSONNode])
        /// Members in their written order; names are unique (a duplicate is refused by the parser).
        case object([(name: String, value: JSONNode)])
    }

    package let content: Content
    /// The bytes of this value exactly as they were written, without the white space around it.
    package let raw: ArraySlice<UInt8>

    package init(content: Content, raw: ArraySlice<UInt8>) {
        self.content = content
        self.raw = raw
    }

    /// The member `name` of an object; nil for anything else.
    package subscript(_ name: String) -> JSONNode? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text of a string value; nil for anything else.
    package var string: String? { if case .string(let text) = content { text } else { nil } }

    /// What the value is, in words for an error text.
    package var typeName: String {
        switch content {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The value as written, cut to 64 bytes for an error text.
    package var excerpt: String { String(decoding: raw.prefix(64), as: UTF8.self) }
}
