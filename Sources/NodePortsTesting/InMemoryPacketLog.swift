package import NodePorts
import Synchronization

/// A packet log whose frames a test logs.
package final class InMemoryPacketLog: PacketLog {
    private struct Reader {
        var number: Int
        var stream: LoggedFrameStream
        var snapLength: Int
    }

    private struct State {
        var readers: [LogGroup: Reader] = [:]
        var lastNumber = 0
    }

    private let state = Mutex(State())

    package init() {}

    package func frames(of group: LogGroup, snapLength: Int) async throws(NodeError) -> AsyncStream<LoggedFrame> {
        let stream: AsyncStream<LoggedFrame>? = state.withLock { state in
            guard state.readers[group] == nil else { return nil }
            state.lastNumber += 1
            let number = state.lastNumber
            let (writing, reading) = LoggedFrameStream.make { [weak self] in self?.unbind(group, number) }
            state.readers[group] = Reader(number: number, stream: writing, snapLength: snapLength)
            return reading
        }
        guard let stream else {
            throw NodeError(.errno(Errno.notPermitted), operation: "bind", subject: group.description)
        }
        return stream
    }

    private func unbind(_ group: LogGroup, _ number: Int) {
        state.withLock { if $0.readers[group]?.number == number { $0.readers[group] = nil } }
    }

    /// Whether somebody reads the group.
    package func isBound(_ group: LogGroup) -> Bool { state.withLock { $0.readers[group] != nil } }

    /// Logs a frame as a rule would: into nothing, unless the group is read.
    package func log(_ frame: LoggedFrame, into group: LogGroup) {
        state.withLock { state in
            guard let reader = state.readers[group] else { return }
            var frame = frame
            // The snap length is of what follows the link-layer header.
            frame.bytes = Array(frame.bytes.prefix(14 + reader.snapLength))
            state.readers[group]?.stream.send(frame)
        }
    }

    /// The kernel had to drop frames of the group.
    package func lose(_ count: Int, of group: LogGroup) {
        state.withLock { $0.readers[group]?.stream.lose(count) }
    }

    /// The kernel's socket fails.
    package func fail(_ group: LogGroup) {
        state.withLock { state in
            state.readers[group]?.stream.finish()
            state.readers[group] = nil
        }
    }
}
