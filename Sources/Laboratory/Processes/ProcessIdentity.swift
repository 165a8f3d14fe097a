import FoundationEssentials
import Glibc
package import Resources

/// One process for all time: its id and the moment it started, so that a later process with the same id is never taken
/// for it.
package struct ProcessIdentity: Hashable, Sendable {
    package let pid: Int32
    /// Clock ticks after boot (proc(5), stat field 22).
    package let started: UInt64

    /// The process that has this id now; nil when there is none or it has ended. A zombie has, once it is alone: while
    /// other threads of a killed process are still on their way out, its files and locks are too.
    package init?(pid: Int32) {
        guard let stat = Self.stat(pid), stat.state != "X", stat.state != "Z" || stat.threads > 1 else { return nil }
        self.pid = pid
        self.started = stat.started
    }

    package var isRunning: Bool { ProcessIdentity(pid: pid) == self }

    /// Sends a signal, to this process alone. False when it has ended.
    @discardableResult
    package func signal(_ signal: Int32) -> Bool { isRunning && kill(pid, signal) == 0 }

    /// Takes the exit status of an ended child of ours; does nothing for others' children.
    package func reap() {
        var status: Int32 = 0
        _ = waitpid(pid, &status, WNOHANG)
    }

    /// Every process of the machine that still runs.
    package static func all() -> [ProcessIdentity] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: "/proc") } catch {
            // No /proc, no processes to be seen: the callers' own checks say what is missing.
            return []
        }
        return names.compactMap { Int32($0) }.compactMap { ProcessIdentity(pid: $0) }
    }

    private static func stat(_ pid: Int32) -> (state: Character, threads: Int, started: UInt64)? {
        guard let text = procText("/proc/\(pid)/stat"),
            // The name stands in parentheses and may hold anything, more of them too.
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let state = fields[0].first, let threads = Int(fields[17]),
            let started = UInt64(fields[19])
        else { return nil }
        return (state, threads, started)
    }
}

/// A file of /proc, which has no size to ask for; nil when the process has gone meanwhile.
func procText(_ path: String) -> String? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(fd, &buffer, buffer.count)
        guard count >= 0 else { return nil }
        if count == 0 { break }
        text += buffer[..<count]
    }
    return String(decoding: text, as: UTF8.self)
}

extension ProcessIdentity: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let pid = try reader.required("pid", as: Int.self)
        guard let pid = Int32(exactly: pid), pid > 1 else {
            throw FieldError(field: reader.path(of: "pid"), rule: "must be a process id")
        }
        self.pid = pid
        started = try reader.required("started")
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("pid", Int(pid))
            writer.member("started", started)
        }
    }
}
