import Foundation
import Glibc
import LinuxProcesses
import StoreContract
import Synchronization
import TestNamespaces
import Testing
import Waiting

/// One `kcd api`, or `kc-compute api`, asked over its Unix socket.
final class Server: Sendable {
    let number: Int
    /// Where its state is.
    let folder: String
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

    /// Waits until it serves.
    func serves() async throws {
        try await eventually("server \(number) serves", log, within: .seconds(60)) {
            ask("GET", "/readyz").status == 200
        }
    }

    struct Answer: CustomStringConvertible {
        var status = 0
        var revision: String?
        var body = ""
        var description: String { "\(status) \(body.prefix(300))" }

        func number(_ name: String) -> UInt64? {
            // A body that is no object has no members.
            let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
            return (object?[name] as? NSNumber)?.uint64Value
        }

        func text(_ name: String) -> String? {
            // A body that is no object has no members.
            let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
            return object?[name] as? String ?? (object?["status"] as? [String: Any])?[name] as? String
        }
    }

    /// Status 0 for no answer.
    /// - Parameter file: through which a body goes that is longer than an argument may be.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, authorization: String? = nil, ifMatch: String? = nil,
        file: String? = nil
    ) -> Answer {
        var words = ["-s", "-i", "-m", "15", "--unix-socket", folder + "/api.sock", "-X", method]
        if let body {
            var data = body
            if let file, FileManager.default.createFile(atPath: file, contents: Data(body.utf8)) { data = "@" + file }
            words += ["-H", "Content-Type: application/json", "-d", data]
        }
        if let authorization { words += ["-H", "Authorization: \(authorization)"] }
        if let ifMatch { words += ["-H", "If-Match: \"\(ifMatch)\""] }
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
