package import HTTPTypes
package import Resources

extension Query {
    package func pageSize() throws(Problem) -> Int {
        let size = try number("limit") ?? 500
        guard (1...1000).contains(size) else {
            throw Problem(field: "limit", value: "\(size)", rule: "must be from 1 to 1000")
        }
        return Int(size)
    }

    package func place() throws(Problem) -> OrderKey? {
        guard let text = self["continue"] else { return nil }
        guard let place = OrderKey(text) else {
            throw Problem(field: "continue", value: text, rule: "must be the 'continue' of an earlier page")
        }
        return place
    }
}

extension HTTPFields {
    /// The revision in `If-Match`; nil when there is none, or `*`.
    package func expectedRevision() throws(Problem) -> Revision? {
        guard let text = self[.ifMatch] else { return nil }
        if text == "*" { return nil }
        let digits = text.dropFirst().dropLast()
        guard text.utf8.count >= 3, text.first == "\"", text.last == "\"",
            digits.utf8.allSatisfy({ (48...57).contains($0) }), let value = UInt64(digits)
        else {
            throw Problem(
                .malformed, "If-Match must be an ETag that a read gave, like \"42\", or *", field: "If-Match",
                value: String(text.prefix(64)), rule: "must be one ETag in quotes, or *")
        }
        return Revision(value)
    }
}
