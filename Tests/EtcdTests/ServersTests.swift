import Foundation
import Glibc
import LinuxProcesses
import NetworkModel
import StoreContract
import Synchronization
import TestNamespaces
import Testing
import Waiting

/// Three `kcd api` over three members of etcd, each with a socket of its own and nothing else in common.
@Suite struct ServersTests {
    @Test func `servers over one etcd are one API, and one of them is missed by nobody`() async throws {
        try await TestCluster.with { cluster in
            let servers = try (0..<3).map { try Server($0, cluster.etcd) }
            defer { for server in servers { server.kill9() } }
            for server in servers {
                try await eventually("server \(server.number) serves", server.log, within: .seconds(60)) {
                    server.ask("GET", "/readyz").status == 200
                }
            }
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
            try await miss(servers)
        }
    }

    @Test func `an agent is up at every server that one of them hears it at, and down when none does`() async throws {
        try await TestEtcd.with { etcd in
            let servers = try (0..<3).map { try Server($0, etcd) }
            defer { for server in servers { server.kill9() } }
            for server in servers {
                try await eventually("server \(server.number) serves", server.log, within: .seconds(60)) {
                    server.ask("GET", "/readyz").status == 200
                }
            }
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

    /// A client that goes on to the next server when one does not answer.
    private func miss(_ servers: [Server]) async throws {
        let written = Written()
        let writers = 3
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    // As KC's own clients do: one server while it answers, then the next.
                    var target = writer
                    for index in 0..<40 {
                        let name = "p-\(writer)-\(index)"
                        var tries: [Try] = []
                        try await eventually("\(name) is written") {
                            let begin = ContinuousClock.now
                            let answer = servers[target % servers.count].ask(
                                "POST", "/v1/projects", #"{"name":"\#(name)","spec":{}}"#)
                            tries.append(
                                Try(
                                    server: target % servers.count, status: answer.status,
                                    took: ContinuousClock.now - begin))
                            // Written by a first try whose answer was lost.
                            if answer.status == 201 || answer.status == 409 { return true }
                            target += 1
                            return false
                        }
                        written.add(name, tries)
                        // In the middle of what the first one asks.
                        if writer == 1, index == 15 { servers[0].kill9() }
                    }
                }
            }
            try await group.waitForAll()
        }
        let all = written.all
        let list = servers[2].ask("GET", "/v1/projects?limit=1000&consistent=true")
        for (name, _) in all { #expect(list.body.contains("\"\(name)\""), "\(name) is lost") }
        #expect(all.count == 40 * writers)
        // A busy machine makes every request long; what a dead server adds is the tries that failed, and what comes between.
        let behind = all.map { $0.tries }.filter { $0.count > 1 }
        let longest = behind.map { $0.dropLast().reduce(.zero) { $0 + $1.took } }.max() ?? .zero
        let plain = all.flatMap { $0.tries }.filter { $0.status == 201 }.map(\.took).max() ?? .zero
        print("errors behind a killed server for \(longest): \(behind); the longest request: \(plain)")
        #expect(!behind.isEmpty)
        #expect(longest < .seconds(1))
    }
}

/// One request of a client, and how it ended.
private struct Try: Sendable {
    var server: Int
    var status: Int
    var took: Duration
}

private final class Written: Sendable {
    private let state = Mutex<[(name: String, tries: [Try])]>([])

    var all: [(name: String, tries: [Try])] { state.withLock(\.self) }

    func add(_ name: String, _ tries: [Try]) { state.withLock { $0.append((name, tries)) } }
}

/// One `kcd api`, or `kc-compute api`, asked over its Unix socket.
final class Server: Sendable {
    let number: Int
    private let folder: String
    private let process: Mutex<pid_t?>

    var socket: String { folder + "/api.sock" }

    /// - Parameter extra: further arguments, with the server's folder.
    init(
        _ number: Int, _ etcd: TestEtcd, program: String = "kcd", extra: (_ folder: String) -> [String] = { _ in [] }
    ) throws {
        self.number = number
        folder = "\(etcd.folder)/server\(number)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let programs = (CommandLine.arguments[0] as NSString).deletingLastPathComponent
        let log = open(folder + "/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw Timeout(description: "no log for kcd") }
        defer { close(log) }
        // Each begins at another member.
        let members = etcd.members.indices.map { etcd.members[($0 + number) % etcd.members.count].client }
        process = Mutex(
            try LastingThread.spawn(
                [
                    programs + "/" + program, "api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock",
                    "--store", "etcd",
                ] + members.flatMap { ["--etcd", $0] } + extra(folder), log: log))
    }

    func kill9() {
        guard let pid = process.withLock({ $0.take() }) else { return }
        kill(pid, SIGKILL)
        _ = ChildProcess.wait(pid)
    }

    struct Answer: CustomStringConvertible {
        var status = 0
        var revision: String?
        var body = ""
        var description: String { "\(status) \(body.prefix(300))" }

        func text(_ name: String) -> String? {
            // A body that is no object has no members.
            let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
            return object?[name] as? String ?? (object?["status"] as? [String: Any])?[name] as? String
        }
    }

    /// Status 0 for no answer.
    func ask(_ method: String, _ path: String, _ body: String? = nil, authorization: String? = nil) -> Answer {
        var words = ["-s", "-i", "-m", "8", "--unix-socket", folder + "/api.sock", "-X", method]
        if let body { words += ["-H", "Content-Type: application/json", "-d", body] }
        if let authorization { words += ["-H", "Authorization: \(authorization)"] }
        // A server that is gone answers nothing, which is what is asked about.
        guard let text = try? command("/usr/bin/curl", words + ["http://localhost\(path)"]) else { return Answer() }
        let parts = text.components(separatedBy: "\r\n\r\n")
        let lines = parts[0].components(separatedBy: "\r\n")
        var answer = Answer()
        answer.status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        answer.revision = lines.first { $0.lowercased().hasPrefix("kc-revision:") }?.split(separator: " ").last
            .map(String.init)
        answer.body = parts.dropFirst().joined(separator: "\r\n\r\n")
        return answer
    }

    func log() -> String {
        // None before it begins.
        (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
    }
}
