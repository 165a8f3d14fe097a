/// What a join line carries: the secret that the server takes once, and the fingerprint of the server's certificate.
///
/// `kcj_<secret>.<64 hex digits>`; without the fingerprint from a server that has no TLS listener.
package struct JoinToken: Hashable, Sendable {
    /// As the server wants it in `Authorization`: with its fingerprint.
    package let text: String
    /// SHA-256 of the certificate's DER, 64 lower-case hex digits.
    package let fingerprint: String?

    package static let rule =
        "must be the whole token of the join line: kcj_<secret>, a full stop, and the 64 hex digits of the fingerprint"

    /// nil when it is not of that form.
    package init?(_ text: String) {
        guard text.utf8.count <= 512, text.hasPrefix("kcj_") else { return nil }
        let parts = text.dropFirst(4).split(separator: ".", omittingEmptySubsequences: false)
        func isWord(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        guard (1...2).contains(parts.count), !parts[0].isEmpty, parts[0].utf8.allSatisfy(isWord) else { return nil }
        if parts.count == 2 {
            guard parts[1].utf8.count == 64, parts[1].allSatisfy(\.isHexDigit) else { return nil }
            fingerprint = parts[1].lowercased()
        } else {
            fingerprint = nil
        }
        self.text = text
    }
}
