import Glibc
package import Persistence
package import Resources

/// A program of the operator's own that says who asks: it reads one JSON object on standard input and writes one on standard
/// output.
///
/// Asked: `{"authorization", "method", "path", "project"?, "peer"}`. Answers: `{"allow": {"name", "everywhere"?, "projects"?,
/// "expires"?}}`, `{"deny": REASON}` or `{"pass": true}`. One that takes too long, ends with another status than 0 or says
/// something else lets nobody in (503). The header is never an argument, which others on the machine could read.
package struct ProgramChecker: Checker {
    private let path: String
    private let arguments: [String]
    private let patience: Duration
    private let report: @Sendable (CheckerFailure) -> Void

    /// The longest answer, in bytes.
    static let maximumAnswer = 65_536

    package init(
        path: String, arguments: [String], patience: Duration,
        report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) {
        self.path = path
        self.arguments = arguments
        self.patience = patience
        self.report = report
    }

    package var challenge: String? { nil }

    package func check(_ request: CheckedRequest, now: Timestamp) async throws(StoreError) -> Verdict {
        let question = request.json
        let result = await Self.line.run(for: request.peer.network) {
            Result { () throws(CheckerFailure) in try run(question) }
        }
        guard let result else { return .busy(seconds: CheckerPlaces.patience) }
        do throws(CheckerFailure) { return try ExternalAnswer.verdict(try result.get(), of: path) } catch {
            report(error)
            throw StoreError(.unavailable, operation: "check", cause: "a program that checks has failed")
        }
    }

    /// As many at a time; others wait.
    private static let line = CheckerLine("kc.checkers", atOnce: 8)

    private func run(_ question: [UInt8]) throws(CheckerFailure) -> [UInt8] {
        // A socket for each way, and not one for both: a question that is left unread would reset the answer.
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &input) == 0 else {
            throw CheckerFailure(path, String(cString: strerror(errno)))
        }
        defer { close(input[0]) }
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &output) == 0 else {
            close(input[1])
            throw CheckerFailure(path, String(cString: strerror(errno)))
        }
        defer { close(output[0]) }
        let process: pid_t
        do throws(CheckerFailure) { process = try spawn(input[1], output[1]) } catch {
            close(input[1])
            close(output[1])
            throw error
        }
        close(input[1])
        close(output[1])
        var reaped = false
        defer {
            if !reaped {
                kill(process, SIGKILL)
                var status: Int32 = 0
                waitpid(process, &status, 0)
            }
        }
        _ = question.withUnsafeBytes { send(input[0], $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        shutdown(input[0], Int32(SHUT_WR))
        let answer = try read(output[0])
        var status: Int32 = 0
        // It has shut its output: it ends now, or is ended.
        for _ in 0..<100 where !reaped {
            reaped = waitpid(process, &status, WNOHANG) == process
            if !reaped { usleep(2000) }
        }
        guard reaped, status == 0 else { throw CheckerFailure(path, "must end with status 0 after its answer") }
        return answer
    }

    private func spawn(_ input: Int32, _ output: Int32) throws(CheckerFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        // Nothing of the server's own surroundings, in which there may be secrets.
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil]
        defer { free(environment[0]) }
        var process: pid_t = 0
        let code = posix_spawn(&process, path, &actions, nil, &words, &environment)
        guard code == 0 else { throw CheckerFailure(path, "cannot be run: \(String(cString: strerror(code)))") }
        return process
    }

    private func read(_ end: Int32) throws(CheckerFailure) -> [UInt8] {
        let limit = ContinuousClock.now + patience
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = ContinuousClock.now.duration(to: limit) / .milliseconds(1)
            var poll = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
            guard left > 0, Glibc.poll(&poll, 1, Int32(left.rounded(.up))) > 0 else {
                throw CheckerFailure(path, "must answer within \(patience)")
            }
            let count = Glibc.read(end, &buffer, buffer.count)
            guard count >= 0 else { throw CheckerFailure(path, String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= Self.maximumAnswer else {
                throw CheckerFailure(path, "must answer with at most \(Self.maximumAnswer) bytes")
            }
        }
    }
}
