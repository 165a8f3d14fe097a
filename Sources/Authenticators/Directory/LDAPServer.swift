import NIOCore
import NIOPosix
import NIOSSL

/// Where a directory is, and by whom it is trusted. A password never goes there outside TLS.
struct LDAPServer: Sendable {
    /// As an operator wrote it.
    let place: String
    private let host: String
    private let port: Int
    /// `ldaps`: TLS from the first byte; else it begins by StartTLS.
    private let isWrapped: Bool
    private let tls: NIOSSLContext

    static let rule = "must be ldaps://HOST[:PORT], or ldap://HOST[:PORT], with which TLS begins by StartTLS"

    /// - Parameter ca: PEM file of the authorities; nil for the system's. The server's name is compared always.
    init(url place: String, ca: String?) throws(CheckerFailure) {
        guard let (host, port, isWrapped) = Self.parts(place) else {
            throw CheckerFailure(String(place.prefix(200)), Self.rule)
        }
        (self.place, self.host, self.port, self.isWrapped) = (place, host, port, isWrapped)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        do {
            if let ca {
                let certificates = try NIOSSLCertificate.fromPEMFile(ca)
                guard !certificates.isEmpty else { throw CheckerFailure(ca, "has no certificate") }
                configuration.trustRoots = .certificates(certificates)
            }
            tls = try NIOSSLContext(configuration: configuration)
        } catch let failure as CheckerFailure {
            throw failure
        } catch { throw CheckerFailure(ca ?? place, "must be certificates in PEM: \(error)") }
    }

    private static func parts(_ place: String) -> (host: String, port: Int, isWrapped: Bool)? {
        let isWrapped = place.hasPrefix("ldaps://")
        guard isWrapped || place.hasPrefix("ldap://"), place.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            place.utf8.count <= 300
        else { return nil }
        let authority = place.dropFirst(isWrapped ? 8 : 7)
        let host: Substring
        let rest: Substring
        if authority.hasPrefix("[") {
            host = authority.dropFirst().prefix { $0 != "]" }
            guard authority.dropFirst(1 + host.count).first == "]",
                host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." })
            else { return nil }
            rest = authority.dropFirst(2 + host.count)
        } else {
            host = authority.prefix { $0 != ":" }
            rest = authority.dropFirst(host.count)
            guard host.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }) else { return nil }
        }
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return (String(host), isWrapped ? 636 : 389, isWrapped) }
        guard rest.first == ":", rest.dropFirst().allSatisfy(\.isWholeNumber), let port = UInt16(rest.dropFirst()),
            port > 0
        else { return nil }
        return (String(host), Int(port), isWrapped)
    }

    /// A connection within TLS, which nobody has bound yet.
    /// - Parameter deadline: by when whatever is done on it must be done; then it is closed.
    func connect(until deadline: NIODeadline) async throws -> LDAPConnection {
        let patience = deadline - .now()
        let (tls, name, isWrapped) = (tls, tlsName, isWrapped)
        let (channel, exchange) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(patience)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let exchange = LDAPExchange()
                    if isWrapped { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name)) }
                    try pipeline.addHandler(exchange)
                    return (channel, NIOLoopBound(exchange, eventLoop: channel.eventLoop))
                }
            }
        let connection = LDAPConnection(channel: channel, exchange: exchange, deadline: deadline)
        connection.endInTime()
        guard !isWrapped else { return connection }
        do {
            let result = try await connection.result(of: .startTLS)
            guard result == .success else { throw CheckerFailure(place, "must take StartTLS, and answers \(result)") }
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(
                    NIOSSLClientHandler(context: tls, serverHostname: name), position: .first)
            }.get()
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    /// An address stands in a certificate as an address, and is no name to ask for.
    private var tlsName: String? {
        host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } ? nil : host
    }
}
