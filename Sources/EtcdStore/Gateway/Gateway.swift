import AsyncHTTPClient
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Persistence
import Resources
import Synchronization

/// The members of one etcd cluster, asked through the JSON gateway that each has on its client port: one that answers is
/// kept to, and the next one asked where it does not.
final class Gateway: Sendable {
    private struct State {
        var preferred = 0
        var cluster: String?
        var isClosed = false
    }

    let options: EtcdOptions
    let logger: Logger
    private let calls: HTTPClient
    private let streams: HTTPClient
    private let state = Mutex(State())
    private let tokens = SharedToken()

    /// Longest answer that is read whole.
    static let answerBytes = 128 << 20

    init(_ options: EtcdOptions, logger: Logger) {
        self.options = options
        self.logger = logger
        // A watch is silent for as long as nothing happens; anything else that stays silent in mid-answer is lost.
        calls = Self.client(options, read: options.attempt, connections: 256)
        streams = Self.client(options, read: nil, connections: 4096)
    }

    private static func client(_ options: EtcdOptions, read: Duration?, connections: Int) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: options.tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(1), read: read.map(\.amount)),
            connectionPool: .init(
                idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: connections))
        configuration.connectionPool.retryConnectionEstablishment = false
        // etcd speaks gRPC over HTTP/2 and JSON over HTTP/1.1 on one port.
        configuration.httpVersion = .http1Only
        return HTTPClient(
            eventLoopGroupProvider: .shared(HTTPClient.defaultEventLoopGroup), configuration: configuration)
    }

    func close() async {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        for client in [calls, streams] {
            do { try await client.shutdown() } catch {
                logger.warning("a client of etcd did not close cleanly", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: Asking

    /// The answer to one question, from whichever member gives one.
    ///
    /// - Parameters:
    ///   - path: behind `/v3/`.
    ///   - mayRepeat: whether to ask again when nobody knows whether it was done.
    ///   - body: the question; it is told whether an earlier attempt may have been carried out.
    func ask(
        _ path: String, operation: String, mayRepeat: Bool = true, body: (_ isRepeat: Bool) -> [UInt8]
    ) async throws(StoreError) -> JSONNode {
        let deadline = ContinuousClock.now + options.patience
        var isRepeat = false
        var renewals = 0
        var attempts = 0
        while true {
            let (index, endpoint) = current
            let token = token
            let failure: EtcdFailure
            do throws(EtcdFailure) {
                return try await attempt(path, body(isRepeat), at: endpoint)
            } catch {
                failure = error
            }
            attempts += 1
            switch failure.meaning {
            case .refused, .tooLong: throw failure.storeError(operation, endpoint)
            case .token:
                renewals += 1
                guard renewals <= 3 else { throw failure.storeError(operation, endpoint) }
                forget(token)
                continue
            case .busy: break
            case .lost:
                isRepeat = true
                passOver(index)
                // A member that was restored waits with an old token for what it will never have.
                forget(token)
                guard mayRepeat else { throw failure.storeError(operation, endpoint) }
            }
            // Each member once at once, then with pauses.
            let pause: Duration = attempts < options.endpoints.count ? .zero : .milliseconds(Int.random(in: 20...200))
            guard ContinuousClock.now + pause < deadline, !state.withLock(\.isClosed) else {
                throw failure.storeError(operation, endpoint)
            }
            do { try await Task.sleep(for: pause) } catch {
                throw StoreError(.unavailable, operation: operation, cause: "cancelled by the caller")
            }
        }
    }

    /// One question to one member.
    func attempt(
        _ path: String, _ body: [UInt8], at endpoint: EtcdEndpoint, within limit: Duration? = nil
    ) async throws(EtcdFailure) -> JSONNode {
        let time = limit ?? options.attempt + .milliseconds(body.count / 2048)
        let response: HTTPClientResponse
        let bytes: [UInt8]
        do {
            response = try await calls.execute(
                try await request(path, body, endpoint), deadline: .now() + time.amount)
            bytes = Array(try await response.body.collect(upTo: Self.answerBytes).readableBytesView)
        } catch let failure as EtcdFailure {
            throw failure
        } catch is NIOTooManyBytesError {
            throw EtcdFailure(.tooLong, "an answer has more than \(Self.answerBytes) bytes")
        } catch {
            throw EtcdFailure(.lost, "\(error)")
        }
        return try checked(bytes, status: response.status)
    }

    /// An answer that streams.
    func stream(
        _ path: String, _ body: [UInt8], at endpoint: EtcdEndpoint
    ) async throws(EtcdFailure) -> HTTPClientResponse.Body {
        do {
            var request = try await request(path, body, endpoint)
            // Ends the stream of a member that has lost the others (etcdserver/api/v3rpc, require leader).
            request.headers.add(name: "Grpc-Metadata-hasleader", value: "true")
            let response = try await streams.execute(request, deadline: .now() + options.attempt.amount)
            guard response.status == .ok else {
                let bytes = Array(try await response.body.collect(upTo: 65_536).readableBytesView)
                _ = try checked(bytes, status: response.status)
                throw EtcdFailure(.lost, "status \(response.status.code)")
            }
            return response.body
        } catch let failure as EtcdFailure {
            throw failure
        } catch {
            throw EtcdFailure(.lost, "\(error)")
        }
    }

    private func request(
        _ path: String, _ body: [UInt8], _ endpoint: EtcdEndpoint
    ) async throws(EtcdFailure) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "\(endpoint.url)/v3/\(path)")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        // Without it etcd takes who names no user for the one that the member's own certificate names (3.4,
        // auth/store.go, AuthInfoFromTLS: it knows its gateway by this header).
        request.headers.add(name: "Accept", value: "application/json")
        // The client's own loses the brackets of an address.
        request.headers.add(name: "Host", value: endpoint.authority)
        if let user = options.user, path != Self.login {
            request.headers.add(name: "Authorization", value: try await token(of: user, endpoint))
        }
        request.body = .bytes(ByteBuffer(bytes: body))
        return request
    }

    private func checked(_ bytes: [UInt8], status: HTTPResponseStatus) throws(EtcdFailure) -> JSONNode {
        let node: JSONNode
        do { node = try JSONParser.parse(kept: bytes) } catch {
            let text = String(decoding: bytes.prefix(200).filter { $0 >= 0x20 && $0 < 0x7f }, as: UTF8.self)
            throw EtcdFailure(message: "status \(status.code) with an answer that is not etcd's: '\(text)'")
        }
        guard status == .ok else {
            let message = node["message"]?.string ?? node["error"]?.string
            throw EtcdFailure(message: message ?? "status \(status.code)")
        }
        try requireCluster(node)
        return node
    }

    /// An address that leads to another cluster must not be taken for a member of this one.
    func requireCluster(_ answer: JSONNode) throws(EtcdFailure) {
        guard let cluster = answer["header"]?["cluster_id"]?.string else { return }
        let known = state.withLock { state in
            let known = state.cluster ?? cluster
            state.cluster = known
            return known
        }
        guard known == cluster else {
            throw EtcdFailure(
                .lost,
                "it is of cluster \(cluster), and the others are of \(known): look at --etcd, start again after a restore"
            )
        }
    }

    // MARK: Members

    var current: (index: Int, endpoint: EtcdEndpoint) {
        let index = state.withLock(\.preferred)
        return (index, options.endpoints[index])
    }

    /// Asks the next member from now on, unless that has happened already.
    func passOver(_ index: Int) {
        state.withLock { state in
            guard state.preferred == index else { return }
            state.preferred = (index + 1) % options.endpoints.count
        }
    }

    // MARK: Tokens

    private static let login = "auth/authenticate"

    /// What the next request is made with; nil when one is got first.
    var token: String? { tokens.current }

    /// Of many requests that failed with one old token, the first alone makes that a new one is got.
    /// - Parameter used: what `token` was before the request.
    func forget(_ used: String?) { tokens.forget(used) }

    private func token(of user: EtcdOptions.User, _ endpoint: EtcdEndpoint) async throws(EtcdFailure) -> String {
        try await tokens.value { () async throws(EtcdFailure) in try await signIn(user, endpoint) }
    }

    /// nil where etcd knows no users: it takes any token for none.
    private func signIn(_ user: EtcdOptions.User, _ endpoint: EtcdEndpoint) async throws(EtcdFailure) -> String? {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("name", user.name)
            writer.member("password", user.password)
        }
        let answer: JSONNode
        do throws(EtcdFailure) {
            answer = try await attempt(Self.login, writer.bytes, at: endpoint)
        } catch {
            guard error.text.contains("authentication is not enabled") else { throw error }
            return nil
        }
        guard let token = answer["token"]?.string, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw EtcdFailure(.lost, "etcd gave no token")
        }
        return token
    }
}

extension Duration {
    /// For NIO.
    var amount: TimeAmount { .nanoseconds(Int64(self / .nanoseconds(1))) }
}
