import Addressing
import ComputePorts
import Foundation
import ImageDownload
import Synchronization
import TestWebServers
import Testing

/// Images from real web servers on this machine's loopback, which the policy of these tests lists.
@Suite(.serialized) struct HTTPOriginTests {
    private static let size = 5_000_000
    private static let loopback = "::1/128"

    /// What came.
    private final class Received: Sendable {
        let bytes = Mutex<[UInt8]>([])
        func take(_ piece: [UInt8], _ offset: UInt64) throws {
            try bytes.withLock { bytes in
                try #require(Int(offset) == bytes.count && piece.count <= ImagePiece.maximum)
                bytes += piece
            }
        }
    }

    private static func origin(
        _ limits: HTTPOrigin.Limits = HTTPOrigin.Limits(), authorities: String? = nil,
        resolve: @escaping @Sendable (String) async -> [IPv6Address] = { _ in [] }
    ) throws -> HTTPOrigin {
        HTTPOrigin(
            policy: SourcePolicy(listed: [try IPv6Prefix(parsing: loopback)], own: NameResolution.own()),
            authorities: authorities, limits: limits, resolve: resolve)
    }

    private static func expect(
        _ code: ImageOriginError.Code, _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            Issue.record("it was fetched", sourceLocation: sourceLocation)
        } catch let error as ImageOriginError {
            #expect(
                error.code == code && (words.isEmpty || "\(error)".contains(words)), "\(error)",
                sourceLocation: sourceLocation)
        } catch { Issue.record("\(error)", sourceLocation: sourceLocation) }
    }

    private static func fetch(
        _ address: String, _ origin: HTTPOrigin, from offset: Int = 0, size: Int = size
    ) async throws -> [UInt8] {
        let received = Received()
        received.bytes.withLock { $0 = [UInt8](repeating: 0, count: offset) }
        try await origin.fetch(address, from: UInt64(offset), size: UInt64(size)) { try received.take($0, $1) }
        return received.bytes.withLock { $0 }
    }

    @Test func `what stands at an address comes whole, also after redirects, and goes on where it was cut`()
        async throws
    {
        try await WebServer.run { server in
            let origin = try Self.origin()
            let whole = WebServer.bytes(Self.size)
            #expect(try await Self.fetch(server.url("/good"), origin) == whole)
            #expect(try await Self.fetch(server.url("/redirect?to=/good"), origin) == whole)
            #expect(
                try await Self.fetch(server.url("/good"), origin, from: 4_000_000)[4_000_000...] == whole[4_000_000...])
            await Self.expect(.startAgain, "does not go on") {
                _ = try await Self.fetch(server.url("/whole"), origin, from: 4_000_000)
            }
        }
    }

    @Test func `a redirect leads to no address that may not be asked`() async throws {
        try await WebServer.run { server in
            let origin = try Self.origin()
            let there = [
                "http://127.0.0.1:\(server.port)/good", "http://[::ffff:127.0.0.1]:\(server.port)/good",
                "http://169.254.169.254/",
            ]
            for address in there {
                // A mapped one may not even be taken for an address.
                let words = address.contains("ffff") ? "" : "image-source"
                await Self.expect(.refused, words) {
                    _ = try await Self.fetch(server.url("/redirect?to=\(address)"), origin)
                }
                await Self.expect(.refused, words) { _ = try await Self.fetch(address, origin) }
            }
            await Self.expect(.refused, "redirects") {
                _ = try await Self.fetch(server.url("/redirect?to=/loop"), origin)
            }
            await Self.expect(.refused, "http") {
                _ = try await Self.fetch(server.url("/redirect?to=file:///etc/shadow"), origin)
            }
        }
    }

    @Test func `a name is resolved once, and its address is the one that is connected to`() async throws {
        try await WebServer.run { server in
            let asked = Mutex(0)
            let origin = try Self.origin { _ in
                let count = asked.withLock { count in
                    count += 1
                    return count
                }
                // The second time it is another: that of this machine, which is not listed.
                return count == 1 ? [IPv6Address(high: 0, low: 1)] : [IPv4Address(0x7f00_0001).mapped]
            }
            let address = "http://images.test:\(server.port)/good"
            #expect(try await Self.fetch(address, origin) == WebServer.bytes(Self.size))
            #expect(asked.withLock { $0 } == 1)
            await Self.expect(.refused, "127.0.0.1") { _ = try await Self.fetch(address, origin) }
            #expect(asked.withLock { $0 } == 2)
            // One that is allowed beside one that is not.
            let both = try Self.origin { _ in [IPv6Address(high: 0, low: 1), IPv4Address(0x0a00_0001).mapped] }
            await Self.expect(.refused, "10.0.0.1") { _ = try await Self.fetch(address, both) }
            await Self.expect(.failed, "not known") { _ = try await Self.fetch(address, try Self.origin()) }
        }
    }

    @Test func `bodies that are endless, slow, short or of another length end in their bounds, and say why`()
        async throws
    {
        try await WebServer.run { server in
            var limits = HTTPOrigin.Limits()
            limits.silence = .milliseconds(500)
            limits.time = .zero
            let origin = try Self.origin(limits)
            await Self.expect(.refused, "more than the 5000000") {
                _ = try await Self.fetch(server.url("/endless"), origin)
            }
            await Self.expect(.refused, "spec.size") { _ = try await Self.fetch(server.url("/other"), origin) }
            await Self.expect(.failed, "") { _ = try await Self.fetch(server.url("/short"), origin) }
            await Self.expect(.failed, "imeout") { _ = try await Self.fetch(server.url("/silent"), origin) }
            let time = await ContinuousClock().measure {
                await Self.expect(.failed, "") { _ = try await Self.fetch(server.url("/slow"), origin) }
            }
            #expect(time < .seconds(15))
            await Self.expect(.refused, "404") { _ = try await Self.fetch(server.url("/absent"), origin) }
            await Self.expect(.failed, "503") { _ = try await Self.fetch(server.url("/away"), origin) }
        }
    }

    @Test(arguments: [
        "ftp://[::1]/x", "http://user:secret@[::1]/x", "http:///x", "http://[fe80::1%25eth0]/x", "file:///etc/shadow",
        "http://[::1]:0/x", "not an address",
    ])
    func `what is no plain address of a web server is refused`(text: String) async throws {
        let origin = try Self.origin()
        await Self.expect(.refused, "") { _ = try await Self.fetch(text, origin) }
    }

    @Test func `a server over TLS must show a certificate of the operator's authority, for its name`() async throws {
        try await WebServer.run(secure: true) { server in
            let here: @Sendable (String) async -> [IPv6Address] = { _ in [IPv6Address(high: 0, low: 1)] }
            let trusting = try Self.origin(authorities: server.authority, resolve: here)
            let good = "https://images.test:\(server.port)/good"
            #expect(try await Self.fetch(good, trusting) == WebServer.bytes(Self.size))
            await Self.expect(.refused, "TLS") {
                _ = try await Self.fetch("https://other.test:\(server.port)/good", trusting)
            }
            await Self.expect(.refused, "TLS") { _ = try await Self.fetch(good, try Self.origin(resolve: here)) }
        }
    }
}
