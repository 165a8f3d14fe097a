/// Takes secrets out of text that leaves the machine.
package struct Redaction: Sendable {
    private let secrets: [String]

    package static let mark = "[redacted]"

    /// - Parameter secrets: values that are known to be secret; those under 8 bytes are not looked for, because they
    ///   would be found everywhere.
    package init(secrets: [String] = []) {
        self.secrets = secrets.filter { $0.utf8.count >= 8 }.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// The text without: the known secrets, KC's own tokens (`kc` and a letter, `_`, then at least 8 characters), PEM
    /// blocks that are keys, and values of names that say what they are (token, credential, password, secret, key).
    package func apply(_ text: String) -> String {
        var lines: [String] = []
        var insideKey = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.contains("-----BEGIN "), line.contains("PRIVATE KEY-----") {
                insideKey = !line.contains("-----END ")
                lines.append(Self.mark)
            } else if insideKey {
                insideKey = !line.contains("-----END ")
            } else {
                var line = String(line)
                for secret in secrets { line = line.replacing(secret, with: Self.mark) }
                lines.append(Self.withoutNamed(Self.withoutTokens(line)))
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func withoutTokens(_ line: String) -> String {
        line.replacing(#/kc[a-z]_[A-Za-z0-9._~+\/=-]{8,}/#, with: mark)
            .replacing(#/(?i)(bearer|basic)\s+[A-Za-z0-9._~+\/=-]+/#) { "\($0.output.1) \(mark)" }
    }

    private static func withoutNamed(_ line: String) -> String {
        let named =
            #/(?i)("?[a-z0-9_.-]*(?:token|credential|password|passwd|secret|private_?key|apikey|api_key)[a-z0-9_.-]*"?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|[^\s,;}\]]+)/#
        return line.replacing(named) { match in
            let value = match.output.2
            if value.contains(mark) { return String(match.output.0) }
            return value.hasPrefix("\"") ? "\(match.output.1)\"\(mark)\"" : "\(match.output.1)\(mark)"
        }
    }
}
