import CLinux
import Glibc
import LinuxProcesses
import NodePorts

/// One question to a daemon's Unix socket, which answers and closes. Blocks the calling thread.
struct SocketQuestion {
    let path: String
    /// For errors: the instance that is asked.
    let subject: String

    /// - Throws: errno ETIMEDOUT when it does not answer in time.
    func ask(_ command: String, within limit: Duration) throws(NodeError) -> [UInt8] {
        let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard raw >= 0 else { throw NodeError(.errno(errno), operation: "open socket", subject: subject) }
        let socket = FileDescriptor(owning: raw)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytesOfPath = Array(path.utf8)
        guard bytesOfPath.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw NodeError(
                .program, operation: "ask", subject: subject, message: "its directory's name is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytesOfPath) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket.raw, $0, length) }
        }
        guard connected == 0 else { throw NodeError(.errno(errno), operation: "ask", subject: subject) }
        let bytes = Array(command.utf8)
        guard Glibc.send(socket.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw NodeError(.errno(errno), operation: "ask", subject: subject)
        }
        return try receive(socket, until: .now + limit)
    }

    private func receive(_ socket: borrowing FileDescriptor, until deadline: ContinuousClock.Instant)
        throws(NodeError) -> [UInt8]
    {
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            var entry = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            let ready = poll(&entry, 1, Int32(clamping: Int(left / .milliseconds(1)) + 1))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw NodeError(.errno(ETIMEDOUT), operation: "ask", subject: subject) }
            let count = recv(socket.raw, &piece, piece.count, 0)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else { throw NodeError(.errno(errno), operation: "ask", subject: subject) }
            if count == 0 { return answer }
            answer += piece[..<count]
        }
    }
}
