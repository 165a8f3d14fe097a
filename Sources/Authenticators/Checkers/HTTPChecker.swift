import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
package import Persistence
package import Resources

/// A server of the operator's own that says who asks: it gets the question by POST as one JSON object, and answers with one.
///
/// Question and answer are those of a program (`ExternalAnswer`). Another status than 200, a redirect, an answer that is too
/// late, too long or something else lets nobody in (503), and counts against nobody. What was asked is nowhere logged.
package struct HTTPChecker: Checker {
    private let url: String
    /// The same as an operator wrote it.
    private let place: String
    private let tls: TLSConfiguration?
    private let patience: Duration
    private let report: @Sendable (CheckerFailure) -> Void
    /// A server that has become slow is not asked ever more.
    private let places = CheckerPlaces()

    /// The longest answer, in bytes.
    static let maximumAnswer = 65_536

    static let rule =
        "must be https://HOST[:PORT]/PATH, http://[::1]:PORT/PATH on loopback, or unix:/PATH/OF/SOCKET, without a user"

    /// One for all checkers and for the life of the process. A redirect is an answer that is none.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)),
            connectionPool: .init(idleTimeout: .seconds(30), concurrentHTTP1ConnectionsPerHostSoftLimit: 16))
        configuration.httpVersion = .http1Only
        return HTTPClient(
            eventLoopGroupProvider: .shared(HTTPClient.defaultEventLoopGroup), configuration: configuration)
    }()

    /// - Parameters:
    ///   - ca: PEM file of the authorities that the server is trusted by; nil for the system's. Its name is compared always.
    ///   - patience: until the whole answer is there.
    /// - Throws: when the address is of no kind that is asked, or the file cannot be read.
    package init(
        url place: String, ca: String? = nil, patience: Duration,
        report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws(CheckerFailure) {
        guard let url = Self.url(place) else { throw CheckerFailure(String(place.prefix(200)), Self.rule) }
        self.url = url
        self.place = place
        self.patience = patience
        self.report = report
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let ca {
            do { configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(ca)) } catch {
                throw CheckerFailure(ca, "must be certificates in PEM: \(error)")
            }
        }
        tls = place.hasPrefix("https://") ? configuration : nil
    }

    package var challenge: String? { nil }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        let asked = await places.hold(for: request.peer.network) { () async -> Result<[UInt8], CheckerFailure> in
            do { return .success(try await ask(request.json)) } catch {
                return .failure(error as? CheckerFailure ?? CheckerFailure(place, "\(error)"))
            }
        }
        guard let asked else { return .busy(seconds: CheckerPlaces.patience) }
        do throws(CheckerFailure) { return try ExternalAnswer.verdict(try asked.get(), of: place) } catch {
            throw failed(error)
        }
    }

    /// The client's own deadline ends with the header of the answer; this one is the body's too.
    private func ask(_ question: [UInt8]) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await exchange(question) }
            group.addTask {
                try await Task.sleep(for: patience)
                return nil
            }
            guard let answer = try await group.next() ?? nil else {
                throw CheckerFailure(place, "must answer within \(patience)")
            }
            return answer
        }
    }

    private func exchange(_ question: [UInt8]) async throws -> [UInt8] {
        var message = HTTPClientRequest(url: url)
        message.method = .POST
        message.headers.add(name: "Content-Type", value: "application/json")
        message.headers.add(name: "Accept", value: "application/json")
        if place.hasPrefix("unix:") { message.headers.add(name: "Host", value: "localhost") }
        message.body = .bytes(ByteBuffer(bytes: question))
        message.tlsConfiguration = tls
        let response = try await Self.client.execute(
            message, deadline: .now() + .milliseconds(Int64(patience / .milliseconds(1))))
        guard response.status == .ok else {
            throw CheckerFailure(place, "must answer with status 200, not \(response.status.code)")
        }
        return Array(try await response.body.collect(upTo: Self.maximumAnswer).readableBytesView)
    }

    /// Whether a secret may be sent there at all: `rule` in a word.
    static func isAskable(_ place: String) -> Bool { url(place) != nil }

    private func failed(_ error: CheckerFailure) -> StoreError {
        report(error)
        return StoreError(.unavailable, operation: "check", cause: "a server that checks has failed")
    }

    /// As the client wants it; nil for what is not asked.
    private static func url(_ place: String) -> String? {
        guard place.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        if place.hasPrefix("unix:/") {
            let path = place.dropFirst(5)
            // sockaddr_un.sun_path has 108 bytes with its final zero (linux/un.h).
            guard path.utf8.count <= 107 else { return nil }
            let digits = Array("0123456789ABCDEF".unicodeScalars)
            var encoded = "http+unix://"
            for byte in path.utf8 {
                encoded += "%"
                encoded.unicodeScalars.append(digits[Int(byte >> 4)])
                encoded.unicodeScalars.append(digits[Int(byte & 15)])
            }
            return encoded + "/"
        }
        let isClear = place.hasPrefix("http://")
        guard isClear || place.hasPrefix("https://") else { return nil }
        let authority = place.dropFirst(isClear ? 7 : 8).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.contains("@"), !place.contains("#") else { return nil }
        guard isClear else { return place }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return host == "[::1]" || host == "localhost" || isLoopback(host) ? place : nil
    }

    /// 127.0.0.0/8 as four numbers.
    private static func isLoopback(_ host: Substring) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts[0] == 127
    }
}
