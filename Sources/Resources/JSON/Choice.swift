/// A string of a closed set, read from JSON with an error that lists the set.
package protocol Choice: JSONCodable, RawRepresentable, CaseIterable where RawValue == String {}

extension Choice {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let value = Self(rawValue: text) else {
            throw FieldError(
                field: path, value: text,
                rule: "must be one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = value
    }
    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }
}
