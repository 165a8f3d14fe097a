import Persistence

/// What the schemes that KC knows put into the `Authorization` header.
extension CheckedRequest {
    /// The credentials after the scheme, whose name has no case (RFC 9110 section 11.1); nil for another scheme.
    ///
    /// By bytes: every request asks. Spaces before the scheme, and further ones after it, are skipped.
    /// - Parameter scheme: in lower case.
    func credentials(_ scheme: String) -> String? {
        guard let bytes = authorization?.utf8 else { return nil }
        let rest = bytes.drop { $0 == UInt8(ascii: " ") }
        var place = rest.startIndex
        for wanted in scheme.utf8 {
            // 0x20 makes a letter a small one.
            guard place < rest.endIndex, rest[place] | 0x20 == wanted else { return nil }
            rest.formIndex(after: &place)
        }
        guard place < rest.endIndex, rest[place] == UInt8(ascii: " ") else { return nil }
        let credentials = rest[place...].drop { $0 == UInt8(ascii: " ") }
        return credentials.isEmpty ? nil : String(Substring(credentials))
    }

    /// RFC 6750 section 2.1.
    var bearer: String? { credentials("bearer") }
}

extension Secret {
    /// Whether a bearer's token has the form of those that KC itself gives out.
    static func isToken(_ text: String) -> Bool {
        text.utf8.count <= 256 && Prefix.allCases.contains { $0.begins(text) }
    }
}
