package import Resources

/// What an attachment that is itself a router asks for: a prefix of its own for the networks behind it
/// (RFC 8415 section 6.3).
package struct Delegation: Hashable, JSONCodable {
    /// 48 to 64.
    package var length: Int

    package init(length: Int) { self.length = length }

    package static let lengths = 48...64

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(length: try reader.required("length"))
        guard Self.lengths.contains(length) else {
            throw FieldError(field: reader.path(of: "length"), value: "\(length)", rule: "must be 48 to 64")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in writer.member("length", length) }
    }
}
