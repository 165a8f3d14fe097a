import Glibc
package import NodePorts

/// A program that works on files of guests: as nobody, without capabilities and without a network, with bounds on time,
/// memory, files and what it may write. No shell, no PATH.
package enum LimitedProgram {
    /// Debian's nobody and nogroup.
    package static let nobody: UInt32 = 65534

    package struct Bounds: Sendable {
        /// The largest file it may write, in bytes.
        package var writes: UInt64
        package var time: Duration
        package var processorSeconds: UInt64
        /// Of its address space, in bytes.
        package var memory: UInt64

        package init(writes: UInt64, time: Duration, processorSeconds: UInt64 = 30, memory: UInt64 = 1 << 30) {
            self.writes = writes
            self.time = time
            self.processorSeconds = processorSeconds
            self.memory = memory
        }
    }

    /// Runs it to its end. Blocks the calling thread.
    /// - Returns: how it ended, and its last three lines.
    package static func run(
        _ path: String, _ arguments: [String], _ bounds: Bounds
    ) throws(NodeError) -> (end: ProcessEnd, words: String) {
        // The kernel counts all threads of nobody on the machine; a qemu-img has up to 70, and eight run at once. Each
        // reserves address space: its stack, 8 MiB by default, and an arena of malloc, 64 MiB for each of 8 per
        // processor. Left so, the bound on memory ends one that has many threads for a moment.
        let limits = [
            "--cpu=\(bounds.processorSeconds)", "--as=\(bounds.memory)", "--fsize=\(bounds.writes)", "--nofile=64",
            "--nproc=1024", "--core=0", "--stack=\(1 << 20)",
        ]
        let identity = [
            "--reuid=\(nobody)", "--regid=\(nobody)", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
            "--bounding-set=-all",
        ]
        let wrapped =
            ["--net", "/usr/bin/prlimit"] + limits + ["/usr/bin/setpriv"] + identity
            + ["/usr/bin/env", "MALLOC_ARENA_MAX=1", path] + arguments
        let result = try ChildProcess.run("/usr/bin/unshare", wrapped, within: bounds.time)
        return (result.0, result.output.split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; "))
    }

    /// Whether what a program says means that there is no room.
    package static func isFull(_ words: String) -> Bool { words.contains(String(cString: strerror(ENOSPC))) }
}
