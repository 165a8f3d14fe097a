import Resources

/// A JSON schema (the dialect of OpenAPI 3.1), as JSON text.
package struct Schema: Sendable {
    package let json: String

    /// - Parameter json: JSON in which `"@Name"` stands for a reference to the component `Name`.
    package init(_ json: String) { self.json = json.replacing("\"@", with: "\"#/components/schemas/") }

    /// One of the document's components.
    package static func named(_ name: String) -> Schema { Schema(#"{"$ref":"@\#(name)"}"#) }

    package static let boolean = Schema(#"{"type":"boolean"}"#)
    package static let revision = Schema(#"{"type":"integer","minimum":0,"maximum":9007199254740991}"#)
    package static let pageSize = Schema(#"{"type":"integer","minimum":1,"maximum":1000,"default":500}"#)
    package static let selector = Schema(#"{"type":"string","maxLength":1024}"#)
    package static let etag = Schema(#"{"type":"string","pattern":"^(\\*|\"[0-9]{1,20}\")$"}"#)
    package static func text(_ maximum: Int) -> Schema { Schema(#"{"type":"string","maxLength":\#(maximum)}"#) }
}
