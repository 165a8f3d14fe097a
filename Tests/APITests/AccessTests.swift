import Authenticators
import Foundation
import HTTPAPI
import HTTPServing
import Logging
import Persistence
import Resources
import SQLiteStore
import Testing

@Suite(.serialized) struct AccessTests {
    @Test func `nobody is served anonymously but for the two health paths`() async throws {
        try await LiveServer.with { server in
            for path in ["/healthz", "/readyz"] { #expect(try await server.anonymous("GET", path).status == 200) }
            for path in [
                "/metrics", "/openapi.json", "/v1/whoami", "/v1/hosts", "/v1/nothing",
                "/v1/projects/default/segments?watch=true",
            ] {
                let reply = try await server.anonymous("GET", path)
                #expect(reply.status == 401 && reply.problem == "unauthenticated", "\(path)")
                #expect(reply.headers["www-authenticate"] == "Bearer")
            }
            for header in [
                "Authorization: Bearer kca_wrong", "Authorization: Basic eDp5", "Authorization: Bearer",
                "Authorization: kca_x",
            ] {
                #expect(try await server.anonymous("GET", "/v1/hosts", headers: [header]).status == 401, "\(header)")
            }
            #expect(try await server.overTCP("GET", "/v1/whoami").text("via") == "admin-token")
            #expect(try await server.curl("GET", "/v1/whoami").text("via") == "root@unix")
            let wrong = try await server.curl("GET", "/v1/whoami", headers: ["Authorization: Bearer kca_wrong"])
            #expect(wrong.status == 401)
        }
    }

    @Test func `a user who is not root is told so on the socket`() async throws {
        try await LiveServer.with { server in
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: server.folder)
            let (_, output) = try await run(
                "/usr/bin/setpriv",
                [
                    "--reuid", "65534", "--clear-groups", "curl", "-sS", "-i", "--unix-socket",
                    server.folder + "/api.sock", "http://localhost/v1/hosts",
                ])
            let reply = Curl.parse(output, 0)
            #expect(reply.status == 403 && reply.problem == "forbidden")
            #expect(reply.text("detail")?.contains("65534") == true)
        }
    }

