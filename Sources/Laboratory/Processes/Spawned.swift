import CLinux
import Glibc
import Synchronization

/// A child with pipes on its three standard streams, until its end is collected.
struct Spawned: ~Copyable {
    private let pid: pid_t
    private let input: Int32
    private let output: Int32
    private let errors: Int32

    /// One spawn at a time: between `pipe` and FD_CLOEXEC another child could inherit a pipe's end and hold it open.
    private static let turn = Mutex(())

    /// - Throws: when the program does not exist or the machine is out of processes or descriptors.
    static func start(_ program: String, _ arguments: [String]) throws(LaboratoryError) -> Spawned {
        let started: Result<(pid_t, Int32, Int32, Int32), LaboratoryError> = turn.withLock { _ in
            var fds: [Int32] = []
            for _ in 0..<3 {
                var pair: [Int32] = [-1, -1]
                guard pipe(&pair) == 0 else {
                    for fd in fds { close(fd) }
                    return .failure(failure(program, errno))
                }
                for fd in pair { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
                fds += pair
            }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_adddup2(&actions, fds[0], 0)
            posix_spawn_file_actions_adddup2(&actions, fds[3], 1)
            posix_spawn_file_actions_adddup2(&actions, fds[5], 2)
            let result = spawn(program, arguments, &actions)
            for fd in [fds[0], fds[3], fds[5]] { close(fd) }
            switch result {
            case .success(let pid): return .success((pid, fds[1], fds[2], fds[4]))
            case .failure(let error):
                for fd in [fds[1], fds[2], fds[4]] { close(fd) }
                return .failure(error)
            }
        }
        let (pid, input, output, errors) = try started.get()
        return Spawned(pid: pid, input: input, output: output, errors: errors)
    }

    /// Starts a program that outlives its starter: a new session, standard input empty, both outputs appended to a file.
    static func detached(_ program: String, _ arguments: [String], log: String) throws(LaboratoryError) -> pid_t {
        let started: Result<pid_t, LaboratoryError> = turn.withLock { _ in
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
            return spawn(program, arguments, &actions)
        }
        return try started.get()
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ actions: inout posix_spawn_file_actions_t
    ) -> Result<pid_t, LaboratoryError> {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Not every library marks what it opens with FD_CLOEXEC. Another's end of a pipe in a daemon that lives on would
        // keep its reader from ever seeing the end.
        clinux_close_from(&actions, 3)
        // The child begins with no signal blocked and all at their defaults, whatever our host program has set.
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // In a session of its own, away from the terminal.
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(CLINUX_POSIX_SPAWN_SETSID))
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        argv.append(nil)
        defer { for pointer in argv { free(pointer) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, program, &actions, &attributes, argv, environ)
        guard code == 0 else { return .failure(failure(program, code)) }
        return .success(pid)
    }

    private static func failure(_ program: String, _ code: Int32) -> LaboratoryError {
        LaboratoryError(.program, operation: "start", subject: program, message: String(cString: strerror(code)))
    }

    /// Writes all of standard input and closes it.
    func give(_ bytes: [UInt8]) {
        defer { close(input) }
        guard !bytes.isEmpty else { return }
        // A child that ends without reading would end us by SIGPIPE: hold it back on this thread and take it away.
        var pipeSignal = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        if !rest.isEmpty {
            var now = timespec()
            sigtimedwait(&pipeSignal, nil, &now)
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }

    /// Reads both outputs to their ends, kills the child at the deadline, and reaps it.
    consuming func collect(timeout: Duration) -> Command.Result {
        let deadline = ContinuousClock.now + timeout
        var texts: [Int32: [UInt8]] = [output: [], errors: []]
        var isOpen: Set<Int32> = [output, errors]
        var hasTimedOut = false
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !isOpen.isEmpty {
            let left = deadline - ContinuousClock.now
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
            if milliseconds <= 0 {
                hasTimedOut = true
                break
            }
            var polls = isOpen.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&polls, nfds_t(polls.count), Int32(clamping: milliseconds)) > 0 else { continue }
            for one in polls where one.revents != 0 {
                let count = read(one.fd, &buffer, buffer.count)
                if count <= 0 {
                    isOpen.remove(one.fd)
                } else if texts[one.fd, default: []].count < Command.maximumOutput {
                    texts[one.fd, default: []] += buffer[..<count]
                }
            }
        }
        close(output)
        close(errors)
        var status: Int32 = 0
        // A child may close its outputs and go on: the deadline holds for its end too.
        while !hasTimedOut, waitpid(pid, &status, WNOHANG) == 0 {
            hasTimedOut = ContinuousClock.now >= deadline
            poll(nil, 0, 1)
        }
        if hasTimedOut {
            // The child leads a session of its own: its children end with it.
            kill(-pid, SIGKILL)
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        }
        let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        return Command.Result(
            status: code, output: String(decoding: texts[output] ?? [], as: UTF8.self),
            errors: String(decoding: texts[errors] ?? [], as: UTF8.self), hasTimedOut: hasTimedOut)
    }
}
