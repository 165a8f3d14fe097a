import Foundation
import Resources
import Testing
import Waiting

/// A real `kcd api` on a folder and a socket of its own, and the real `kcnet` as a process.
struct Cloud: Sendable {
    let folder: String
    var socket: String { "\(folder)/api.sock" }
    var computeSocket: String { "\(folder)/compute.sock" }

    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String
        var lines: [String] { output.split(separator: "\n").map(String.init) }
        func json() throws -> JSONNode { try JSONParser.parse(Array(output.utf8)) }
    }

    /// Where the programs under test are: beside each other in the build folder of this package.
    static var programs: String {
        if let folder = ProcessInfo.processInfo.environment["KC_BIN"] { return folder }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.appendingPathComponent(".build/debug").path
    }

    /// Runs a server while `body` runs; ends it and removes its folder afterwards, also on failure.
    /// - Parameter compute: with `kc-compute api` beside it.
    static func with(compute: Bool = false, _ body: (Cloud) async throws -> Void) async throws {
        let cloud = Cloud(folder: "/tmp/kc-cli-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
        try FileManager.default.createDirectory(atPath: cloud.folder, withIntermediateDirectories: false)
        defer {
            // Best effort: a test's folder in /tmp that stays hurts nothing.
            try? FileManager.default.removeItem(atPath: cloud.folder)
        }
        let log = FileManager.default.createFile(atPath: "\(cloud.folder)/log", contents: nil)
        #expect(log)
        var servers = [
            try cloud.serve(
                "kcd", "--state-dir", "\(cloud.folder)/state", "--socket", cloud.socket, "--compute-socket",
                cloud.computeSocket)
        ]
        if compute { servers.append(try cloud.serveCompute()) }
        func end() {
            for server in servers where server.isRunning {
                kill(server.processIdentifier, SIGKILL)
                server.waitUntilExit()
            }
        }
        do {
            try await eventually { try await cloud.kcnet("whoami").status == 0 }
            if compute { try await eventually { try await cloud.kc("type", "list").status == 0 } }
            try await body(cloud)
        } catch {
            end()
            // The log is for whoever looks at the failure; without it the failure still stands.
            print((try? String(contentsOfFile: "\(cloud.folder)/log", encoding: .utf8).suffix(4000)) ?? "")
            throw error
        }
        end()
    }

    private func serve(_ program: String, _ arguments: String...) throws -> Process {
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "\(Self.programs)/\(program)")
        server.arguments = ["api"] + arguments
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/log"))
        try handle.seekToEnd()
        server.standardError = handle
        server.standardOutput = handle
        try server.run()
        return server
    }

    /// `kc-compute api` on its state in the folder; whoever starts it ends it.
    func serveCompute() throws -> Process {
        try serve(
            "kc-compute", "--state-dir", "\(folder)/compute", "--socket", computeSocket, "--api", "unix:\(socket)",
            "--image-quota", "1", "--image-source", "::1/128", "--log-level", "warning")
    }

    /// Runs kc to its end against these servers.
    @discardableResult
    func kc(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) async throws -> Outcome {
        try await Self.run(
            "kc", arguments, input: input,
            environment: ["KC_API": "unix:\(socket)", "HOME": folder].merging(environment) { $1 }, folder: folder)
    }

    /// Runs kcnet to its end against this server.
    @discardableResult
    func kcnet(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) async throws
        -> Outcome
    {
        try await Self.run(
            "kcnet", arguments, input: input,
            environment: ["KC_API": "unix:\(socket)", "HOME": folder].merging(environment) { $1 }, folder: folder)
    }

    static func run(
        _ program: String, _ arguments: [String], input: String?, environment: [String: String], folder: String
    ) async throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(programs)/\(program)")
        process.arguments = arguments
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"].merging(environment) { $1 }
        let name = "\(folder)/run-\(UInt64.random(in: 0...UInt64.max))"
        for end in ["in", "out", "err"] {
            #expect(
                FileManager.default.createFile(
                    atPath: "\(name).\(end)", contents: end == "in" ? Data((input ?? "").utf8) : nil))
        }
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: "\(name).in"))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(name).out"))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(name).err"))
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return Outcome(
            status: status, output: try String(contentsOfFile: "\(name).out", encoding: .utf8),
            errors: try String(contentsOfFile: "\(name).err", encoding: .utf8))
    }

    /// Starts kcnet and gives the process; its output goes to the file.
    func start(_ arguments: String..., output: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(Self.programs)/kcnet")
        process.arguments = arguments
        process.environment = ["KC_API": "unix:\(socket)", "HOME": folder, "PATH": "/usr/bin:/bin"]
        #expect(FileManager.default.createFile(atPath: output, contents: nil))
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    func write(_ name: String, _ text: String) throws -> String {
        let path = "\(folder)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }
}
