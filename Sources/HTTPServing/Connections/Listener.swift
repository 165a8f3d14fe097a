import Glibc
import Logging

/// Where the server listens.
package struct Listener: Sendable, CustomStringConvertible {
    package enum Place: Hashable, Sendable {
        case unix(String)
        case tcp(host: String, port: Int)
    }

    /// PEM files.
    package struct TLSFiles: Hashable, Sendable {
        package var certificate: String
        package var key: String
        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package let place: Place
    /// nil where it is in clear.
    package let tls: ServedCertificate?
    /// Only this machine reaches it.
    package let isLocal: Bool

    /// Why the server does not listen there.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    /// A Unix socket. Everybody may connect; who is not root is told so.
    package init(unix path: String) throws(Refusal) {
        guard (1...107).contains(path.utf8.count) else {
            throw Refusal(description: "the socket path '\(path)' must be 1 to 107 bytes (unix(7))")
        }
        place = .unix(path)
        tls = nil
        isLocal = true
    }

    /// An address and port: in clear on loopback, else with TLS.
    /// - Throws: without TLS off loopback.
    package init(_ address: ListenAddress, tls: ServedCertificate?) throws(Refusal) {
        guard tls != nil || address.isLoopback else {
            throw Refusal(description: "\(address) is not loopback: KC listens there only with TLS")
        }
        place = .tcp(host: address.host, port: address.port)
        self.tls = tls
        isLocal = address.isLoopback
    }

    /// The URL to give to who is to come with TLS; nil without TLS, and where it listens on all addresses of the machine, of
    /// which nobody says which one others reach.
    package var url: String? {
        guard tls != nil, case .tcp(let host, _) = place, !["::", "0.0.0.0"].contains(host) else { return nil }
        return description
    }

    package var description: String {
        switch place {
        case .unix(let path): path
        case .tcp(let host, let port):
            "\(tls == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }
    }

    /// Refuses a socket that another server answers on; a left over one is replaced.
    func prepare() throws(Refusal) {
        guard case .unix(let path) = place else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result != 0 else { throw Refusal(description: "another server answers on \(path); stop it first") }
    }

    func opened(_ logger: Logger) {
        if case .unix(let path) = place { chmod(path, 0o666) }
        logger.notice("listening", metadata: ["address": "\(self)"])
    }
}

/// `[address]:port`, `address:port` or `name:port`, with `http://` or `https://` before it where the default (clear on
/// loopback, TLS elsewhere) is not wanted.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: Hashable, Sendable { case standard, clear, tls }

    package var scheme: Scheme
    package var host: String
    package var port: Int

    package init(_ text: String) throws(Listener.Refusal) {
        var rest = Substring(text)
        scheme = .standard
        if rest.hasPrefix("https://") {
            scheme = .tls
            rest = rest.dropFirst(8)
        } else if rest.hasPrefix("http://") {
            scheme = .clear
            rest = rest.dropFirst(7)
        }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else {
            throw Listener.Refusal(description: "'\(text)' must be an address and a port, like [::1]:8440")
        }
        var host = rest[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw Listener.Refusal(description: "'\(text)' must have its IPv6 address in brackets, like [::1]:8440")
        }
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw Listener.Refusal(description: "'\(text)' must be an address and a port, like [::1]:8440")
        }
        self.host = String(host)
        self.port = Int(port)
    }

    /// A name or address without a port: what a certificate is for.
    package init(subject text: String) throws(Listener.Refusal) {
        try self.init(text.contains(":") ? "[\(text)]:1" : "\(text):1")
        scheme = .tls
    }

    /// ::1, 127.0.0.0/8 or `localhost`.
    package var isLoopback: Bool {
        if host == "localhost" { return true }
        guard let bytes = addressBytes else { return false }
        return bytes.count == 4 ? bytes[0] == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1]
    }

    /// Whether the listener has TLS.
    package var wantsTLS: Bool { scheme == .tls || scheme == .standard && !isLoopback }

    /// 4 or 16 bytes; nil for a name.
    package var addressBytes: [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET6, host, &bytes) == 1 { return bytes }
        if inet_pton(AF_INET, host, &bytes) == 1 { return Array(bytes.prefix(4)) }
        return nil
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
