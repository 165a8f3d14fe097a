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
        guard case .encrypted(let authority) = endpoint.transport,
            let (host, port) = Endpoint.split(authority[...]), let number = Int(port ?? "443")
        else {
            throw APIFailure(
                .badEndpoint, operation: operation, subject: endpoint.description, cause: "there is no certificate",
                advice: "use the server's https:// address")
        }
        do {
            return try await connect(host: String(host), port: number, expected: expected, timeout: timeout)
        } catch is WrongFingerprint {
            throw APIFailure(
                .notTrusted, operation: operation, subject: endpoint.description,
                cause: "the server's certificate has another fingerprint than the join line says",
                advice: "get a new join line; if it is current, someone else answers at this address")
        } catch { throw APIFailure(error, operation: operation, endpoint: endpoint) }
    }

    struct WrongFingerprint: Error {}

    private static func connect(host: String, port: Int, expected: [UInt8], timeout: Duration) async throws -> String {
        let group = MultiThreadedEventLoopGroup.singleton
        let found = group.any().makePromise(of: String.self)
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
                            let result = Result { try judge(chain, expected: expected) }
                            verdict.succeed(.failed)
                            found.completeWith(result)
                        })
                    try channel.pipeline.syncOperations.addHandlers(handler, FirstFailure(found: found))
                }
            }
        let channel: any Channel
        do { channel = try await bootstrap.connect(host: host, port: port).get() } catch {
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

    private static func judge(_ chain: [NIOSSLCertificate], expected: [UInt8]) throws -> String {
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
    private let found: EventLoopPromise<String>

    init(found: EventLoopPromise<String>) { self.found = found }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        found.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { found.fail(ChannelError.eof) }
}
