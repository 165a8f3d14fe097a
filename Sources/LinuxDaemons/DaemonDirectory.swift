import CLinux
import DaemonConfigs
import FoundationEssentials
import Glibc
import LinuxProcesses
import NodePorts

/// The files of one instance, in a directory of its own under the run directory: they outlive the agent, so that the
/// next one finds the daemon that is running.
struct DaemonDirectory {
    let path: String

    /// What the last start was, written right after it.
    struct Record: Codable, Hashable {
        var program: String
        var namespace: String?
        var pid: Int32
        /// Field 22 of /proc/PID/stat: with the pid it names one process for ever.
        var startTime: UInt64
    }

    private let pidFileName: String

    init(root: String, instance: String, program: DaemonSpec.Program = .radvd) {
        path = root + "/" + instance
        pidFileName = DaemonRecipe(program).pidFile
    }

    var configuration: String { path + "/configuration" }
    var candidate: String { path + "/configuration.new" }
    /// Written by the daemon itself.
    var pidFile: String { path + "/" + pidFileName }
    /// A FIFO: see ``DaemonLog``.
    var log: String { path + "/log" }
    private var record: String { path + "/process.json" }
    /// Is there from before a new configuration takes its place until the daemon was told of it.
    private var reloading: String { path + "/reloading" }

    /// Makes the directory and the log's FIFO; success when they are there.
    func make() throws(NodeError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("make directory") }
        guard mkfifo(log, 0o600) == 0 || errno == EEXIST else { throw failure("make FIFO") }
    }

    func remove() throws(NodeError) {
        // Also what the daemon itself has put there: leases, sockets, locks. Absent: nothing to remove.
        for file in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] { unlink(path + "/" + file) }
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure("remove directory") }
    }

    /// nil when there is none, or none that can be read.
    func readConfiguration() -> String? { read(configuration) }

    func writeCandidate(_ text: String) throws(NodeError) { try write(text, to: candidate) }

    /// Puts the candidate in the configuration's place; `isReloading` until `reloadIsDone`.
    func accept(reloading isReloading: Bool) throws(NodeError) {
        if isReloading { try write("", to: reloading) }
        guard rename(candidate, configuration) == 0 else { throw failure("replace configuration") }
    }

    func reloadIsDone() { unlink(reloading) }

    var isReloading: Bool { access(reloading, F_OK) == 0 }

    func readRecord() -> Record? {
        guard let text = read(record) else { return nil }
        // A damaged record is as good as none: the daemon's own pid file and its command line decide then.
        return try? JSONDecoder().decode(Record.self, from: Data(text.utf8))
    }

    func write(_ record: Record) throws(NodeError) {
        let text: String
        do {
            text = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        } catch {
            throw NodeError(.program, operation: "write record", subject: path, message: "\(error)")
        }
        try write(text, to: self.record + ".new")
        guard rename(self.record + ".new", self.record) == 0 else { throw failure("replace record") }
    }

    func readPID() -> ProcessID? {
        read(pidFile).flatMap { Int32($0.prefix { $0.isNumber }) }.flatMap { $0 > 1 ? $0 : nil }
    }

    /// A daemon that is gone left it, and a lock on it may linger.
    func removePIDFile() { unlink(pidFile) }

    private func read(_ file: String) -> String? {
        guard let descriptor = try? FileDescriptor.open(file, O_RDONLY) else { return nil }  // absent: nothing to read
        var bytes = [UInt8](repeating: 0, count: Self.largestFile)
        var got = 0
        while got < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor.raw, $0.baseAddress.map { $0 + got }, $0.count - got)
            }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            got += count
        }
        return String(decoding: bytes[..<got], as: UTF8.self)
    }

    private func write(_ text: String, to file: String) throws(NodeError) {
        let descriptor = try FileDescriptor.open(file, O_WRONLY | O_CREAT | O_TRUNC)
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor.raw, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure("write") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// A thousand segments of a gateway are 400 KiB.
    static let largestFile = 4 << 20

    private func failure(_ operation: String) -> NodeError {
        NodeError(.errno(errno), operation: operation, subject: path)
    }
}
