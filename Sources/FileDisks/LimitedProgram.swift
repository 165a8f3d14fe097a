import ComputePorts
import Glibc
import LinuxProcesses
import NodePorts

/// A program that works on files of guests: as nobody, without capabilities, with bounds on time, memory, files and what it
/// may write. No shell, no PATH.
enum LimitedProgram {
    /// Debian's nobody and nogroup.
    static let nobody: UInt32 = 65534

    /// - Parameter writes: the largest file it may write, in bytes.
    static func run(
        _ path: String, _ arguments: [String], writes: UInt64, within limit: Duration
    ) throws(DiskStoreError) {
        let bounds = [
            "--cpu=30", "--as=\(1 << 30)", "--fsize=\(writes)", "--nofile=64", "--nproc=64", "--core=0",
        ]
        let identity = [
            "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
            "--bounding-set=-all",
        ]
        let program = path.split(separator: "/").last.map(String.init) ?? path
        let result: (ProcessEnd, output: String)
        do throws(NodeError) {
            result = try ChildProcess.run(
                "/usr/bin/prlimit", bounds + ["/usr/bin/setpriv"] + identity + [path] + arguments, within: limit)
        } catch {
            throw DiskStoreError(.failed, operation: program, cause: "\(error)")
        }
        guard result.0 == .exited(0) else {
            let words = result.output.split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
            let isFull = words.contains(String(cString: strerror(ENOSPC)))
            throw DiskStoreError(isFull ? .full : .failed, operation: program, cause: "\(result.0): \(words)")
        }
    }
}
