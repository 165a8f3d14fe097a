import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
package import Resources
import Synchronization

/// Layer 6. The client of the API, for agents and commands: requests, problems, event streams, the pinned certificate.
/// It knows HTTP and the shapes of design.md section 2; it does not know what a command prints or an agent does.
///
/// One value holds the connections to one server and may be used from any task. `shutdown` must be called at the end.
package final class APIClient: Sendable {
    package let endpoint: Endpoint
    /// The largest answer to a single request, in bytes: a page of 500 resources with all the annotations they may have.
    package static let maximumAnswer = 64 << 20

    private let http: HTTPClient
    /// The whole header.
    private let authorization: String?
    private let lastWrite = Mutex(Revision.zero)

    /// - Parameters:
    ///   - token: goes into `Authorization: Bearer`; nil for the Unix socket, where the kernel says who calls.
    ///   - authorization: the whole `Authorization` header, in the place of `token`.
    ///   - certificate: PEM of the one certificate that is trusted, whatever name it carries; nil trusts the system's
    ///     authorities and checks the name.
    ///   - silence: after this long without a byte an open stream or answer counts as dead.
    /// - Throws: `APIFailure` with code `notTrusted` when the PEM cannot be read.
    package init(
        endpoint: Endpoint, token: String? = nil, authorization: String? = nil, certificate: String? = nil,
        silence: Duration = ServerEvents.silence
    ) throws(APIFailure) {
        self.endpoint = endpoint
        self.authorization = authorization ?? token.map { "Bearer " + $0 }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try Self.tls(certificate, endpoint: endpoint), redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: .nanoseconds(silence.nanoseconds)),
            connectionPool: .init(idleTimeout: .seconds(60), concurrentHTTP1ConnectionsPerHostSoftLimit: 64))
        // A refused connection is an answer: say so at once instead of trying until the timeout.
        configuration.connectionPool.retryConnectionEstablishment = false
        // One stream a connection: a watch that stalls never holds up a request.
        configuration.httpVersion = .http1Only
        http = HTTPClient(
            eventLoopGroupProvider: .shared(.singletonMultiThreadedEventLoopGroup), configuration: configuration)
    }

    /// Closes all connections; open streams end with an error. The client cannot be used afterwards.
    package func shutdown() async {
        // The only error is that it was shut down before, which is what is wanted.
        do { try await http.shutdown() } catch {}
    }

    /// The newest revision that a write through this client, or `remember`, has seen.
    package var seen: Revision { lastWrite.withLock { $0 } }

    /// Later reads wait at the server until it knows this revision.
    package func remember(_ revision: Revision) {
        lastWrite.withLock { $0 = max($0, revision) }
    }

    /// Sends one request and reads the whole answer. A GET is repeated once when a kept connection turns out closed.
    /// - Throws: `APIProblem` for an answer that is not 2xx, `APIFailure` for none, `CancellationError`.
    package func send(_ request: APIRequest) async throws -> APIResponse {
        do { return try await attempt(request) } catch let failure as APIFailure
            where failure.code == .interrupted && request.method == .get
        {
            return try await attempt(request)
        }
    }

    private func attempt(_ request: APIRequest) async throws -> APIResponse {
        do {
            let response = try await http.execute(
                message(request), deadline: .now() + .nanoseconds(request.timeout.nanoseconds))
            let body = try await response.body.collect(upTo: Self.maximumAnswer)
            let bytes = Array(body.readableBytesView)
            guard (200..<300).contains(response.status.code) else {
                throw APIProblem(
                    status: Int(response.status.code), reason: response.status.reasonPhrase, body: bytes,
                    requestID: response.headers.first(name: "X-Request-ID"))
            }
            let revision = response.headers.first(name: "KC-Revision").flatMap(UInt64.init).map(Revision.init)
            if let revision { remember(revision) }
            return APIResponse(status: Int(response.status.code), body: bytes, revision: revision)
        } catch { throw translate(error, request, isStream: false) }
    }

    /// Opens an event stream. Its bytes are read as fast as the caller takes the events, no faster.
    /// - Throws: as `send`; the stream itself throws `APIFailure` or `CancellationError`.
    package func events(_ request: APIRequest) async throws -> ServerEvents {
        do {
            var message = message(request)
            message.headers.replaceOrAdd(name: "Accept", value: "text/event-stream")
            let response = try await http.execute(message, deadline: .distantFuture)
            guard response.status == .ok else {
                let body = try await response.body.collect(upTo: 1 << 20)
                throw APIProblem(
                    status: Int(response.status.code), reason: response.status.reasonPhrase,
                    body: Array(body.readableBytesView), requestID: response.headers.first(name: "X-Request-ID"))
            }
            return ServerEvents(body: response.body, operation: request.summary, endpoint: endpoint)
        } catch { throw translate(error, request, isStream: true) }
    }

    private func message(_ request: APIRequest) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: endpoint.base + request.target)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers.add(name: "Accept", value: "application/json, application/problem+json")
        message.headers.add(name: "User-Agent", value: "kc")
        if case .socket = endpoint.transport { message.headers.add(name: "Host", value: "localhost") }
        if let authorization { message.headers.add(name: "Authorization", value: authorization) }
        for (name, value) in request.headers { message.headers.add(name: name, value: value) }
        if let revision = request.ifMatch { message.headers.add(name: "If-Match", value: "\"\(revision)\"") }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: "application/json")
            message.body = .bytes(ByteBuffer(bytes: body))
        }
        return message
    }

    private func translate(_ error: any Error, _ request: APIRequest, isStream: Bool) -> any Error {
        if error is APIProblem { return error }
        if Task.isCancelled { return CancellationError() }
        return APIFailure(error, operation: request.summary, endpoint: endpoint, isStream: isStream)
    }

    private static func tls(_ certificate: String?, endpoint: Endpoint) throws(APIFailure) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        guard let certificate else { return configuration }
        do {
            // The pinned certificate is the whole trust; the name in it is whatever the server's machine was called.
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)))
            configuration.certificateVerification = .noHostnameVerification
        } catch {
            throw APIFailure(
                .notTrusted, operation: "read the pinned certificate", subject: endpoint.description, cause: "\(error)",
                advice: "join again with `kcd join`, or copy the server's certificate")
        }
        return configuration
    }
}

extension Duration {
    /// Saturates instead of overflowing: a timeout of centuries is as good as any other.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds > 9_000_000_000 ? Int64.max / 2 : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
