import AsyncHTTPClient
import FoundationEssentials
package import HTTPServing
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Persistence
package import Resources
import ServiceLifecycle
import Synchronization

/// Layer 6. Hands requests on to a service on this machine's Unix socket, with who asks in a header that only KC writes, and
/// their answers back as fast as the client takes them. Knows no route of the service and no kind.
///
/// Concurrency: any task. Its connections are made and closed by `run`: a server that cannot start has none to close.
package final class SocketProxy: Annex, Service {
    package let prefix: String
    package let maximumBody: Int
    private let socket: String
    private let name: String
    private let silence: Duration
    /// While `run` does.
    private let client = Mutex<HTTPClient?>(nil)

    /// - Parameters:
    ///   - prefix: like `/compute`.
    ///   - name: of the program, as it is told to people: `kc-compute api`.
    ///   - maximumBody: the largest body that the service takes. Default 8 MiB: a piece of an image.
    ///   - silence: a service that sends nothing for so long, even in a stream, counts as dead. Default 60 s: streams have
    ///     a sign of life every 10.
    package init(
        prefix: String, socket: String, name: String, maximumBody: Int = 8 << 20, silence: Duration = .seconds(60)
    ) {
        self.prefix = prefix
        self.maximumBody = maximumBody
        self.socket = socket
        self.name = name
        self.silence = silence
    }

    package func run() async throws {
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(.singletonMultiThreadedEventLoopGroup), configuration: configuration)
        client.withLock { $0 = http }
        // Ends by graceful shutdown or cancellation; the connections are closed after both.
        try? await gracefulShutdown()
        client.withLock { $0 = nil }
        try await http.shutdown()
    }

    private var configuration: HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(2), read: .nanoseconds(silence.components.seconds * 1_000_000_000)),
            // The service closes what is idle for 75 s: here it is given up earlier, so that no request meets that.
            connectionPool: .init(idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: 1024),
            decompression: .disabled)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return configuration
    }

    /// Others have no meaning there, or rules of their own (RFC 9110 sections 9.3.6 and 9.3.8).
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    package func respond(to request: AnnexRequest) async throws(Problem) -> AnnexResponse {
        guard Self.methods.contains(request.method) else {
            throw Problem(.methodNotAllowed, "\(request.method.rawValue.prefix(32)) is not for this path")
        }
        guard let http = client.withLock({ $0 }) else {
            var problem = Problem(.unavailable, "this server is starting or stopping; try again")
            problem.retryAfterSeconds = 1
            throw problem
        }
        var message = HTTPClientRequest(url: base + request.target)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers = ForwardedHeaders.request(request)
        if !request.body.isEmpty { message.body = .bytes(ByteBuffer(bytes: request.body)) }
        let isRepeatable = request.body.isEmpty && (request.method == .get || request.method == .head)
        do {
            let response: HTTPClientResponse
            do { response = try await http.execute(message, deadline: .distantFuture) } catch let error
                as HTTPClientError
                where isRepeatable && error == .remoteConnectionClosed
            {
                // A kept connection that the service closed as it was asked: nothing was done on it.
                response = try await http.execute(message, deadline: .distantFuture)
            }
            return AnnexResponse(
                status: HTTPResponse.Status(
                    code: Int(response.status.code), reasonPhrase: response.status.reasonPhrase),
                headers: ForwardedHeaders.response(response.headers), body: response.body)
        } catch { throw problem(error) }
    }

    /// As AsyncHTTPClient wants it: the socket's path is percent-encoded as the host.
    private var base: String {
        var text = "http+unix://"
        for byte in socket.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }

    private func problem(_ error: any Error) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as HTTPClientError
        where error == .invalidURL || error == .emptyHost || error == .missingSocketPath:
            return Problem(.malformed, "the path is none: write what it has beside letters and digits as %41")
        case let error as HTTPClientError where error == .readTimeout:
            return Problem(.timeout, "\(name) has said nothing for a minute; look at its log")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            return Problem(
                .unavailable, "\(name) ended while it was asked: whether it was done is not known; look, and try again")
        default:
            var problem = Problem(
                .unavailable,
                "\(name) does not answer at \(socket): start it on this server, or say with --compute-socket where it is"
            )
            problem.retryAfterSeconds = 5
            return problem
        }
    }
}
