import APIClient
import Foundation
import Testing
import Waiting

/// What users are told by a server whose etcd is not there, or takes nothing more.
@Suite struct ServerFaultTests {
    @Test func `a server that starts before its etcd waits, says so, and serves when it comes`() async throws {
        try await TestEtcd.with(isStarted: false) { etcd in
            let server = try Server(0, etcd)
            defer { server.kill9() }
            try await eventually("it says what it waits for", server.log, within: .seconds(40)) {
                server.log().contains("etcd does not serve yet")
            }
            // Nobody is served by half a server.
            #expect(server.ask("GET", "/readyz").status == 0)
            try etcd.start(0)
            try await server.serves()
            #expect(server.ask("POST", "/v1/projects", #"{"name":"web","spec":{}}"#).status == 201)
            // It goes, and comes back, under a server that runs.
            etcd.kill9(0)
            try await eventually("writes are refused", within: .seconds(45)) {
                let refused = server.ask("POST", "/v1/projects", #"{"name":"lost","spec":{}}"#)
                return refused.status == 503 && refused.body.contains("unavailable")
            }
            try etcd.start(0)
            try await eventually("writes are taken again", server.log, within: .seconds(30)) {
                server.ask("POST", "/v1/projects", #"{"name":"more","spec":{}}"#).status == 201
            }
            #expect(server.ask("GET", "/v1/projects/web").status == 200)
        }
    }

    @Test func `at etcd's quota writes are refused with 507, reads go on, and it is over as the guide says`()
        async throws
    {
        try await TestEtcd.with(extra: ["--quota-backend-bytes", "5000000"]) { etcd in
            let server = try Server(0, etcd)
            defer { server.kill9() }
            try await server.serves()
            func put(_ name: String) -> Server.Answer {
                server.ask("POST", "/v1/projects", #"{"name":"\#(name)","spec":{}}"#)
            }
            for name in ["web", "db"] { #expect(put(name).status == 201) }
            // Of what fills it nothing is needed any more: earlier values of one key.
            let filling = String(repeating: "x", count: 100_000)
            var isFull = false
            for _ in 0..<100 where !isFull {
                do { try etcd.control("put", "/filling", filling) } catch { isFull = true }
            }
            #expect(isFull)
            let refused = put("lost")
            #expect(refused.status == 507, "\(refused)")
            #expect(refused.body.contains("quota"), "\(refused)")
            for name in ["web", "db"] { #expect(server.ask("GET", "/v1/projects/\(name)").status == 200, "\(name)") }
            #expect(server.ask("GET", "/v1/projects/lost").status == 404)
            // What an operator does: compact to now, defragment, end the alarm.
            let status = try etcd.control("endpoint", "status", "-w", "json")
            let revision = try #require(
                status.components(separatedBy: #""revision":"#).dropFirst().first?.prefix { $0.isNumber })
            try etcd.control("compact", "--physical", String(revision))
            try etcd.control("defrag", "--cluster")
            try etcd.control("alarm", "disarm")
            try await eventually("writes are taken again", server.log) {
                put("more").status == 201
            }
            for name in ["web", "db", "more"] {
                #expect(server.ask("GET", "/v1/projects/\(name)").status == 200, "\(name)")
            }
        }
    }

    @Test func `a name that leads to several addresses is followed to the one that serves`() async throws {
        try await TestEtcd.with { etcd in
            let port = try FreePorts.take(1)[0]
            let server = try Server(0, etcd, extra: { _ in ["--listen", "127.0.0.1:\(port)"] })
            defer { server.kill9() }
            try await server.serves()
            let token = try String(contentsOfFile: server.folder + "/state/admin.token", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            // localhost is ::1, where nobody listens, and 127.0.0.1.
            let client = try APIClient(endpoint: Endpoint(parsing: "http://localhost:\(port)"), token: token)
            do {
                let answer = try await client.send(APIRequest(.get, ["v1", "whoami"]))
                #expect(answer.status == 200)
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    }
}
