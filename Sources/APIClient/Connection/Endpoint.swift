/// Where an API server is reached: a Unix socket, a loopback port in clear, or a port with TLS. Of the last two there may be
/// several, of servers of one cluster.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package enum Transport: Hashable, Sendable {
        /// The absolute path of a Unix socket; the server knows root by SO_PEERCRED.
        case socket(path: String)
        /// `host:port` of this machine's loopback, without encryption.
        case clear(authority: String)
        /// `host:port` with TLS.
        case encrypted(authority: String)
    }

    package let transport: Transport
    /// Further servers, which know the same and are asked when the first does not answer. Of the same form as `transport`.
    package let alternatives: [Transport]

    /// More than these nobody runs, and each costs who cannot reach any of them a timeout.
    package static let maximumServers = 16

    /// `kcd api` listens here unless it is told otherwise.
    package static let standard = Endpoint(transport: .socket(path: "/run/kc/api.sock"))

    /// Accepts `unix:PATH`, an absolute path, `https://HOST[:PORT]`, and `http://` for loopback hosts alone: anything
    /// else would carry the token in clear text. Several of `https://` (or of `http://`) stand with commas between them.
    /// - Throws: `APIFailure` with code `badEndpoint`.
    package init(parsing text: String) throws(APIFailure) {
        guard text.hasPrefix("http"), text.contains(",") else {
            self = try Self(single: text)
            return
        }
        func refuse(_ cause: String) -> APIFailure {
            APIFailure(
                .badEndpoint, operation: "read the API's addresses", subject: String(text.prefix(200)), cause: cause,
                advice: "write https://HOST:8440,https://OTHER:8440")
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= Self.maximumServers else {
            throw refuse("there are at most \(Self.maximumServers) of them")
        }
        var servers: [Endpoint] = []
        for part in parts { servers.append(try Self(single: String(part))) }
        guard Set(servers).count == servers.count else { throw refuse("one of them stands there twice") }
        guard Set(servers.map(\.isEncrypted)).count == 1, !servers.contains(where: \.isSocket) else {
            throw refuse("all of them must begin with https://, or all with http://")
        }
        transport = servers[0].transport
        alternatives = servers.dropFirst().map(\.transport)
    }

    private init(single text: String) throws(APIFailure) {
        alternatives = []
        func refuse(_ cause: String) -> APIFailure {
            APIFailure(
                .badEndpoint, operation: "read the API's address", subject: String(text.prefix(200)), cause: cause,
                advice: "write unix:/run/kc/api.sock, https://HOST:8440 or http://[::1]:8440")
        }
        if text.hasPrefix("unix:") || text.hasPrefix("/") {
            let path = text.hasPrefix("/") ? text : String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw refuse("a socket needs an absolute path")
            }
            guard path.utf8.count <= Self.maximumSocketPath else {
                throw refuse("a socket path has at most \(Self.maximumSocketPath) bytes")
            }
            transport = .socket(path: path)
        } else if text.hasPrefix("https://") {
            guard let authority = Self.authority(text.dropFirst("https://".count)) else {
                throw refuse("it is not HOST or HOST:PORT after https://")
            }
            transport = .encrypted(authority: authority)
        } else if text.hasPrefix("http://") {
            guard let authority = Self.authority(text.dropFirst("http://".count)) else {
                throw refuse("it is not HOST or HOST:PORT after http://")
            }
            guard Self.isLoopback(authority) else {
                throw refuse("without encryption only loopback is allowed, because the token would be readable")
            }
            transport = .clear(authority: authority)
        } else {
            throw refuse("it begins with none of unix:, /, https:// and http://")
        }
    }

    private init(transport: Transport) {
        self.transport = transport
        alternatives = []
    }

    /// Each server by itself.
    package var servers: [Endpoint] { ([transport] + alternatives).map(Endpoint.init(transport:)) }

    private var isSocket: Bool { if case .socket = transport { true } else { false } }

    /// Whether it has TLS.
    package var isEncrypted: Bool {
        if case .encrypted = transport { true } else { false }
    }

    /// What `parsing` reads.
    package var description: String {
        ([transport] + alternatives).map(Self.text).joined(separator: ",")
    }

    private static func text(_ transport: Transport) -> String {
        switch transport {
        case .socket(let path): "unix:\(path)"
        case .clear(let authority): "http://\(authority)"
        case .encrypted(let authority): "https://\(authority)"
        }
    }

    /// The beginning of every URL of the first server, as AsyncHTTPClient wants it: the socket's path is percent-encoded as the host.
    var base: String {
        switch transport {
        case .socket(let path): "http+unix://\(percentEncoded(path))"
        case .clear(let authority): "http://\(authority)"
        case .encrypted(let authority): "https://\(authority)"
        }
    }

    /// sockaddr_un.sun_path has 108 bytes with its final zero (linux/un.h).
    package static let maximumSocketPath = 107

    private static func authority(_ text: Substring) -> String? {
        let core = text.hasSuffix("/") ? text.dropLast() : text
        let isPlain = core.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]")]
                    .contains(byte)
        }
        guard isPlain, let (host, port) = split(core), !host.isEmpty else { return nil }
        if let port { guard let number = UInt16(port), number > 0 else { return nil } }
        return String(core)
    }

    /// Host and port; an IPv6 address stands in brackets (RFC 3986 section 3.2.2).
    static func split(_ authority: Substring) -> (host: Substring, port: Substring?)? {
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            let host = authority[authority.index(after: authority.startIndex)..<close]
            let rest = authority[authority.index(after: close)...]
            if rest.isEmpty { return (host, nil) }
            return rest.hasPrefix(":") ? (host, rest.dropFirst()) : nil
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return (parts[0], nil)
        case 2: return (parts[0], parts[1])
        default: return nil
        }
    }

    private static func isLoopback(_ authority: String) -> Bool {
        guard let host = split(authority[...])?.host else { return false }
        return host == "::1" || host == "localhost" || host == "127.0.0.1"
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 section 2.3.
func percentEncoded(_ text: some StringProtocol) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
            bytes.append(byte)
        default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
