import LinuxProcesses
import NodePorts

/// What the log's thread owns: one socket for each group that somebody reads.
final class LogReaders: ThreadState {
    private struct Reader {
        let number: Int
        let socket: LogSocket
        var stream: LoggedFrameStream
    }

    private var readers: [LogGroup: Reader] = [:]
    private var lastNumber = 0

    /// So many datagrams are read before other groups and jobs have their turn.
    private static let turn = 64

    init() {}

    /// The log is gone: whoever still reads is told.
    deinit { for reader in readers.values { reader.stream.finish() } }

    /// - Parameter ended: called from any thread with the binding's number when nobody reads it any more.
    func bind(
        _ group: LogGroup, snapLength: Int, ended: @escaping @Sendable (Int) -> Void
    ) throws(NodeError) -> AsyncStream<LoggedFrame> {
        let socket = try LogSocket(group, snapLength: snapLength)
        lastNumber += 1
        let number = lastNumber
        let (writing, reading) = LoggedFrameStream.make { ended(number) }
        readers[group] = Reader(number: number, socket: socket, stream: writing)
        return reading
    }

    /// Only the binding of that number: another may have taken its place.
    func unbind(_ group: LogGroup, _ number: Int) { if readers[group]?.number == number { readers[group] = nil } }

    var watched: [Int32] { readers.values.map { $0.socket.descriptor } }

    func isReady(_ descriptor: Int32) {
        guard let group = readers.first(where: { $0.value.socket.descriptor == descriptor })?.key else { return }
        do throws(NodeError) {
            for _ in 0..<Self.turn where try !read(group) { return }
        } catch {
            // The socket is of no more use; the reader sees the end and may bind again.
            readers[group]?.stream.finish()
            readers[group] = nil
        }
    }

    /// - Returns: false when there was nothing to be read.
    private func read(_ group: LogGroup) throws(NodeError) -> Bool {
        guard let messages = try readers[group]?.socket.receive() else { return false }
        for message in messages {
            readers[group]?.stream.lose(message.missed)
            readers[group]?.stream.send(message.frame)
        }
        return true
    }

    var deadline: ContinuousClock.Instant? { nil }
    func deadlineIsOver() {}
}