    @Test func `a machine joins once with a token, and speaks for itself alone`() async throws {
        try await LiveServer.with { server in
            let made = try await server.curl("POST", "/v1/join-tokens", #"{"ttlSeconds":60}"#)
            #expect(made.status == 201)
            let token = try #require(made.text("token"))
            let joining = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(token)"])
            #expect(try await joining("GET", "/v1/hosts").status == 403)
            #expect(try await joining("GET", "/v1/whoami").text("role") == "joining")
            let bad = try await joining("POST", "/v1/join", #"{"name":"h1","vtep":"fe80::1","interface":"u0"}"#)
            #expect(bad.status == 422 && bad.text("field") == "spec.vtep")
            // Refused input does not use the token up; of many who come at once, one gets in.
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for number in 1...8 {
                    group.addTask {
                        try await joining(
                            "POST", "/v1/join",
                            #"{"name":"h\#(number)","vtep":"2001:db8::\#(number)","interface":"u0"}"#)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let joined = replies.filter { $0.status == 201 }
            #expect(
                joined.count == 1 && replies.allSatisfy { [201, 401, 409].contains($0.status) },
                "\(replies.map(\.body))")
            let name = try #require(joined.first?.text("host", "name"))
            let credential = try #require(joined.first?.text("credential"))
            #expect(try await joining("GET", "/v1/whoami").status == 401)
            let list = try await server.curl("GET", "/v1/hosts")
            #expect(list.body.contains("\"\(name)\"") && !list.body.contains("kch_"))

            let host = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(credential)"])
            try await server.make("/v1/hosts", #"{"name":"other","spec":{"vtep":"2001:db8::99","interface":"u0"}}"#)
            #expect(try await host("POST", "/v1/hosts/\(name)/lease").status == 204)
            #expect(try await host("POST", "/v1/hosts/other/lease").status == 403)
            #expect(try await host("GET", "/v1/hosts/\(name)").status == 403)
            #expect(try await host("GET", "/v1/projects/default/segments").status == 403)
            #expect(try await host("POST", "/v1/join-tokens", "{}").status == 403)
            #expect(try await server.curl("GET", "/v1/hosts/\(name)").text("status", "phase") == "up")

            let rotated = try await server.curl("POST", "/v1/hosts/\(name)/credential")
            let second = Curl(base: host.base, headers: ["Authorization: Bearer \(rotated.text("credential") ?? "")"])
            #expect(try await host("POST", "/v1/hosts/\(name)/lease").status == 401)
            #expect(try await second("POST", "/v1/hosts/\(name)/lease").status == 204)
            #expect(try await server.curl("DELETE", "/v1/hosts/\(name)").status == 204)
            #expect(try await second("POST", "/v1/hosts/\(name)/lease").status == 401)
        }
    }

    @Test func `a join token that was found too late lets nobody in`() async throws {
        try await withFolder { folder in
            let store = try await SQLiteStore.open(at: folder + "/store.db", logger: Logger(label: "test"))
            let tokens = TokenAuthenticator(store: store, known: KnownTokens(store: store)) { nil }
            let now = Timestamp.now
            let token = try await tokens.makeJoinToken(ttl: .seconds(60), now: now)
            func verdict(_ seconds: Int64) async throws -> Verdict {
                let request = CheckedRequest(
                    authorization: "Bearer \(token.text)", method: "POST", path: "/v1/join", peer: .tcp("2001:db8::1"))
                return try await tokens.check(request, now: Timestamp(milliseconds: now.milliseconds + seconds * 1000))
            }
            guard case .allow(.joining) = try await verdict(59) else {
                Issue.record("the token is refused in its time")
                return
            }
            let refused = Verdict.deny(
                "the join token was used, has expired, or is of another cloud: "
                    + "make one where the API runs, with `kcd token create`")
            #expect(try await verdict(60) == refused)
            // The next one that is made takes it away.
            let later = Timestamp(milliseconds: now.milliseconds + 61_000)
            _ = try await tokens.makeJoinToken(ttl: .seconds(60), now: later)
            #expect(try await verdict(0) == refused)
            await store.close()
        }
    }

    @Test func `no secret is in the store`() async throws {
        try await LiveServer.with { server in
            let made = try await server.curl("POST", "/v1/join-tokens", "{}")
            try await server.make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            let credential = try await server.curl("POST", "/v1/hosts/h1/credential").text("credential")
            for secret in [server.token, made.text("token"), credential] {
                let secret = try #require(secret)
                for name in ["store.db", "store.db-wal"] {
                    let bytes = try Data(contentsOf: URL(filePath: server.folder + "/" + name))
                    #expect(bytes.range(of: Data(secret.utf8)) == nil)
                }
            }
            let mode = try FileManager.default.attributesOfItem(atPath: server.folder + "/admin.token")[
                .posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test func `off loopback there is only TLS`() throws {
        for text in ["[2001:db8::1]:8440", "[::]:8440", "0.0.0.0:8440", "192.0.2.1:8440", "host.example:8440"] {
            let address = try ListenAddress(text)
            #expect(address.wantsTLS)
            #expect(throws: Listener.Refusal.self) { try Listener(address, tls: nil) }
        }
        for text in ["[::1]:8440", "127.0.0.1:1", "127.9.9.9:80", "localhost:8440", "http://[::1]:9"] {
            #expect(try !ListenAddress(text).wantsTLS)
        }
        #expect(try ListenAddress("https://[::1]:9").wantsTLS)
        for text in ["", ":", "8440", "::1:8440", "[::1]", "[::1]:0", "[::1]:70000", "h:x", "a b:1"] {
            #expect(throws: Listener.Refusal.self) { try ListenAddress(text) }
        }
    }
}
