import CLinux
import Glibc
import LinuxProcesses
import NodePorts

/// A running process that is watched through a pidfd, whether it is our child or one that an earlier agent left.
final class DaemonProcess {
    let pid: ProcessID
    let startTime: UInt64
    private let handle: FileDescriptor

    /// - Throws: errno ESRCH when there is no such process.
    init(_ pid: ProcessID) throws(NodeError) {
        let raw = clinux_pidfd_open(pid)
        guard raw >= 0 else { throw NodeError(.errno(errno), operation: "open process", subject: "\(pid)") }
        handle = FileDescriptor(owning: raw)
        self.pid = pid
        guard let status = ProcessStatus(pid) else {
            throw NodeError(.errno(ESRCH), operation: "read process", subject: "\(pid)")
        }
        startTime = status.startTime
    }

    var descriptor: Int32 { handle.raw }

    /// Whether it has ended; waits so long at most.
    func hasEnded(within limit: Duration = .zero) -> Bool {
        let deadline = ContinuousClock.now + limit
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            let result = poll(&entry, 1, Int32(clamping: Int(left / .milliseconds(1))))
            if result > 0 { return true }
            if result == 0, ContinuousClock.now >= deadline { return false }
        }
    }

    /// A process that waits for nobody: stopped by a signal or a debugger, it serves nothing.
    var isStopped: Bool { ProcessStatus(pid)?.isStopped ?? false }

    func send(_ signal: Int32) { _ = clinux_pidfd_send_signal(descriptor, signal) }  // ESRCH: ended already

    /// After it has ended: how; nil when it is another's child.
    func reap() -> ProcessEnd? { ChildProcess.reap(pid) }
}

/// What /proc tells of a process.
struct ProcessStatus {
    /// One letter (proc(5)): R, S, D, Z, T (stopped), t (traced).
    let state: Character
    /// In clock ticks since boot.
    let startTime: UInt64

    /// By a signal. One that is traced is somebody's who looks into it, and goes on when they say.
    var isStopped: Bool { state == "T" }

    init?(_ pid: ProcessID) {
        // The name in parentheses may hold anything, so fields are counted after the last ")": state is field 3.
        guard let stat = Self.content(of: "/proc/\(pid)/stat"), let end = stat.lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
        guard fields.count > 19, let state = fields[0].first, let startTime = UInt64(fields[19]) else { return nil }
        self.state = state
        self.startTime = startTime
    }

    /// Whether the process has a handler for the signal (SigCgt of proc(5)): before it has, many signals end it.
    static func catches(_ signal: Int32, _ pid: ProcessID) -> Bool {
        guard let status = content(of: "/proc/\(pid)/status") else { return false }
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
        guard let mask = line.flatMap({ UInt64($0.dropFirst("SigCgt:\t".count), radix: 16) }) else { return false }
        return mask >> UInt64(signal - 1) & 1 == 1
    }

    /// Whether the process is in the network namespace that has this name now. True as well when there is none by that
    /// name: then nothing better can be had.
    static func isIn(_ namespace: String, _ pid: ProcessID) -> Bool {
        var named = stat()
        var own = stat()
        guard stat("/run/netns/\(namespace)", &named) == 0, stat("/proc/\(pid)/ns/net", &own) == 0 else { return true }
        return named.st_ino == own.st_ino && named.st_dev == own.st_dev
    }

    /// Whether the process runs this binary with exactly these words.
    static func isRunning(_ pid: ProcessID, _ binary: String, _ words: [String]) -> Bool {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/\(pid)/exe", &buffer, buffer.count)
        guard count > 0 else { return false }
        let program = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        // The binary of a daemon that outlived its package's upgrade.
        guard program == binary || program == binary + " (deleted)" else { return false }
        let line: [UInt8] = ([binary] + words).flatMap { Array($0.utf8) + [0] }
        return content(of: "/proc/\(pid)/cmdline") == line
    }

    private static func content(of path: String) -> [UInt8]? {
        guard let descriptor = try? FileDescriptor.open(path, O_RDONLY) else { return nil }  // the process is gone
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor.raw, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes[..<count])
    }
}
