/// The writing end of a group's stream: bounded, and it remembers what it had to drop. For one writer.
package struct LoggedFrameStream: Sendable {
    private let continuation: AsyncStream<LoggedFrame>.Continuation
    /// Frames lost since the last one that was taken.
    private var lost = 0

    /// - Parameter ended: nobody reads any more.
    /// - Returns: this end, and the one for the reader.
    package static func make(
        ended: @escaping @Sendable () -> Void
    ) -> (writing: LoggedFrameStream, reading: AsyncStream<LoggedFrame>) {
        let (stream, continuation) = AsyncStream.makeStream(
            of: LoggedFrame.self, bufferingPolicy: .bufferingOldest(PacketLogLimits.waiting))
        continuation.onTermination = { reason in
            // `finished` is this end's own doing.
            if case .cancelled = reason { ended() }
        }
        return (LoggedFrameStream(continuation: continuation), stream)
    }

    private init(continuation: AsyncStream<LoggedFrame>.Continuation) { self.continuation = continuation }

    /// Notes frames that never came as far as this.
    package mutating func lose(_ count: Int) { lost += count }

    package mutating func send(_ frame: LoggedFrame) {
        var frame = frame
        frame.lostBefore += lost
        if case .dropped = continuation.yield(frame) { lost += 1 } else { lost = 0 }
    }

    package func finish() { continuation.finish() }
}
