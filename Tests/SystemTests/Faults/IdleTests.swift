import Foundation
import Glibc
import Laboratory
import Testing

extension SystemTests {
    /// Ten thousand connections that say nothing.
    struct IdleTests {
        /// What the script has seen, of a server that keeps them all.
        private struct Seen: Decodable {
            var idle: Int
            var strangers: Int
            var statuses: [Int]
            var seconds: Double
        }

        /// Opens the connections, asks for nothing more on them, and then asks twenty times on connections that are new.
        private static let script = """
            import json, resource, socket, sys, time
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
            port, token = int(sys.argv[1]), open(sys.argv[2]).read().strip()

            def ask(path, token=None):
                connection = socket.create_connection(("127.0.0.1", port), 30)
                words = "Authorization: Bearer %s\\r\\n" % token if token else ""
                connection.sendall(("GET %s HTTP/1.1\\r\\nHost: x\\r\\n%s\\r\\n" % (path, words)).encode())
                answer = b""
                while b"\\r\\n\\r\\n" not in answer:
                    answer += connection.recv(65536)
                head, _, body = answer.partition(b"\\r\\n\\r\\n")
                length = next(int(line.split(b":")[1]) for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length:"))
                while len(body) < length:
                    body += connection.recv(65536)
                return connection, int(head.split()[1]), body.decode()

            idle = [ask("/healthz")[0] for _ in range(10000)]
            begin = time.monotonic()
            answers = [ask("/v1/whoami", token) for _ in range(20)]
            seconds = time.monotonic() - begin
            metrics = ask("/metrics", token)[2]
            line = next(line for line in metrics.split("\\n") if line.startswith('kc_connections{transport="tcp",who="stranger"}'))
            print(json.dumps({"idle": len(idle), "strangers": int(line.split()[-1]),
                              "statuses": sorted({status for _, status, _ in answers}), "seconds": seconds}))
            """

        @Test func `ten thousand idle connections are kept, and others are answered as ever`() async throws {
            try await withSystem("one-host", desired: false) { system in
                // A server of its own, in clear: of TLS the connections would cost more than what is looked for.
                let machine = try system.machine("api")
                let folder = "/tmp/kc-idle-\(getpid())"
                // What cannot be removed now is in the system's folder for such things.
                defer { try? FileManager.default.removeItem(atPath: folder) }
                try machine.start(
                    role: "idle", "\(system.programs.folder)/kcd",
                    [
                        "api", "--state-dir", folder, "--socket", folder + "/api.sock", "--listen", "127.0.0.1:8499",
                        "--log-level", "error",
                    ])
                try await system.eventually("it serves") {
                    try await machine.command(
                        "curl", ["-sf", "http://127.0.0.1:8499/healthz", "-o", "/dev/null"]
                    ).run().status == 0
                }
                let output = try await machine.command(
                    "python3", ["-c", Self.script, "8499", folder + "/admin.token"], timeout: .seconds(70)
                ).check("open", "ten thousand connections")
                let seen = try JSONDecoder().decode(Seen.self, from: Data(output.utf8))
                #expect(seen.idle == 10_000)
                #expect(seen.strangers == 10_000, "none of them was closed")
                #expect(seen.statuses == [200])
                #expect(seen.seconds < 5, "twenty new connections beside them")
                let server = try #require(try machine.daemon("idle"))
                let status = try String(contentsOfFile: "/proc/\(server.process.pid)/status", encoding: .utf8)
                let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM") })
                let kibibytes = try #require(line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first)
                #expect(kibibytes < 500 * 1024)
                print("10,000 idle connections: \(kibibytes) KiB, twenty others in \(seen.seconds) s")
            }
        }
    }
}
