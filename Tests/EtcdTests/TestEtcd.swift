import EtcdStore
import FoundationEssentials
import Glibc
import LinuxProcesses
import Logging
import Persistence
import Resources
import StoreContract
import Synchronization
import TestNamespaces
import Testing
import Waiting

/// Members of an etcd of a test's own: real ones, on loopback, with their data in a folder that ends with the test.
final class TestEtcd: Sendable {
    struct Member: Sendable {
        var name: String
        var client: String
        var peer: String
        var arguments: [String]
    }

    let folder: String
    let members: [Member]
    private let processes = Mutex<[Int: pid_t]>([:])

    /// What KC asks of members (operator guide), and elections in half of the usual time.
    static let usual = ["--max-txn-ops", "20000", "--max-request-bytes", "50331648"]

    /// - Parameter extra: further arguments of each member.
    init(members count: Int = 1, extra: [String] = []) throws {
        folder = FileManager.default.temporaryDirectory.path + "/kc-etcd-\(getpid())-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let ports = try FreePorts.take(2 * count)
        let peers = (0..<count).map { "m\($0)=http://127.0.0.1:\(ports[2 * $0 + 1])" }
        members = (0..<count).map { [folder] number in
            let client = "http://127.0.0.1:\(ports[2 * number])"
            let peer = "http://127.0.0.1:\(ports[2 * number + 1])"
            return Member(
                name: "m\(number)", client: client, peer: peer,
                arguments: [
                    "--name", "m\(number)", "--data-dir", "\(folder)/m\(number)", "--listen-client-urls", client,
                    "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                    peer,
                    "--initial-cluster", peers.joined(separator: ","), "--initial-cluster-token", folder, "--logger",
                    "zap", "--log-level", "error",
                ] + Self.usual + extra)
        }
    }

    /// Runs `body` with members that answer, and ends them.
    static func with<T: Sendable>(
        members: Int = 1, extra: [String] = [], _ body: (TestEtcd) async throws -> T
    ) async throws -> T {
        let etcd = try TestEtcd(members: members, extra: extra)
        defer { etcd.end() }
        for index in etcd.members.indices { try etcd.start(index) }
        try await etcd.answers()
        return try await body(etcd)
    }

    func start(_ index: Int) throws {
        let log = open("\(folder)/m\(index).log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw Timeout(description: "no log for etcd") }
        defer { close(log) }
        let pid = try ChildProcess.spawn("/usr/bin/etcd", members[index].arguments, output: log, error: log)
        processes.withLock { $0[index] = pid }
    }

    func signal(_ index: Int, _ number: Int32) {
        guard let pid = processes.withLock({ $0[index] }) else { return }
        kill(pid, number)
    }

    /// `kill -9`, and waits until it is gone.
    func kill9(_ index: Int) {
        guard let pid = processes.withLock({ $0.removeValue(forKey: index) }) else { return }
        kill(pid, SIGKILL)
        _ = ChildProcess.wait(pid)
    }

    func end() {
        for index in members.indices { kill9(index) }
        // Left-overs of a failed test harm nobody: the folder is under the temporary one, and named by process.
        try? FileManager.default.removeItem(atPath: folder)
    }

    func options(_ change: (inout EtcdOptions) -> Void = { _ in }) throws -> EtcdOptions {
        var options = try EtcdOptions(endpoints: members.map { try EtcdEndpoint($0.client) })
        change(&options)
        return options
    }

    func store(_ change: (inout EtcdOptions) -> Void = { _ in }) throws -> EtcdStore {
        EtcdStore(try options(change), logger: quiet)
    }

    /// Waits until the cluster takes reads.
    func answers() async throws {
        let store = try store { $0.patience = .seconds(1) }
        try await eventually("etcd answers", { self.logs }, within: .seconds(30)) {
            do { return try await store.currentRevision() > .zero } catch { return false }
        }
        await store.close()
    }

    var logs: String {
        members.indices.map { index in
            // A member that has not begun has no log.
            let text = (try? Data(contentsOf: URL(filePath: "\(folder)/m\(index).log"))) ?? Data()
            return "m\(index): " + String(decoding: text.suffix(600), as: UTF8.self)
        }.joined(separator: "\n")
    }

    /// etcd's own client, to one member.
    @discardableResult
    func control(_ index: Int = 0, _ words: String...) throws -> String {
        try command(
            "/usr/bin/env", ["ETCDCTL_API=3", "/usr/bin/etcdctl", "--endpoints", members[index].client] + words)
    }
}

/// Ports of loopback that nobody listens on.
enum FreePorts {
    static func take(_ count: Int) throws -> [UInt16] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
                }
            }
            guard result == 0 else { throw Timeout(description: "no free port") }
            return UInt16(bigEndian: address.sin_port)
        }
    }
}

/// Faults are what many tests are about: their log lines would only hide others.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
