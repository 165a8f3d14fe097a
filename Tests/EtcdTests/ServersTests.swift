import APIClient
import Foundation
import Synchronization
import Testing
import Waiting

/// Three `kcd api` over three members of etcd, each with a socket of its own and nothing else in common.
@Suite struct ServersTests {
    @Test func `servers over one etcd are one API, and one of them is missed by nobody`() async throws {
        try await TestCluster.with { cluster in
            let ports = try FreePorts.take(3)
            let servers = try (0..<3).map { number in
                try Server(number, cluster.etcd, extra: { _ in ["--listen", "127.0.0.1:\(ports[number])"] })
            }
            defer { for server in servers { server.kill9() } }
            for server in servers { try await server.serves() }
            // Written at one, read at another.
            let made = servers[0].ask("POST", "/v1/projects", #"{"name":"web","spec":{}}"#)
            #expect(made.status == 201, "\(made)")
            let revision = try #require(made.revision)
            for server in servers {
                let read = server.ask("GET", "/v1/projects/web?minRevision=\(revision)")
                #expect(read.status == 200, "\(server.number): \(read)")
            }
            // A name is taken everywhere at once.
            #expect(servers[1].ask("POST", "/v1/projects", #"{"name":"web","spec":{}}"#).status == 409)
            try await revoke(servers)
            try await miss(servers, ports)
        }
    }

    @Test func `an agent is up at every server that one of them hears it at, and down when none does`() async throws {
        try await TestEtcd.with { etcd in
            let servers = try (0..<3).map { try Server($0, etcd) }
            defer { for server in servers { server.kill9() } }
            for server in servers { try await server.serves() }
            let host = servers[0].ask(
                "POST", "/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            #expect(host.status == 201, "\(host)")
            let made = servers[0].ask("POST", "/v1/hosts/h1/credential")
            let credential = try #require(made.text("credential"), "\(made)")
            func renew(_ server: Server) -> Int {
                server.ask("POST", "/v1/hosts/h1/lease", authorization: "Bearer \(credential)").status
            }
            func phase(_ server: Server) -> String? { server.ask("GET", "/v1/hosts/h1").text("phase") }
            #expect(renew(servers[0]) == 204)
            for server in servers {
                try await eventually("up at server \(server.number)") { phase(server) == "up" }
            }
            // The lease that this one granted lives on by renewals at another, past the 10 s it has by itself.
            servers[0].kill9()
            let left = Array(servers.dropFirst())
            let over = ContinuousClock.now + .seconds(13)
            try await eventually("the lease would have ended", within: .seconds(30)) {
                #expect(renew(left[0]) == 204)
                for server in left { #expect(phase(server) == "up") }
                return ContinuousClock.now > over
            }
            for server in left {
                try await eventually("down at server \(server.number)", within: .seconds(30)) {
                    phase(server) == "down"
                }
            }
        }
    }

    /// What one server takes away is refused by the others.
    private func revoke(_ servers: [Server]) async throws {
        let made = servers[0].ask(
            "POST", "/v1/projects/web/tokens", #"{"name":"ci","spec":{"role":"viewer"}}"#)
        #expect(made.status == 201, "\(made)")
        let secret = try #require(made.text("secret"), "\(made)")
        func status(_ server: Server) -> Int {
            server.ask("GET", "/v1/projects/web/segments", authorization: "Bearer \(secret)").status
        }
        try await eventually("the token lets in at server 1") { status(servers[1]) == 200 }
        #expect(servers[0].ask("DELETE", "/v1/projects/web/tokens/ci").status < 300)
        try await eventually("the token is refused at server 1", within: .seconds(2)) { status(servers[1]) == 401 }
    }

    /// Clients of KC's own, with connections that are open, lose one of their servers.
    private func miss(_ servers: [Server], _ ports: [UInt16]) async throws {
        let written = Written()
        let writers = 3
        // Written by whichever was the first, and by no other.
        let files = servers.map { $0.folder + "/state/admin.token" }
            .filter { FileManager.default.fileExists(atPath: $0) }
        #expect(files.count == 1, "\(files)")
        let file = try #require(files.first)
        let token = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    // Each begins at another server.
                    let addresses = (0..<3).map { "http://127.0.0.1:\(ports[($0 + writer) % 3])" }
                    let client = try APIClient(
                        endpoint: Endpoint(parsing: addresses.joined(separator: ",")), token: token)
                    do {
                        for index in 0..<40 {
                            let name = "p-\(writer)-\(index)"
                            written.add(name, try await Self.write(name, client))
                            // In the middle of what the first one asks.
                            if writer == 1, index == 15 { servers[0].kill9() }
                        }
                    } catch {
                        await client.shutdown()
                        throw error
                    }
                    await client.shutdown()
                }
            }
            try await group.waitForAll()
        }
        let all = written.all
        let list = servers[2].ask("GET", "/v1/projects?limit=1000&consistent=true")
        for (name, _) in all { #expect(list.body.contains("\"\(name)\""), "\(name) is lost") }
        #expect(all.count == 40 * writers)
        let longest = all.map(\.errors).max() ?? .zero
        print("errors behind a killed server for \(longest) at most; \(all.count { $0.errors > .zero }) writes had any")
        #expect(longest < .seconds(1))
    }

    /// Makes a project, trying again until it is there.
    /// - Returns: for how long there were errors.
    private static func write(_ name: String, _ client: APIClient) async throws -> Duration {
        let request = APIRequest(.post, ["v1", "projects"], body: Array(#"{"name":"\#(name)","spec":{}}"#.utf8))
        let begin = ContinuousClock.now
        var errors = Duration.zero
        try await eventually("\(name) is written") {
            do {
                _ = try await client.send(request)
                return true
            } catch let problem as APIProblem where problem.code == "name-taken" {
                // By a first try whose answer was lost.
                return true
            } catch is APIFailure {
                errors = ContinuousClock.now - begin
                return false
            }
        }
        return errors
    }
}

private final class Written: Sendable {
    private let state = Mutex<[(name: String, errors: Duration)]>([])

    var all: [(name: String, errors: Duration)] { state.withLock(\.self) }

    func add(_ name: String, _ errors: Duration) { state.withLock { $0.append((name, errors)) } }
}
