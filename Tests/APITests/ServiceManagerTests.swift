import Foundation
import Glibc
import Testing
import Waiting

/// What a service manager like systemd is told (sd_notify(3)) by the programs as it would start them.
@Suite(.serialized) struct ServiceManagerTests {
    private func programs(_ arguments: [String], _ manager: Manager, watchdog: Bool = true) throws -> Process {
        let folder = (CommandLine.arguments[0] as NSString).deletingLastPathComponent
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments.map { ["kcd", "kc-compute"].contains($0) ? folder + "/" + $0 : $0 }
        var environment = ProcessInfo.processInfo.environment
        environment["NOTIFY_SOCKET"] = manager.address
        environment["WATCHDOG_USEC"] = watchdog ? "200000" : nil
        process.environment = environment
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private func folder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-manager-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test(arguments: [false, true])
    func `a server says that it serves when it does, that it lives, and that it ends`(isAbstract: Bool) async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let manager = try Manager(isAbstract ? "@kc-manager-\(UUID().uuidString)" : folder + "/notify")
        let api = try programs(
            ["kcd", "api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock"], manager)
        defer { if api.isRunning { kill(api.processIdentifier, SIGKILL) } }
        try await eventually("it is ready") { manager.heard().contains("READY=1") }
        // What is ordered after it finds it serving.
        #expect(try await Curl(socket: folder + "/api.sock")("GET", "/readyz").status == 200)
        let before = manager.heard().count { $0 == "WATCHDOG=1" }
        try await eventually("it lives") { manager.heard().count { $0 == "WATCHDOG=1" } >= before + 3 }
        kill(api.processIdentifier, SIGTERM)
        try await eventually("it ends") { !api.isRunning }
        #expect(manager.heard().last == "STOPPING=1")
        #expect(manager.heard().count { $0 == "READY=1" } == 1)
    }

    @Test func `the compute service says that it serves when it does, that it lives, and that it ends`() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let manager = try Manager(folder + "/notify")
        // Without the network's API, which it needs for ports alone.
        let api = try programs(
            [
                "kc-compute", "api", "--state-dir", folder + "/state", "--socket", folder + "/compute.sock", "--api",
                "unix:" + folder + "/nobody.sock",
            ], manager)
        defer { if api.isRunning { kill(api.processIdentifier, SIGKILL) } }
        try await eventually("it is ready") { manager.heard().contains("READY=1") }
        #expect(try await Curl(socket: folder + "/compute.sock")("GET", "/compute/readyz").status == 200)
        let before = manager.heard().count { $0 == "WATCHDOG=1" }
        try await eventually("it lives") { manager.heard().count { $0 == "WATCHDOG=1" } >= before + 3 }
        kill(api.processIdentifier, SIGTERM)
        try await eventually("it ends") { !api.isRunning }
        #expect(manager.heard().last == "STOPPING=1")
    }

    @Test func `a server that is held says nothing, and without a watchdog nobody is told that it lives`() async throws
    {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }  // else it stays in the system's temporary folder
        let manager = try Manager(folder + "/notify")
        let arguments = ["kcd", "api", "--state-dir", folder + "/state", "--socket", folder + "/api.sock"]
        let silent = try programs(arguments, manager, watchdog: false)
        defer { if silent.isRunning { kill(silent.processIdentifier, SIGKILL) } }
        try await eventually("it is ready") { manager.heard().contains("READY=1") }
        kill(silent.processIdentifier, SIGTERM)
        try await eventually("it ends") { !silent.isRunning }
        #expect(manager.heard() == ["READY=1", "STOPPING=1"])
        let held = try programs(arguments, manager)
        defer { if held.isRunning { kill(held.processIdentifier, SIGKILL) } }
        try await eventually("it lives") { manager.heard().contains("WATCHDOG=1") }
        kill(held.processIdentifier, SIGSTOP)
        // Stopped once the kernel says so; what it said before that is read away.
        try await eventually("it is held") {
            try String(contentsOfFile: "/proc/\(held.processIdentifier)/stat", encoding: .utf8).contains(") T ")
        }
        let last = manager.heard().count
        #expect(!manager.hears(within: .milliseconds(600)))
        #expect(manager.heard().count == last)
    }

    @Test func `an agent is ready when its host is as the last snapshot says, or there is none`() async throws {
        let folder = try folder()
        let namespace = "kc-manager-\(UUID().uuidString.prefix(8))"
        try run(["ip", "netns", "add", namespace])
        defer {
            try? run(["ip", "netns", "del", namespace])  // the check for leftovers says when it stays
            try? FileManager.default.removeItem(atPath: folder)  // else it stays in the system's temporary folder
        }
        let manager = try Manager(folder + "/notify")
        let agent = try programs(
            [
                "ip", "netns", "exec", namespace, "kcd", "node", "--host", "h1", "--socket", folder + "/nobody.sock",
                "--state-dir", folder + "/node", "--run-dir", folder + "/run",
            ], manager)
        defer { if agent.isRunning { kill(agent.processIdentifier, SIGKILL) } }
        // Nobody answers for the API, and nothing was desired before: a boot does not wait for it.
        try await eventually("it is ready") { manager.heard().contains("READY=1") }
        try await eventually("it lives") { manager.heard().contains("WATCHDOG=1") }
        kill(agent.processIdentifier, SIGTERM)
        try await eventually("it ends") { !agent.isRunning }
        #expect(manager.heard().last == "STOPPING=1")
    }

    private func run(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments)")
    }
}

/// A service manager's socket, and what was said on it so far.
private final class Manager {
    let address: String
    private let descriptor: Int32
    private var said: [String] = []

    init(_ address: String) throws {
        self.address = address
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var bytes = Array(address.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(bound == 0, "\(address): \(String(cString: strerror(errno)))")
    }

    deinit { close(descriptor) }

    /// All lines so far.
    func heard() -> [String] {
        while hears(within: .zero) {}
        return said
    }

    /// Whether something is said within the time; it is kept.
    func hears(within time: Duration) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, Int32(time / .milliseconds(1))) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        said += String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
        return true
    }
}
