import CLinux
import Glibc
package import NodePorts

/// An open descriptor with one owner; closed when that is gone.
package struct FileDescriptor: ~Copyable, Sendable {
    package let raw: Int32

    /// Takes over `raw`, which must be open and nobody else's.
    package init(owning raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// Lets reads and writes return EAGAIN instead of waiting.
    package func setNonblocking() throws(NodeError) {
        guard clinux_set_nonblocking(raw) == 0 else {
            throw NodeError(.errno(errno), operation: "set nonblocking", subject: "descriptor")
        }
    }

    /// Another one of the same open file, close-on-exec.
    package static func copying(_ descriptor: Int32) throws(NodeError) -> FileDescriptor {
        let raw = clinux_copy_descriptor(descriptor)
        guard raw >= 0 else { throw NodeError(.errno(errno), operation: "copy", subject: "descriptor \(descriptor)") }
        return FileDescriptor(owning: raw)
    }

    /// Opens a file close-on-exec.
    /// - Parameter mode: of a file that O_CREAT makes.
    package static func open(
        _ path: String, _ flags: Int32, mode: UInt32 = 0o600
    ) throws(NodeError) -> FileDescriptor {
        let raw = clinux_open(path, flags | O_CLOEXEC, mode)
        guard raw >= 0 else { throw NodeError(.errno(errno), operation: "open", subject: path) }
        return FileDescriptor(owning: raw)
    }
}

/// A pipe(2), both ends close-on-exec.
package struct Pipe: ~Copyable, Sendable {
    package let reading: FileDescriptor
    package let writing: FileDescriptor

    package init() throws(NodeError) {
        var ends: [Int32] = [-1, -1]
        guard clinux_pipe(&ends) == 0 else { throw NodeError(.errno(errno), operation: "pipe", subject: "new pipe") }
        reading = FileDescriptor(owning: ends[0])
        writing = FileDescriptor(owning: ends[1])
    }

    /// Closes the other end.
    package consuming func keepingWriting() -> FileDescriptor { writing }
    /// Closes the other end.
    package consuming func keepingReading() -> FileDescriptor { reading }
}
