import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
package import Resources
import Synchronization

/// Layer 6. The client of the API, for agents and commands: requests, problems, event streams, the pinned certificate.
/// It knows HTTP and the shapes of design.md section 2; it does not know what a command prints or an agent does.
///
/// One value holds the connections to the servers of one cluster and may be used from any task. It asks one of them until that
/// does not answer, then the next. `shutdown` must be called at the end.
package final class APIClient: Sendable {
    package let endpoint: Endpoint
    /// The largest answer to a single request, in bytes: a page of 500 resources with all the annotations they may have.
    package static let maximumAnswer = 64 << 20

    private let http: HTTPClient
    private let proof: ClientProof
    /// By the service behind the API that counts it, which is nil for the network's: each has a store of its own.
    private let lastWrite = Mutex<[String?: Revision]>([:])
    private let turn: ServerTurn
    /// How many servers in a row did not have what another one had told.
    private let behind = Mutex(0)

    /// - Parameters:
    ///   - token: goes into `Authorization: Bearer`; nil for the Unix socket, where the kernel says who calls.
    ///   - authorization: the whole `Authorization` header, in the place of `token`.
    ///   - certificate: PEM of the certificates that are trusted, and no others, whatever name they carry: the server's
    ///     own or its authority's; nil trusts the system's authorities and checks the name.
    ///   - identity: a certificate to show in the place of the header; the header is then for a server that does not take it.
    ///   - silence: after this long without a byte an open stream or answer counts as dead.
    /// - Throws: `APIFailure` with code `notTrusted` when the PEM cannot be read.
    package init(
        endpoint: Endpoint, token: String? = nil, authorization: String? = nil, certificate: String? = nil,
        identity: ClientIdentity? = nil, silence: Duration = ServerEvents.silence
    ) throws(APIFailure) {
        self.endpoint = endpoint
        turn = ServerTurn(endpoint.servers)
        proof = try ClientProof(
            endpoint, authorization: authorization ?? token.map { "Bearer " + $0 }, certificate: certificate,
            identity: identity)
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: try ClientProof.tls(certificate, nil, endpoint), redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: .nanoseconds(silence.nanoseconds)),
            connectionPool: .init(idleTimeout: .seconds(60), concurrentHTTP1ConnectionsPerHostSoftLimit: 64))
        // A refused connection is an answer: say so at once instead of trying until the timeout.
        configuration.connectionPool.retryConnectionEstablishment = false
        // One stream a connection: a watch that stalls never holds up a request.
        configuration.httpVersion = .http1Only
        http = HTTPClient(
            eventLoopGroupProvider: .shared(.singletonMultiThreadedEventLoopGroup), configuration: configuration)
    }

    /// For a program that does little else than ask: one thread has all connections, instead of as many as there are
    /// cores, and no answer goes from one to the other. To be called before the first client is made.
    package static func shareOneThread() { NIOSingletons.groupLoopCountSuggestion = 1 }

    /// Closes all connections; open streams end with an error. The client cannot be used afterwards.
    package func shutdown() async {
        // The only error is that it was shut down before, which is what is wanted.
        do { try await http.shutdown() } catch {}
    }

    /// The newest revision of the network's store that a write through this client, or `remember`, has seen.
    package var seen: Revision { seen(by: nil) }

    /// The same of the store of a service (`KindName.service`).
    package func seen(by service: String?) -> Revision { lastWrite.withLock { $0[service] ?? .zero } }

    /// Later reads wait at the server until it knows this revision.
    package func remember(_ revision: Revision, of service: String? = nil) {
        lastWrite.withLock { $0[service] = max($0[service] ?? .zero, revision) }
    }

    /// Notes whether a server has what others had; when none of them has it, it is forgotten.
    func isBehind(_ isBehind: Bool) {
        let count = behind.withLock { count in
            count = isBehind ? count + 1 : 0
            return count
        }
        if count > endpoint.alternatives.count { lastWrite.withLock { $0[nil] = nil } }
    }

    /// Sends one request and reads the whole answer. A GET is repeated once when a kept connection turns out closed, and
    /// anything that was never sent is tried at each other server.
    /// - Throws: `APIProblem` for an answer that is not 2xx, `APIFailure` for none, `CancellationError`.
    package func send(_ request: APIRequest) async throws -> APIResponse {
        try await turn.taking { server in
            do { return try await attempt(request, server) } catch let failure as APIFailure
                where failure.code == .interrupted && request.method == .get
            {
                return try await attempt(request, server)
            }
        }
    }

    /// The certificate with which the client proves itself; nil without one, or when the server has refused it.
    package var identity: ClientIdentity? { proof.identity }

    /// Shows another certificate, and trusts other ones, from now on; requests and streams under way go on as they are.
    /// - Parameter certificate: as for `init`.
    /// - Throws: `APIFailure` with code `notTrusted` when the PEM cannot be read; nothing has changed then.
    package func adopt(_ identity: ClientIdentity, certificate: String?) throws(APIFailure) {
        try proof.adopt(identity, certificate: certificate)
    }

    /// What the client trusts now: the PEM of `init` or `adopt`.
    package var trusted: String? { proof.trusted }

    private func attempt(_ request: APIRequest, _ server: Endpoint) async throws -> APIResponse {
        let present = proof.present
        // A server that does not take the certificate has done nothing yet.
        do { return try await attempt(request, server, present) } catch let problem as APIProblem
            where problem.status == 401 && proof.refused(present)
        {
            return try await attempt(request, server, proof.present)
        }
    }

    private func attempt(
        _ request: APIRequest, _ server: Endpoint, _ present: ClientProof.Present
    ) async throws -> APIResponse {
        do {
            let response = try await http.execute(
                message(request, server, present), deadline: .now() + .nanoseconds(request.timeout.nanoseconds))
            let body = try await response.body.collect(upTo: Self.maximumAnswer)
            let bytes = Array(body.readableBytesView)
            guard (200..<300).contains(response.status.code) else {
                throw APIProblem(
                    status: Int(response.status.code), reason: response.status.reasonPhrase, body: bytes,
                    requestID: response.headers.first(name: "X-Request-ID"))
            }
            let revision = response.headers.first(name: "KC-Revision").flatMap(UInt64.init).map(Revision.init)
            if let revision { remember(revision, of: request.service) }
            return APIResponse(status: Int(response.status.code), body: bytes, revision: revision)
        } catch { throw translate(error, request, server, isStream: false) }
    }

    /// Opens an event stream. Its bytes are read as fast as the caller takes the events, no faster.
    /// - Parameter maximumEvent: bytes of one event; a larger one ends the stream with `tooLarge`.
    /// - Throws: as `send`; the stream itself throws `APIFailure` or `CancellationError`.
    package func events(
        _ request: APIRequest, maximumEvent: Int = EventStreamParser.ordinaryEvent
    ) async throws -> ServerEvents {
        try await turn.taking { server in
            let present = proof.present
            do { return try await events(request, server, present, maximumEvent) } catch let problem as APIProblem
                where problem.status == 401 && proof.refused(present)
            {
                return try await events(request, server, proof.present, maximumEvent)
            }
        }
    }

    private func events(
        _ request: APIRequest, _ server: Endpoint, _ present: ClientProof.Present, _ maximumEvent: Int
    ) async throws -> ServerEvents {
        do {
            var message = message(request, server, present)
            message.headers.replaceOrAdd(name: "Accept", value: "text/event-stream")
            let response = try await http.execute(message, deadline: .distantFuture)
            guard response.status == .ok else {
                let body = try await response.body.collect(upTo: 1 << 20)
                throw APIProblem(
                    status: Int(response.status.code), reason: response.status.reasonPhrase,
                    body: Array(body.readableBytesView), requestID: response.headers.first(name: "X-Request-ID"))
            }
            return ServerEvents(
                body: response.body, operation: request.summary, endpoint: server, maximumEvent: maximumEvent)
        } catch { throw translate(error, request, server, isStream: true) }
    }

    private func message(
        _ request: APIRequest, _ server: Endpoint, _ present: ClientProof.Present
    ) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: server.base + request.target)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers.add(name: "Accept", value: "application/json, application/problem+json")
        message.headers.add(name: "User-Agent", value: "kc")
        if case .socket = server.transport { message.headers.add(name: "Host", value: "localhost") }
        message.tlsConfiguration = present.tls
        if let authorization = present.authorization {
            message.headers.add(name: "Authorization", value: authorization)
        }
        for (name, value) in request.headers { message.headers.add(name: name, value: value) }
        if let revision = request.ifMatch { message.headers.add(name: "If-Match", value: "\"\(revision)\"") }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: "application/json")
            message.body = .bytes(ByteBuffer(bytes: body))
        }
        return message
    }

    private func translate(
        _ error: any Error, _ request: APIRequest, _ server: Endpoint, isStream: Bool
    ) -> any Error {
        if error is APIProblem { return error }
        if Task.isCancelled { return CancellationError() }
        return APIFailure(error, operation: request.summary, endpoint: server, isStream: isStream)
    }
}

extension Duration {
    /// Saturates instead of overflowing: a timeout of centuries is as good as any other.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds > 9_000_000_000 ? Int64.max / 2 : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
