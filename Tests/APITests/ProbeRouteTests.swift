import Foundation
import Resources
import Testing
import Waiting

/// Who asks about ways and drops, and what the answer tells whom.
@Suite(.serialized) struct ProbeRouteTests {
    private let probes = "/v1/projects/red/probes"
    /// What a tenant is never told: the host, its tunnel endpoint, interface and ports, the segment's VNI.
    private let secrets = ["hyper-one", "2001:db8:dead::1", "und0", "kct", "77771", "012fcb"]

    @Test func `a tenant asks about its own attachments, and is told no host`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            try await server.make(
                "/v1/projects/red/attachments",
                #"{"name":"red-peer","spec":{"segment":"red-net","host":"hyper-one"}}"#)
            let tenant = cast.curl("red-operator")
            let path = #"{"type":"path","from":"red-port","to":"red-peer","flow":"tcp/443"}"#
            let made = try await tenant("POST", probes, path)
            #expect(made.status == 201, "\(made.body)")
            let id = try #require(made.text("id"))
            // No agent answers: that is the verdict, and an operator reads on which host.
            var read = made
            try await eventually("there is a verdict") {
                read = try await tenant("GET", "\(probes)/\(id)")
                return read.body.contains("verdict")
            }
            for secret in secrets { #expect(!read.body.contains(secret), "\(secret): \(read.body)") }
            #expect(read.text("verdict", "fault", "layer") == "agents")
            #expect(read.body.contains("tell the operator the layer (agents)"))
            let whole = try await cast.curl("all-operator")("GET", "\(probes)/\(id)")
            #expect(whole.body.contains("hyper-one"), "\(whole.body)")

            for (who, status) in [("red-viewer", 403), ("blue-admin", 404), ("red-consumer", 201), ("red-admin", 201)] {
                #expect(try await cast.curl(who)("POST", probes, path).status == status, "\(who)")
            }
            #expect(try await cast.curl("red-viewer")("GET", "\(probes)/\(id)").status == 403)
            #expect(try await cast.curl("blue-admin")("GET", "\(probes)/\(id)").status == 404)
            #expect(try await cast.curl("all-viewer")("GET", "\(probes)/\(id)").status == 200)
            #expect(try await tenant("DELETE", "\(probes)/\(id)").status == 204)
        }
    }

    @Test func `what a tenant's port dropped is told without the agent's words, and other questions are refused`()
        async throws
    {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            let tenant = cast.curl("red-operator")
            let made = try await tenant("POST", probes, #"{"type":"drops","attachment":"red-port","seconds":5}"#)
            #expect(made.status == 201, "\(made.body)")
            let id = try #require(made.text("id"))
            let answer =
                #"{"phase":"done","message":"kctsecret on und0","drops":{"counters":{"policy":7},"frames":[],"unseen":0}}"#
            try await eventually("the host answers") {
                try await cast.curl("host")("PUT", "/v1/hosts/hyper-one/probes/\(id)", answer).status == 204
            }
            let read = try await tenant("GET", "\(probes)/\(id)")
            #expect(read.body.contains(#""policy":7"#), "\(read.body)")
            for secret in secrets { #expect(!read.body.contains(secret), "\(secret): \(read.body)") }
            #expect(try await cast.curl("all-operator")("GET", "\(probes)/\(id)").body.contains("kctsecret on und0"))

            for body in [
                #"{"type":"path","from":"host/hyper-one","to":"red-port"}"#,
                #"{"type":"path","from":"red-port","to":"host/hyper-one"}"#, #"{"type":"leases","gateway":"red-gate"}"#,
                #"{"type":"translation","gateway":"red-gate"}"#, #"{"type":"gateway-drops","gateway":"red-gate"}"#,
            ] {
                #expect(try await tenant("POST", probes, body).status == 403, "\(body)")
            }
            // Another project's attachment is none.
            #expect(try await tenant("POST", probes, #"{"type":"drops","attachment":"blue-port"}"#).status == 404)
            #expect(
                try await tenant("POST", probes, #"{"type":"path","from":"red-port","to":"blue-port"}"#).status == 404)
            // Nor may a question of the operator's be read by its id.
            let leases = try await cast.curl("all-operator")("POST", probes, #"{"type":"leases","gateway":"red-gate"}"#)
            let secret = try #require(leases.text("id"))
            #expect(try await tenant("GET", "\(probes)/\(secret)").status == 403)
            #expect(try await tenant("DELETE", "\(probes)/\(secret)").status == 403)
        }
    }

    @Test func `a token that is for some attachments alone asks nothing`() async throws {
        try await LiveServer.with { server in
            _ = try await Cast.prepare(server)
            let token = try await server.make(
                "/v1/projects/red/tokens", #"{"name":"narrow","spec":{"role":"operator","selector":"tier=web"}}"#)
            let narrow = Curl(
                base: server.anonymous.base, headers: ["Authorization: Bearer \(token.text("secret") ?? "")"])
            #expect(try await narrow("POST", probes, #"{"type":"drops","attachment":"red-port"}"#).status == 403)
        }
    }
}
