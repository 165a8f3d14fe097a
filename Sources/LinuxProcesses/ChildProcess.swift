import CLinux
import Glibc
package import NodePorts

/// A process id (pid_t).
package typealias ProcessID = Int32

/// Starts a program in the network namespace of the calling thread.
///
/// posix_spawn(3) of glibc clones the calling thread, so the child inherits that thread's namespaces. All signals are
/// unblocked and at their default in it, whatever the parent's threads block or ignore; no descriptor but the three
/// given ones reaches it.
package enum ChildProcess {
    /// - Parameters:
    ///   - path: absolute; no PATH is searched and no shell is involved.
    ///   - arguments: without the program's own name, which is put in front.
    ///   - input: descriptor of the child's standard input; nil is /dev/null, also for the others.
    ///   - newSession: whether the child leaves the parent's session (setsid), so that nothing sent to the parent's
    ///     process group or terminal reaches it.
    /// - Throws: `program` with the errno's text when it cannot be started.
    package static func spawn(
        _ path: String, _ arguments: [String], input: Int32? = nil, output: Int32? = nil, error: Int32? = nil,
        newSession: Bool = false
    ) throws(NodeError) -> ProcessID {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A descriptor below 3 would be overwritten by the first duplications before its own; ours never are below,
        // since a process has its first three open.
        for (number, descriptor) in [(Int32(0), input), (1, output), (2, error)] {
            if let descriptor {
                posix_spawn_file_actions_adddup2(&actions, descriptor, number)
            } else {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", number == 0 ? O_RDONLY : O_WRONLY, 0)
            }
        }
        clinux_close_from(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        if newSession { flags |= Int32(CLINUX_POSIX_SPAWN_SETSID) }
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words = ([path] + arguments).map { strdup($0) } + [nil]
        // Fixed: what a daemon reads from its environment must not depend on who started the agent.
        let settings = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"]
        var environment = settings.map { strdup($0) } + [nil]
        defer { for word in words + environment { free(word) } }
        var pid: pid_t = 0
        let failure = posix_spawn(&pid, path, &actions, &attributes, &words, &environment)
        guard failure == 0 else {
            throw NodeError(
                .program, operation: "start", subject: path, message: String(cString: strerror(failure)))
        }
        return pid
    }

    /// Takes the end of a child that has ended; nil when it runs, or is nobody's child of ours.
    package static func reap(_ pid: ProcessID) -> ProcessEnd? {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == pid ? ProcessEnd(waitStatus: status) : nil
    }

    /// Waits for a child that is about to end (killed, or its pipes closed). Blocks the calling thread.
    package static func wait(_ pid: ProcessID) -> ProcessEnd {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return ProcessEnd(waitStatus: status)
    }

    /// Runs a program to its end and takes what it writes, both outputs as one, at most 1 MiB. Blocks the calling
    /// thread.
    /// - Throws: errno ETIMEDOUT when it takes longer; it is then killed.
    package static func run(
        _ path: String, _ arguments: [String], within limit: Duration
    ) throws(NodeError) -> (ProcessEnd, output: String) {
        let pipe = try Pipe()
        let pid = try spawn(path, arguments, output: pipe.writing.raw, error: pipe.writing.raw)
        let source = pipe.keepingReading()
        let deadline = ContinuousClock.now + limit
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            var entry = pollfd(fd: source.raw, events: Int16(POLLIN), revents: 0)
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            let ready = poll(&entry, 1, Int32(clamping: Int(left / .milliseconds(1)) + 1))
            if ready < 0 { continue }
            guard ready > 0 else {
                kill(pid, SIGKILL)
                _ = wait(pid)
                throw NodeError(.errno(ETIMEDOUT), operation: "run", subject: path)
            }
            let count = read(source.raw, &piece, piece.count)
            if count <= 0 { break }
            if output.count < 1 << 20 { output += piece[..<count] }
        }
        return (wait(pid), String(decoding: output, as: UTF8.self))
    }
}

/// How a process ended (wait(2)).
package enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    init(waitStatus status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
    }

    package var description: String {
        switch self {
        case .exited(let code): "ended with status \(code)"
        case .killed(let signal): "was killed by signal \(signal)"
        }
    }
}
