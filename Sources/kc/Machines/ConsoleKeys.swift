import Dispatch
import Glibc

/// What is typed, until the key that leaves the console.
enum ConsoleKeys {
    /// Ctrl-], as in telnet and virsh.
    static let leave: UInt8 = 0x1d

    /// Keys as they come; ends with the key that leaves. At the end of a file nothing more comes, and it does not end.
    static func typed() -> AsyncStream<[UInt8]> {
        // Somebody who pastes faster than a guest takes it loses the rest, as on a line.
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingOldest(1024))
        // For the life of the program: a read of a terminal cannot be called off.
        DispatchQueue.global(qos: .userInteractive).async {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(0, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                let keys = buffer[..<count]
                guard let end = keys.firstIndex(of: leave) else {
                    continuation.yield(Array(keys))
                    continue
                }
                if end > keys.startIndex { continuation.yield(Array(keys[..<end])) }
                return continuation.finish()
            }
        }
        return stream
    }
}
