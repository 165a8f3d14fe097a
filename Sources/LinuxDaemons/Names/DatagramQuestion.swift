import Addressing
import CLinux
import Glibc
import LinuxProcesses
import NodePorts

/// Asks a name server over UDP. Blocks the calling thread until the answer or the end of the wait.
enum DatagramQuestion {
    static func ask(_ server: IPv6Address, of domain: DomainName, within limit: Duration) -> NameServerAnswer {
        let raw = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { return .silent }
        let socket = FileDescriptor(owning: raw)
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = UInt16(53).bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: server.bytes) }
        let length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket.raw, $0, length) }
        }
        let question = SOAQuestion(id: .random(in: .min ... .max), domain: domain)
        let bytes = question.bytes
        guard connected == 0, send(socket.raw, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            return .silent
        }
        let deadline = ContinuousClock.now + limit
        var datagram = [UInt8](repeating: 0, count: 4096)
        while true {
            var entry = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            let ready = poll(&entry, 1, Int32(clamping: Int(left / .milliseconds(1)) + 1))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return .silent }
            let count = recv(socket.raw, &datagram, datagram.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            // ECONNREFUSED: nobody listens there.
            guard count >= 0 else { return .silent }
            if let answer = question.answer(Array(datagram.prefix(count))) { return answer }
        }
    }
}
