import Foundation
import Testing
import Waiting

/// How much one identity may ask.
@Suite(.serialized) struct RateTests {
    private static let segments = "/v1/projects/default/segments"

    private func secret(_ server: LiveServer, _ name: String) async throws -> String {
        let made = try await server.make(
            "/v1/projects/default/tokens", #"{"name":"\#(name)","spec":{"role":"operator"}}"#)
        return try #require(made.text("secret"))
    }

    @Test func `who asks too much is told when to ask again, and nobody else is held up`() async throws {
        try await LiveServer.with(requestsPerSecond: 2) { server in
            let (eager, calm) = (try await secret(server, "eager"), try await secret(server, "calm"))
            let connection = try KeptConnection(server.port)
            var count = 0
            var refused = try await connection.get(Self.segments, token: eager)
            while refused.status == 200, count < 200 {
                count += 1
                refused = try await connection.get(Self.segments, token: eager)
            }
            // Five seconds' worth at once.
            #expect(count >= 10)
            #expect(refused.status == 429 && refused.problem == "rate-limited")
            #expect(refused.headers["retry-after"].flatMap { Int($0) } == 1)
            #expect(refused.text("detail")?.contains("token/eager") == true)
            #expect(try await connection.get(Self.segments, token: calm).status == 200)
            // The administrator must get through when others are the trouble.
            for _ in 0..<20 { #expect(try await connection.get(Self.segments, token: server.token).status == 200) }
            #expect(try await server.curl("GET", Self.segments).status == 200)
            try await eventually("its time") { try await connection.get(Self.segments, token: eager).status == 200 }
        }
    }

    @Test func `a large body counts for as many requests as it is work`() async throws {
        try await LiveServer.with(requestsPerSecond: 2) { server in
            let token = try await secret(server, "bulky")
            let client = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(token)"])
            let note = String(repeating: "x", count: 40_000)
            let body = #"{"name":"s","annotations":{"note":"\#(note)"},"spec":{"ipam":"none"}}"#
            #expect(try await client("POST", Self.segments, body).status == 201)
            let refused = try await client("GET", Self.segments)
            // 40 KiB are 20 seconds' worth, of which five were free.
            let wait = try #require(refused.headers["retry-after"].flatMap { Int($0) })
            #expect(refused.status == 429 && (5...16).contains(wait), "\(wait)")
        }
    }

    @Test func `a body that goes on to another service counts for some requests, too`() async throws {
        try await LiveServer.with(requestsPerSecond: 2, annexes: [SilentAnnex()]) { server in
            let token = try await secret(server, "bulky")
            let client = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(token)"])
            let file = server.folder + "/body"
            try String(repeating: " ", count: 2 << 20).write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try await client("POST", "/other/things", "@" + file).status == 204)
            // Two MiB are 32 requests, of which ten were free.
            let refused = try await client("GET", Self.segments)
            let wait = try #require(refused.headers["retry-after"].flatMap { Int($0) })
            #expect(refused.status == 429 && (5...12).contains(wait), "\(wait)")
        }
    }

    @Test func `a limit of nothing is none`() async throws {
        try await LiveServer.with(requestsPerSecond: 0) { server in
            let token = try await secret(server, "free")
            let connection = try KeptConnection(server.port)
            for _ in 0..<50 { #expect(try await connection.get(Self.segments, token: token).status == 200) }
        }
    }
}
