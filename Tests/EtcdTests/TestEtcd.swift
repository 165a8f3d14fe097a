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
        /// As the store is given it.
        var client: String
        /// The program and its arguments.
        var words: [String]
    }

    let folder: String
    let members: [Member]
    private let processes = Mutex<[Int: pid_t]>([:])
    /// Closed at the end, also after a test that failed.
    private let stores = Mutex<[EtcdStore]>([])

    /// What KC asks of members (operator guide).
    static let usual = ["--max-txn-ops", "20000", "--max-request-bytes", "50331648"]

    init(folder: String, members: [Member]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.folder = folder
        self.members = members
    }

    static func newFolder() -> String {
        FileManager.default.temporaryDirectory.path + "/kc-etcd-\(getpid())-\(UUID().uuidString.prefix(8))"
    }

    /// Runs `body` with members on loopback that answer, and ends them.
    /// - Parameters:
    ///   - extra: further arguments.
    ///   - count: of members.
    static func with<T: Sendable>(
        extra: [String] = [], count: Int = 1, isStarted: Bool = true, _ body: (TestEtcd) async throws -> T
    ) async throws -> T {
        let folder = newFolder()
        let urls = try FreePorts.take(2 * count).map { "http://127.0.0.1:\($0)" }
        let peers = urls.suffix(count)
        let all = peers.enumerated().map { "m\($0.offset)=\($0.element)" }
        let members = zip(urls, peers).enumerated().map { index, urls in
            let words = arguments(index, folder: folder, client: urls.0, peer: urls.1, all: all) + extra
            return Member(client: urls.0, words: ["/usr/bin/etcd"] + words)
        }
        let etcd = try TestEtcd(folder: folder, members: members)
        return try await etcd.run(isStarted: isStarted, body)
    }

    static func arguments(_ index: Int, folder: String, client: String, peer: String, all: [String]) -> [String] {
        [
            "--name", "m\(index)", "--data-dir", "\(folder)/m\(index)", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", all.joined(separator: ","), "--initial-cluster-token", folder, "--logger", "zap",
            "--log-level", "error",
        ] + usual
    }

    func run<T: Sendable>(isStarted: Bool = true, _ body: (TestEtcd) async throws -> T) async throws -> T {
        defer { end() }
        do {
            if isStarted {
                for index in members.indices { try start(index) }
                try await answers()
            }
            let result = try await body(self)
            await closeStores()
            return result
        } catch {
            await closeStores()
            throw error
        }
    }

    private func closeStores() async {
        for store in stores.withLock({ $0 }) { await store.close() }
    }

    func start(_ index: Int) throws {
        let log = open("\(folder)/m\(index).log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw Timeout(description: "no log for etcd") }
        defer { close(log) }
        if members[index].client.hasPrefix("unix:") {
            // Left by one that was killed: etcd does not listen on a socket that is there.
            unlink(String(members[index].client.dropFirst(5)))
        }
        let pid = try LastingThread.spawn(members[index].words, log: log)
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

    /// Ends all members and starts others in their places, with what a snapshot holds and nothing else: as the operator
    /// guide says.
    func restore(from snapshot: String) throws {
        for index in members.indices { kill9(index) }
        for (index, member) in members.enumerated() {
            // What etcd was started with names the member; its value follows.
            let kept = ["--name", "--data-dir", "--initial-cluster", "--initial-advertise-peer-urls"].flatMap { name in
                zip(member.words, member.words.dropFirst()).first { $0.0 == name }.map { [$0.0, $0.1] } ?? []
            }
            try FileManager.default.removeItem(atPath: "\(folder)/m\(index)")
            try command(
                "/usr/bin/env", ["ETCDCTL_API=3", "/usr/bin/etcdctl", "snapshot", "restore", snapshot] + kept)
        }
        for index in members.indices { try start(index) }
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
        keeping(EtcdStore(try options(change), logger: quiet))
    }

    /// Closes a store at the end.
    func keeping(_ store: EtcdStore) -> EtcdStore {
        stores.withLock { $0.append(store) }
        return store
    }

    /// Waits until the cluster takes reads.
    func answers() async throws {
        let store = try store { $0.patience = .seconds(1) }
        try await eventually("etcd answers", logs, within: .seconds(30)) {
            do { return try await store.currentRevision() > .zero } catch { return false }
        }
        await store.close()
    }

    func logs() -> String {
        members.indices.map { index in
            // A member that has not begun has no log.
            let text = (try? Data(contentsOf: URL(filePath: "\(folder)/m\(index).log"))) ?? Data()
            return "m\(index): " + String(decoding: text.suffix(600), as: UTF8.self)
        }.joined(separator: "\n")
    }

    /// etcd's own client, to one member.
    @discardableResult
    func control(_ words: String...) throws -> String {
        try command("/usr/bin/env", ["ETCDCTL_API=3", "/usr/bin/etcdctl", "--endpoints", members[0].client] + words)
    }
}

/// Ports of loopback that nobody listens on, and that no connection gets as its own (ip_local_port_range begins at 32768):
/// they are free until somebody listens there, however much is connected meanwhile.
enum FreePorts {
    static func take(_ count: Int) throws -> [UInt16] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        var ports: [UInt16] = []
        for _ in 0..<1000 where ports.count < count {
            let port = UInt16.random(in: 12_000..<32_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if result == 0 { ports.append(port) }
        }
        guard ports.count == count else { throw Timeout(description: "no free port") }
        return ports
    }
}

/// Faults are what many tests are about: their log lines would only hide others.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
