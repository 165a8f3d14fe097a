import Resources

/// A JSON schema (the dialect of OpenAPI 3.1), as JSON text.
struct Schema: Sendable {
    let json: String

    /// - Parameter json: JSON in which `"@Name"` stands for a reference to the component `Name`.
    init(_ json: String) { self.json = json.replacing("\"@", with: "\"#/components/schemas/") }

    /// One of the document's components.
    static func named(_ name: String) -> Schema { Schema(#"{"$ref":"@\#(name)"}"#) }

    static let boolean = Schema(#"{"type":"boolean"}"#)
    static let revision = Schema(#"{"type":"integer","minimum":0,"maximum":9007199254740991}"#)
    static let pageSize = Schema(#"{"type":"integer","minimum":1,"maximum":1000,"default":500}"#)
    static let selector = Schema(#"{"type":"string","maxLength":1024}"#)
    static let etag = Schema(#"{"type":"string","pattern":"^(\\*|\"[0-9]{1,20}\")$"}"#)
    static func text(_ maximum: Int) -> Schema { Schema(#"{"type":"string","maxLength":\#(maximum)}"#) }
}
