package import Addressing
import AsyncHTTPClient
import ComputePorts
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Layer 5. Images from web servers. Must not know what an image is for.
///
/// A name is resolved once, its address is checked by `SourcePolicy` and then is the one that is connected to; so again for
/// each redirect. Size, time and redirects are bounded.
package struct HTTPOrigin: ImageOrigin {
    private let policy: SourcePolicy
    private let resolve: @Sendable (String) async -> [IPv6Address]
    private let authorities: String?
    private let limits: Limits

    package struct Limits: Sendable {
        package var redirects = 5
        package var connect = Duration.seconds(10)
        /// Without a byte.
        package var silence = Duration.seconds(30)
        /// Of all of it: that and a second for each MiB.
        package var time = Duration.seconds(600)

        package init() {}
    }

    /// - Parameters:
    ///   - authorities: a file of certificates in PEM, instead of the machine's own.
    ///   - resolve: gives all addresses of a name.
    package init(
        policy: SourcePolicy, authorities: String? = nil, limits: Limits = Limits(),
        resolve: @escaping @Sendable (String) async -> [IPv6Address] = NameResolution.system
    ) {
        self.policy = policy
        self.resolve = resolve
        self.authorities = authorities
        self.limits = limits
    }

    package func fetch(
        _ address: String, from offset: UInt64, size: UInt64,
        _ take: @escaping @Sendable (_ piece: [UInt8], _ offset: UInt64) async throws -> Void
    ) async throws {
        let deadline = ContinuousClock.now + limits.time + .seconds(size >> 20)
        var address = try SourceAddress(address)
        for _ in 0...limits.redirects {
            guard let next = try await step(address, offset, size, deadline, take) else { return }
            address = try SourceAddress(next, relativeTo: address)
        }
        throw ImageOriginError(.refused, "there are more than \(limits.redirects) redirects")
    }

    /// One request.
    /// - Returns: where the server sends us; nil when all has come.
    private func step(
        _ address: SourceAddress, _ offset: UInt64, _ size: UInt64, _ deadline: ContinuousClock.Instant,
        _ take: @escaping @Sendable ([UInt8], UInt64) async throws -> Void
    ) async throws -> String? {
        let pinned = try await pin(address.host)
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration(address.host, pinned))
        let result: Result<String?, any Error>
        do { result = .success(try await ask(client, address, offset, size, deadline, take)) } catch {
            result = .failure(error)
        }
        try await client.shutdown()
        do { return try result.get() } catch let error as HTTPClientError {
            throw ImageOriginError(.failed, "\(address.host) (\(pinned)): \(error)")
        } catch let error as HTTPParserError {
            throw ImageOriginError(.failed, "\(address.host) (\(pinned)) does not speak HTTP to its end: \(error)")
        } catch let error as IOError {
            throw ImageOriginError(.failed, "\(address.host) (\(pinned)) cannot be reached: \(error)")
        } catch let error as NIOConnectionError {
            throw ImageOriginError(
                .failed, "\(address.host) (\(pinned)) cannot be reached: \(error.connectionErrors.first?.error as Any)")
        } catch let error as any NIOSSLFailure {
            throw ImageOriginError(.refused, "\(address.host) (\(pinned)): TLS fails: \(error)")
        }
    }

    /// The address to connect to: all that the name stands for must be allowed.
    private func pin(_ host: String) async throws(ImageOriginError) -> String {
        if let written = IPv4Address(host) {
            if let cause = policy.refusal(of: written) { throw refused(cause) }
            return host
        }
        if let written = IPv6Address(host) {
            if let cause = policy.refusal(of: written, isWritten: true) { throw refused(cause) }
            return written.description
        }
        let found = await resolve(host)
        guard let first = found.first else { throw ImageOriginError(.failed, "the name '\(host)' is not known") }
        for address in found {
            if let cause = policy.refusal(of: address, isWritten: false) { throw refused("\(host): \(cause)") }
        }
        return first.ipv4?.description ?? first.description
    }

    private func refused(_ cause: String) -> ImageOriginError {
        ImageOriginError(
            .refused, "\(cause): images come from public addresses, and from what the operator lists (--image-source)")
    }

    private func configuration(_ host: String, _ pinned: String) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authorities { tls.trustRoots = .file(authorities) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: Self.amount(limits.connect), read: Self.amount(limits.silence)))
        // The name stays what TLS checks and what the server is told.
        configuration.dnsOverride = [host: pinned]
        configuration.httpVersion = .http1Only
        configuration.maximumUsesPerConnection = 1
        return configuration
    }

    private static func amount(_ duration: Duration) -> TimeAmount { .milliseconds(Int64(duration / .milliseconds(1))) }

    private func ask(
        _ client: HTTPClient, _ address: SourceAddress, _ offset: UInt64, _ size: UInt64,
        _ deadline: ContinuousClock.Instant, _ take: @escaping @Sendable ([UInt8], UInt64) async throws -> Void
    ) async throws -> String? {
        var request = HTTPClientRequest(url: address.url)
        request.headers.add(name: "User-Agent", value: "kc-compute")
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if offset > 0 { request.headers.add(name: "Range", value: "bytes=\(offset)-\(size - 1)") }
        let left = max(.seconds(1), ContinuousClock.now.duration(to: deadline))
        let response = try await client.execute(request, timeout: Self.amount(left))
        switch response.status.code {
        case 301, 302, 303, 307, 308:
            guard let next = response.headers.first(name: "Location") else {
                throw ImageOriginError(.refused, "\(address.host) redirects to nowhere")
            }
            return next
        case 200 where offset == 0, 206 where offset > 0: break
        case 200, 416: throw ImageOriginError(.startAgain, "\(address.host) does not go on where it was cut")
        case 429, 500...: throw ImageOriginError(.failed, "\(address.host) answers \(response.status)")
        default: throw ImageOriginError(.refused, "\(address.host) answers \(response.status)")
        }
        if let range = response.headers.first(name: "Content-Range"), offset > 0 {
            guard range.hasPrefix("bytes \(offset)-") else {
                throw ImageOriginError(.startAgain, "\(address.host) goes on elsewhere (\(range.prefix(64)))")
            }
        }
        if let length = response.headers.first(name: "Content-Length").flatMap({ UInt64($0) }), length != size - offset
        {
            throw ImageOriginError(
                .refused, "\(address.host) has \(length) bytes where \(size - offset) must come: spec.size is another")
        }
        try await collect(response.body, address.host, offset, size, deadline, take)
        return nil
    }

    private func collect(
        _ body: HTTPClientResponse.Body, _ host: String, _ offset: UInt64, _ size: UInt64,
        _ deadline: ContinuousClock.Instant, _ take: ([UInt8], UInt64) async throws -> Void
    ) async throws {
        var piece: [UInt8] = []
        var offset = offset
        func pass(_ bytes: [UInt8]) async throws {
            try await take(bytes, offset)
            offset += UInt64(bytes.count)
        }
        for try await part in body {
            guard ContinuousClock.now < deadline else {
                throw ImageOriginError(.failed, "\(host) is too slow: \(offset) of \(size) bytes came in its time")
            }
            piece += part.readableBytesView
            guard offset + UInt64(piece.count) <= size else {
                throw ImageOriginError(.refused, "\(host) sends more than the \(size) bytes of spec.size")
            }
            while piece.count >= 4 << 20 {
                let next = Array(piece.prefix(4 << 20))
                piece.removeFirst(next.count)
                try await pass(next)
            }
        }
        if !piece.isEmpty { try await pass(piece) }
        guard offset == size else {
            throw ImageOriginError(.failed, "\(host) ends after \(offset) of \(size) bytes")
        }
    }
}

/// What TLS says when it does not trust a server.
private protocol NIOSSLFailure: Error {}
extension NIOSSLError: NIOSSLFailure {}
extension NIOSSLExtraError: NIOSSLFailure {}
