import Persistence

/// What the schemes that KC knows put into the `Authorization` header.
extension CheckedRequest {
    /// The credentials after the scheme, whose name has no case (RFC 9110 section 11.1); nil for another scheme.
    func credentials(_ scheme: String) -> String? {
        guard let parts = authorization?.split(separator: " ", maxSplits: 1), parts.count == 2,
            parts[0].lowercased() == scheme
        else { return nil }
        return String(parts[1])
    }

    /// RFC 6750 section 2.1.
    var bearer: String? { credentials("bearer") }
}

extension Secret {
    /// Whether a bearer's token has the form of those that KC itself gives out.
    static func isToken(_ text: String) -> Bool {
        text.utf8.count <= 256
            && [Prefix.administrator, .host, .joining, .token].contains { text.hasPrefix($0.rawValue) }
    }
}
