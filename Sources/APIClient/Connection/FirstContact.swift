import Crypto
import FoundationEssentials
import NIOCore
import NIOPosix
import NIOSSL

/// The first contact with a server of which only its certificate's fingerprint is known: `kcd join`.
package enum FirstContact {
    /// Connects with TLS and gives the certificate with the expected fingerprint as PEM: the server's own, or one of those
    /// that it sends along, its authority's. No byte of a request is sent; the caller goes on with a client that trusts
    /// this certificate alone, and only that proves that the server's is signed by it and that the server has its key.
    /// - Parameter fingerprint: SHA-256 of the certificate's DER, 64 hex digits of any case.
    /// - Throws: `APIFailure`: `badEndpoint`, `notTrusted` (another certificate), `unreachable`, `timedOut`.
    package static func fetchCertificate(
        _ endpoint: Endpoint, fingerprint: String, timeout: Duration = .seconds(10)
    ) async throws(APIFailure) -> String {
        let operation = "fetch the server's certificate"
        guard let expected = bytes(hex: fingerprint), expected.count == SHA256.byteCount else {
            throw APIFailure(
                .badEndpoint, operation: operation, subject: endpoint.description,
                cause: "the fingerprint is not 64 hex digits", advice: "copy the whole join line that `kcd` printed")
        }
        do {
            return try await first(of: endpoint) {
                try await connect($0, operation, timeout) { try pem($0, fingerprint: expected) }
            }
        } catch let failure as APIFailure {
            throw failure
        } catch is WrongFingerprint {
            throw APIFailure(
                .notTrusted, operation: operation, subject: endpoint.description,
                cause: "the server's certificate has another fingerprint than the join line says",
                advice: "get a new join line; if it is current, someone else answers at this address")
        } catch { throw APIFailure(error, operation: operation, endpoint: endpoint) }
    }

    /// What the server shows in TLS, its own certificate first, as DER. Nothing of it is trusted, and nothing is asked.
    /// - Throws: `APIFailure`: `badEndpoint`, `unreachable`, `timedOut`.
    package static func shownCertificates(
        _ endpoint: Endpoint, timeout: Duration = .seconds(5)
    ) async throws(APIFailure) -> [[UInt8]] {
        let operation = "look at the server's certificate"
        do {
            return try await first(of: endpoint) {
                try await connect($0, operation, timeout) { try $0.map { try $0.toDERBytes() } }
            }
        } catch let failure as APIFailure {
            throw failure
        } catch { throw APIFailure(error, operation: operation, endpoint: endpoint) }
    }

    struct WrongFingerprint: Error {}

    /// What the first server says that can be reached; of the last one also that it cannot.
    private static func first<Found>(
        of endpoint: Endpoint, _ ask: (Endpoint) async throws -> Found
    ) async throws -> Found {
        let servers = endpoint.servers
        for server in servers.dropLast() {
            do { return try await ask(server) } catch let wrong as WrongFingerprint { throw wrong } catch {
                // The next one may be there.
                continue
            }
        }
        return try await ask(servers[servers.count - 1])
    }

    /// - Parameter read: takes what it wants of the chain that the server shows; the connection ends with that.
    private static func connect<Found: Sendable>(
        _ endpoint: Endpoint, _ operation: String, _ timeout: Duration,
        _ read: @escaping @Sendable ([NIOSSLCertificate]) throws -> Found
    ) async throws -> Found {
        guard case .encrypted(let authority) = endpoint.transport,
            let (host, port) = Endpoint.split(authority[...]), let number = Int(port ?? "443")
        else {
            throw APIFailure(
                .badEndpoint, operation: operation, subject: endpoint.description, cause: "there is no certificate",
                advice: "use the server's https:// address")
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let found = group.any().makePromise(of: Found.self)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        let context = try NIOSSLContext(configuration: configuration)
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(.seconds(5))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(
                        context: context, serverHostname: nil,
                        customVerificationCallback: { chain, verdict in
                            let result = Result { try read(chain) }
                            verdict.succeed(.failed)
                            found.completeWith(result)
                        })
                    try channel.pipeline.syncOperations.addHandlers(handler, FirstFailure { found.fail($0) })
                }
            }
        let channel: any Channel
        do { channel = try await bootstrap.connect(host: String(host), port: number).get() } catch {
            found.fail(error)
            throw error
        }
        let patience = TimeAmount.nanoseconds(timeout.nanoseconds)
        let limit = channel.eventLoop.scheduleTask(in: patience) { found.fail(ChannelError.connectTimeout(patience)) }
        defer {
            limit.cancel()
            channel.close(promise: nil)
        }
        return try await found.futureResult.get()
    }

    private static func pem(_ chain: [NIOSSLCertificate], fingerprint expected: [UInt8]) throws -> String {
        // A digest compares in constant time.
        guard let der = try chain.map({ try $0.toDERBytes() }).first(where: { SHA256.hash(data: $0) == expected })
        else {
            throw WrongFingerprint()
        }
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
    }

    private static func bytes(hex: String) -> [UInt8]? {
        let digits = hex.compactMap(\.hexDigitValue)
        guard digits.count == hex.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

/// Reports what ends the connection before a certificate was seen.
private final class FirstFailure: ChannelInboundHandler {
    typealias InboundIn = Any
    private let fail: (any Error) -> Void

    init(_ fail: @escaping (any Error) -> Void) { self.fail = fail }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { fail(ChannelError.eof) }
}
