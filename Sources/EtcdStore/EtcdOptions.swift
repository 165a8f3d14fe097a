package import NIOSSL

/// Where an etcd cluster is, who asks it, and how long it is waited for.
package struct EtcdOptions: Sendable {
    /// Members of one cluster; the first that answers is asked.
    package var endpoints: [EtcdEndpoint]
    /// What every key in etcd begins with: nothing outside of it is read or written.
    package var prefix: String
    /// For endpoints with https; nil for TLS with the system's authorities.
    package var tls: TLSConfiguration?
    package var user: User?
    /// Until a read or a write is given up, over all attempts. An election of a new leader takes one to two seconds.
    package var patience = Duration.seconds(10)
    /// Until another member is asked. A transaction gets a second more for each 2 MiB.
    package var attempt = Duration.seconds(3)
    /// Bytes of keys and values that may wait for one consumer of a watch before it is cut off with `.slowConsumer`.
    package var watchBufferBytes = 16 << 20
    /// After how long a silence of a watch its member is asked whether it still is one of the cluster.
    package var silence = Duration.seconds(2)
    /// For how long a watch may be without a member before it ends with `.unavailable`.
    package var staleness = Duration.seconds(5)
    /// After how long a watch ends, so that its consumer lists again and compares: etcd 3.4 has lost events of watches
    /// (https://github.com/etcd-io/etcd, issues 17529, 18089 and 19179).
    package var comparison = Duration.seconds(600)

    /// A user of etcd's own authentication.
    package struct User: Sendable {
        package var name: String
        package var password: String

        package init(name: String, password: String) {
            self.name = name
            self.password = password
        }
    }

    /// - Throws: `.invalid` for a prefix that is no path, or no endpoints.
    package init(endpoints: [EtcdEndpoint], prefix: String = "/kc") throws(EtcdOptionError) {
        guard !endpoints.isEmpty, endpoints.count <= 16 else {
            throw EtcdOptionError(option: "endpoints", rule: "must be 1 to 16 addresses, not \(endpoints.count)")
        }
        guard prefix.hasPrefix("/"), !prefix.hasSuffix("/"), (2...128).contains(prefix.utf8.count),
            prefix.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw EtcdOptionError(
                option: "prefix", value: prefix,
                rule: "must be a path like /kc: 2 to 128 visible ASCII characters, '/' first and not last")
        }
        self.endpoints = endpoints
        self.prefix = prefix
    }
}

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

/// The client address of one member: `http://[::1]:2379` or `https://etcd1.example.net:2379`.
package struct EtcdEndpoint: Hashable, Sendable, CustomStringConvertible {
    package let url: String
    package var isSecure: Bool { url.hasPrefix("https://") }
    package var description: String { url }

    /// - Throws: for what is no address of a member, or one that would get passwords in clear.
    package init(_ text: String) throws(EtcdOptionError) {
        let error = EtcdOptionError(
            option: "endpoint", value: text, rule: "must be https://HOST:PORT, or http://HOST:PORT of loopback")
        guard text.utf8.count <= 300, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { throw error }
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
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "[::1]" || host == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts[0] == 127
    }
}
