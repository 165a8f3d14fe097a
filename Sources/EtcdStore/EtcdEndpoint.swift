/// An option that cannot be used as it is.
package struct EtcdOptionError: Error, Hashable, Sendable, CustomStringConvertible {
    package let option: String
    package let value: String
    package let rule: String

    package init(option: String, value: String = "", rule: String) {
        self.option = option
        self.value = String(value.prefix(200))
        self.rule = rule
    }

    package var description: String { value.isEmpty ? "\(option) \(rule)" : "\(option) \(rule), not '\(value)'" }
}

/// The client address of one member: `https://etcd1.example.net:2379`, `http://[::1]:2379` or `unix:/run/etcd/client:1`.
package struct EtcdEndpoint: Hashable, Sendable, CustomStringConvertible {
    private let text: String
    /// What the client is given, without a path.
    let url: String
    /// Host and port as they stand in a request (RFC 9110 section 7.2).
    let authority: String

    package var description: String { text }

    /// - Throws: for what is no address of a member, or one that would get passwords in clear.
    package init(_ text: String) throws(EtcdOptionError) {
        let error = EtcdOptionError(
            option: "endpoint", value: text,
            rule: "must be https://HOST:PORT, http://HOST:PORT of loopback or unix:/PATH")
        guard text.utf8.count <= 300, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw error }
        self.text = text
        if text.hasPrefix("unix:/") {
            let path = text.utf8.dropFirst(5)
            // sockaddr_un.sun_path has 108 bytes with its final zero (linux/un.h).
            guard path.count <= 107 else { throw error }
            authority = "localhost"
            url = "http+unix://" + path.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return
        }
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { throw error }
        let authority = text.dropFirst(isSecure ? 8 : 7)
        guard let colon = authority.lastIndex(of: ":"), !authority.contains(where: { "@/?#%\\".contains($0) }),
            let port = UInt16(authority[authority.index(after: colon)...]), port > 0
        else { throw error }
        let host = authority[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.contains(":")
        guard !host.isEmpty, isBracketed || !host.contains(where: { "[]:".contains($0) }) else { throw error }
        guard isSecure || Self.isLoopback(host) else { throw error }
        url = text
        self.authority = String(authority)
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "[::1]" || host == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts[0] == 127
    }
}
