import Foundation
import Glibc
import HTTPServing
import Persistence
import Testing
import Waiting

/// Ten thousand connections that say nothing, to a server of its own process.
@Suite(.serialized) struct IdleTests {
    @Test func `ten thousand idle connections are kept, and others are answered as ever`() async throws {
        // A descriptor for each, in this process; the server raises its own limit.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 16_384)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try await withFolder { folder in
            let port = FreePorts.two()
            let process = Process()
            process.executableURL = URL(
                filePath: (CommandLine.arguments[0] as NSString).deletingLastPathComponent + "/kcd")
            process.arguments = [
                "api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock", "--listen",
                "127.0.0.1:\(port)", "--log-level", "error",
            ]
            process.standardError = FileHandle.nullDevice
            try process.run()
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            let socket = Curl(socket: folder + "/api.sock")
            try await eventually("the server is ready") { try await socket("GET", "/readyz").status == 200 }
            let token = try String(contentsOfFile: folder + "/state/admin.token", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            // Who has asked once may be silent for 75 s, which are not over on a machine that is slow.
            let idle = try await withThrowingTaskGroup(of: [KeptConnection].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await onThread {
                            try (0..<2_500).map { _ in
                                let connection = try KeptConnection(port, from: "127.0.0.1")
                                connection.ask("/healthz")
                                return connection
                            }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try await eventually("all are open", within: .seconds(20)) {
                try await socket("GET", "/metrics").body.contains(
                    #"kc_connections{transport="tcp",who="stranger"} 10000"#)
            }
            let begin = ContinuousClock.now
            for _ in 0..<20 {
                let connection = try KeptConnection(port, from: "127.0.0.2")
                #expect(try await connection.get("/v1/whoami", token: token).status == 200)
            }
            #expect(begin.duration(to: .now) < .seconds(5), "twenty new connections beside them")
            let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            let resident = try #require(
                status.split(separator: "\n").first { $0.hasPrefix("VmRSS") }?.split(separator: " ").compactMap {
                    Int($0)
                }
                .first)
            #expect(resident < 500 * 1024, "\(resident) KiB")
            #expect(idle.count == 10_000)
            #expect(
                try await socket("GET", "/metrics").body.contains(
                    #"kc_connections{transport="tcp",who="stranger"} 10000"#))
        }
    }
}
