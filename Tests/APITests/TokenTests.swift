import Foundation
import NetworkService
import Persistence
import Resources
import Testing
import Waiting

/// Tokens as resources: what narrows them, and how they end.
@Suite(.serialized) struct TokenTests {
    static let tokens = "/v1/projects/default/tokens"
    static let segments = "/v1/projects/default/segments"

    private func make(_ server: LiveServer, _ name: String, _ spec: String) async throws -> Curl {
        let made = try await server.make(Self.tokens, #"{"name":"\#(name)","spec":\#(spec)}"#)
        let secret = try #require(made.text("secret"))
        return Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(secret)"])
    }

    @Test func `a token does what its verbs, kinds and labels say, and nothing else`() async throws {
        try await LiveServer.with { server in
            for (name, team) in [("mine", "a"), ("other", "b")] {
                try await server.make(
                    Self.segments, #"{"name":"\#(name)","labels":{"team":"\#(team)"},"spec":{"ipam":"none"}}"#)
            }
            let reader = try await make(server, "reader", #"{"role":"operator","verbs":["read"]}"#)
            #expect(try await reader("GET", Self.segments).status == 200)
            #expect(try await reader("DELETE", Self.segments + "/mine").status == 403)
            let ports = try await make(server, "ports", #"{"role":"operator","kinds":["attachment"]}"#)
            #expect(try await ports("GET", Self.segments).status == 403)
            #expect(try await ports("GET", "/v1/projects/default/attachments").status == 200)
            let team = try await make(server, "team", #"{"role":"operator","selector":"team=a"}"#)
            let list = try await team("GET", Self.segments)
            #expect(list.body.contains("mine") && !list.body.contains("other"))
            #expect(try await team("GET", Self.segments + "/other").status == 404)
            #expect(try await team("DELETE", Self.segments + "/other").status == 404)
            let plain = #"{"name":"new","spec":{"ipam":"none"}}"#
            #expect(try await team("POST", Self.segments, plain).status == 403)
            // Neither taken out of what it matches, nor in a batch.
            #expect(
                try await team("PUT", Self.segments + "/mine", plain.replacing("new", with: "mine")).status == 403)
            let batch = #"{"operations":[{"verb":"create","kind":"segment","project":"default","document":\#(plain)}]}"#
            #expect(try await team("POST", "/v1/batch", batch).status == 403)
            let good = #"{"name":"new","labels":{"team":"a"},"spec":{"ipam":"none"}}"#
            #expect(try await team("POST", Self.segments, good).status == 201)
            let watch = try EventReader(team, Self.segments + "?watch=true")
            defer { watch.stop() }
            try await server.make(Self.segments, #"{"name":"third","labels":{"team":"b"},"spec":{"ipam":"none"}}"#)
            try await server.make(Self.segments, #"{"name":"fourth","labels":{"team":"a"},"spec":{"ipam":"none"}}"#)
            try await eventually("the fourth") { watch.events.contains { $0.data.contains("fourth") } }
            #expect(!watch.events.contains { $0.data.contains("third") || $0.data.contains("other") })
        }
    }

    @Test func `a revoked token is refused at once, and its open streams end within a second`() async throws {
        try await LiveServer.with { server in
            let token = try await make(server, "ci", #"{"role":"viewer"}"#)
            #expect(try await token("GET", "/v1/whoami").text("name") == "token/ci")
            let watch = try EventReader(token, Self.segments + "?watch=true")
            defer { watch.stop() }
            try await eventually("the stream") { watch.events.contains { $0.name == "bookmark" } }
            #expect(try await server.curl("DELETE", Self.tokens + "/ci").status == 204)
            let start = ContinuousClock.now
            #expect(try await token("GET", "/v1/whoami").status == 401)
            try await eventually("its end") { !watch.isRunning }
            #expect(start.duration(to: .now) < .seconds(1.5))
        }
    }

    @Test func `a connection that is kept lets in nobody for longer, and nobody else`() async throws {
        try await LiveServer.with { server in
            func secret(_ name: String, _ spec: String) async throws -> String {
                let made = try await server.make(Self.tokens, #"{"name":"\#(name)","spec":\#(spec)}"#)
                return try #require(made.text("secret"))
            }
            let expires = Timestamp(milliseconds: Timestamp.now.milliseconds + 12_000)
            let revoked = try await secret("revoked", #"{"role":"viewer"}"#)
            let other = try await secret("other", #"{"role":"viewer","kinds":["attachment"]}"#)
            let brief = try await secret("brief", #"{"role":"viewer","expires":"\#(expires)"}"#)
            let connection = try KeptConnection(server.port)
            // What was shown before is remembered from the second time on.
            for _ in 0..<3 {
                #expect(try await connection.get("/v1/whoami", token: revoked).text("name") == "token/revoked")
                #expect(try await connection.get(Self.segments, token: revoked).status == 200)
            }
            let last = try #require(revoked.last)
            let wrong = "\(revoked.dropLast())\(last == "x" ? "y" : "x")"
            #expect(try await connection.get("/v1/whoami", token: wrong).status == 401)
            #expect(try await connection.get("/v1/whoami", token: other).text("name") == "token/other")
            #expect(try await connection.get(Self.segments, token: other).status == 403)
            #expect(try await connection.get(Self.segments, token: revoked).status == 200)
            #expect(try await connection.get(Self.segments, token: server.token).status == 200)
            #expect(try await connection.get(Self.segments, token: revoked).status == 200)
            #expect(try await server.curl("DELETE", Self.tokens + "/revoked").status == 204)
            #expect(try await connection.get(Self.segments, token: revoked).status == 401)
            #expect(try await connection.get("/v1/whoami", token: brief).status == 200)
            try await eventually("its end") { try await connection.get("/v1/whoami", token: brief).status == 401 }
            #expect(Timestamp.now >= expires)
            // A right that is changed counts from the next request on as well.
            let narrowed = #"{"name":"other","spec":{"role":"viewer","kinds":["segment"]}}"#
            #expect(try await server.curl("PUT", Self.tokens + "/other", narrowed).status == 200)
            #expect(try await connection.get(Self.segments, token: other).status == 200)
        }
    }

    @Test func `a token ends when it says`() async throws {
        try await LiveServer.with { server in
            let expires = Timestamp(milliseconds: Timestamp.now.milliseconds + 10_000)
            let token = try await make(server, "brief", #"{"role":"viewer","expires":"\#(expires)"}"#)
            #expect(try await token("GET", Self.segments).status == 200)
            try await eventually("its end") { try await token("GET", Self.segments).status == 401 }
            #expect(Timestamp.now >= expires)
        }
    }

    @Test func `a token's secret is shown once and kept nowhere`() async throws {
        try await LiveServer.with { server in
            let made = try await server.make(Self.tokens, #"{"name":"ci","spec":{"role":"viewer"}}"#)
            let secret = try #require(made.text("secret"))
            for path in [Self.tokens, Self.tokens + "/ci", Self.tokens + "/ci/history"] {
                let reply = try await server.curl("GET", path)
                #expect(reply.status == 200 && !reply.body.contains("kct_") && !reply.body.contains("digest"))
            }
            for name in ["store.db", "store.db-wal"] {
                let bytes = try Data(contentsOf: URL(filePath: server.folder + "/" + name))
                #expect(bytes.range(of: Data(secret.utf8)) == nil)
            }
        }
    }

    @Test func `nobody gives more than he has`() async throws {
        try await LiveServer.with { server in
            let admin = try await make(server, "admin", #"{"role":"admin","allProjects":true}"#)
            let reply = try await admin("POST", Self.tokens, #"{"name":"x","spec":{"role":"viewer"}}"#)
            #expect(reply.status == 403 && reply.text("detail")?.contains("makes and changes no tokens") == true)
            let batch = try await server.curl(
                "POST", "/v1/batch",
                #"{"operations":[{"verb":"create","kind":"token","project":"default","document":{"name":"x","spec":{"role":"viewer"}}}]}"#
            )
            #expect(batch.status == 422)
            for spec in [
                #"{"role":"root"}"#, #"{"role":"viewer","kinds":["nothing"]}"#, #"{"role":"viewer","selector":"=="}"#,
                #"{"role":"viewer","expires":"tomorrow"}"#, #"{"role":"viewer","verbs":["read","read"]}"#,
            ] {
                #expect(try await server.curl("POST", Self.tokens, #"{"name":"x","spec":\#(spec)}"#).status == 422)
            }
        }
    }
}
