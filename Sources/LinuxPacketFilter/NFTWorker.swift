import CMnl
import Glibc
import LinuxProcesses
import NodePorts

/// The kc-nft process of one namespace: started when first asked for, again when it has gone idle.
///
/// Lives on the filter's thread; a request blocks that thread until the answer.
final class NFTWorker {
    /// The first byte of a request (Sources/kc-nft/main.c).
    enum Command: UInt8 {
        case run = 0
        case check = 1
    }

    private enum Status: UInt8 {
        case done = 0
        case refused = 1
        case malformed = 2
        case idle = 3
    }

    private let path: String
    private let idleSeconds: Int
    private let limit: Duration
    private var process: Process?

    private struct Process: ~Copyable {
        let pid: ProcessID
        let requests: FileDescriptor
        let answers: FileDescriptor
    }

    /// Of an answer; kc-nft's own limit.
    private static let largestText = 16 << 20

    /// - Parameters:
    ///   - path: of the kc-nft binary, absolute.
    ///   - limit: how long one request may take; then the process is killed and nothing is assumed.
    init(path: String, idleSeconds: Int = 30, limit: Duration = .seconds(60)) {
        self.path = path
        self.idleSeconds = idleSeconds
        self.limit = limit
    }

    deinit { end() }

    /// The running process; netlink uses it as the port of its first socket.
    var pid: ProcessID? { process?.pid }

    /// Where it says, unasked, that it goes; nil while it does not run.
    var descriptor: Int32? { process?.answers.raw }

    /// It said so, or ended: between requests there is nothing else to hear.
    func left() { end() }

    /// Starts it beside the caller, who will soon have something for it.
    func prepare() {
        // Whoever asks it then is told why it cannot be started.
        do throws(NodeError) { if process == nil { try start() } } catch {}
    }

    /// Hands over one text, which is one transaction.
    /// - Returns: nft's output.
    /// - Throws: `program` with nft's errors when it refused, and nothing was changed; `protocolViolation` or an errno
    ///   when the process ended or hung in the middle: nothing is known then, and the caller must look.
    func submit(_ text: String, _ command: Command) throws(NodeError) -> String {
        // Once more when the process said that it was leaving: then it has not looked at the request.
        for _ in 0..<3 {
            if process == nil { try start() }
            if let output = try exchange(text, command) { return output }
            end()
        }
        throw failure(.program, "it leaves each time before it is asked")
    }

    private func start() throws(NodeError) {
        let requests = try Pipe()
        let answers = try Pipe()
        try requests.writing.setNonblocking()
        try answers.reading.setNonblocking()
        let pid = try ChildProcess.spawn(
            path, [String(idleSeconds)], input: requests.reading.raw, output: answers.writing.raw)
        process = Process(pid: pid, requests: requests.keepingWriting(), answers: answers.keepingReading())
    }

    /// Closes its input, which ends it; kills it in case it does not read.
    private func end() {
        guard let process = process.take() else { return }
        kill(process.pid, SIGKILL)
        _ = ChildProcess.wait(process.pid)
    }

    /// - Returns: nil when the process went idle before it saw the request.
    private func exchange(_ text: String, _ command: Command) throws(NodeError) -> String? {
        let deadline = ContinuousClock.now + limit
        do throws(NodeError) {
            let body = Array(text.utf8)
            let length = UInt32(body.count).bigEndian
            let head = [command.rawValue] + withUnsafeBytes(of: length, Array.init)
            // EPIPE here comes from a process that is gone; what it said before decides.
            let wasSent = try write(head + body, until: deadline)
            let answer = try read(5, until: deadline)
            guard let status = Status(rawValue: answer[0]) else {
                throw failure(.protocolViolation, "status \(answer[0])")
            }
            let count = answer[1...].reduce(0) { $0 << 8 | Int($1) }
            guard count <= Self.largestText else { throw failure(.protocolViolation, "an answer of \(count) bytes") }
            let words = String(decoding: try read(count, until: deadline), as: UTF8.self)
            switch status {
            case .idle: return nil
            case .done where wasSent: return words
            case .done: throw failure(.protocolViolation, "an answer to a request that it did not get")
            case .refused: throw failure(.program, words)
            case .malformed:
                end()
                throw failure(.program, words)
            }
        } catch {
            // Whatever is still on its way belongs to this request: the next one starts with a new process.
            if error.code != .program { end() }
            throw error
        }
    }

    /// - Returns: whether all was written; false when the process no longer reads.
    private func write(_ bytes: [UInt8], until deadline: ContinuousClock.Instant) throws(NodeError) -> Bool {
        guard let descriptor = process?.requests.raw else { return false }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent) }
            if count > 0 {
                sent += count
            } else if errno == EPIPE {
                return false
            } else if errno == EAGAIN {
                try wait(for: descriptor, POLLOUT, until: deadline)
            } else if errno != EINTR {
                throw failure(.errno(errno), "cannot write")
            }
        }
        return true
    }

    private func read(_ length: Int, until deadline: ContinuousClock.Instant) throws(NodeError) -> [UInt8] {
        guard let descriptor = process?.answers.raw else { throw failure(.protocolViolation, "is not running") }
        var bytes = [UInt8](repeating: 0, count: length)
        var got = 0
        while got < length {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + got, $0.count - got)
            }
            if count > 0 {
                got += count
            } else if count == 0 {
                throw failure(.protocolViolation, "ended in the middle of a request")
            } else if errno == EAGAIN {
                try wait(for: descriptor, POLLIN, until: deadline)
            } else if errno != EINTR {
                throw failure(.errno(errno), "cannot read")
            }
        }
        return bytes
    }

    private func wait(for descriptor: Int32, _ events: Int32, until deadline: ContinuousClock.Instant)
        throws(NodeError)
    {
        let left = ContinuousClock.now.duration(to: deadline)
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let milliseconds = left <= .zero ? 0 : Int32(clamping: Int(left / .milliseconds(1)) + 1)
        if poll(&entry, 1, milliseconds) == 0 { throw failure(.errno(ETIMEDOUT), "does not answer") }
    }

    private func failure(_ code: NodeError.Code, _ message: String) -> NodeError {
        NodeError(code, operation: "run", subject: "kc-nft", message: message)
    }
}
