package import Addressing
package import Resources

extension DomainName: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try DomainName(parsing: text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension RecordType: Choice {}

extension RecordData {
    /// Reads a value of a type.
    init(_ type: RecordType, _ text: String, field: String) throws(FieldError) {
        do { self = try RecordData(type, parsing: text) } catch { throw FieldError(field: field, error) }
    }

    /// Reads a list of values of a type.
    static func list(_ type: RecordType, _ texts: [String], field: String) throws(FieldError) -> [RecordData] {
        var list: [RecordData] = []
        for (index, text) in texts.enumerated() { list.append(try RecordData(type, text, field: "\(field)[\(index)]")) }
        return list
    }
}

/// How long a resolver may keep a record, in seconds (RFC 2181 section 8).
package struct TimeToLive: Hashable, Sendable, JSONCodable {
    package let seconds: UInt32

    /// nil outside 1 to 604,800 (a week): 0 would have every question asked anew, more outlives every mistake.
    package init?(seconds: UInt32) {
        guard (1...604_800).contains(seconds) else { return nil }
        self.seconds = seconds
    }

    private init(unchecked seconds: UInt32) { self.seconds = seconds }

    /// One minute: addresses of attachments come and go, and what a resolver keeps too long is a wrong answer.
    package static let standard = TimeToLive(unchecked: 60)

    package init(json node: JSONNode, path: String) throws(FieldError) {
        let number = try UInt32(json: node, path: path)
        guard let value = TimeToLive(seconds: number) else {
            throw FieldError(field: path, value: "\(number)", rule: "must be 1 to 604800 seconds")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.integer(seconds) }
}
