import Addressing
import CMnl
import Glibc
import LinuxProcesses
import NodePorts

/// Sockets that send from a host's tunnel endpoint to another's as VXLAN does, and ask for echoes. None of their packets
/// is ever fragmented. Used on one thread.
final class UnderlaySockets {
    private let datagrams: Endpoint
    private let echoes: Endpoint
    private let peer: IPv6Address
    private let port: UInt16

    /// - Throws: errno EADDRNOTAVAIL when the host has not the address.
    init(_ order: ExchangeOrder) throws(NodeError) {
        datagrams = try Endpoint(SOCK_DGRAM.rawValue, 0, order)
        echoes = try Endpoint(SOCK_RAW.rawValue, Int32(IPPROTO_ICMPV6), order)
        peer = order.peer
        port = order.port
        guard cmnl_pass_echo_replies(echoes.raw) == 0 else {
            throw NodeError(.errno(errno), operation: "filter echoes at", subject: "\(order.own)")
        }
    }

    var echoDescriptor: Int32 { echoes.raw }

    /// Sends the payload of a datagram to the other host's VXLAN port.
    /// - Returns: 0 or an errno.
    func send(datagram: [UInt8]) -> Int32 { send(datagram, by: datagrams.raw, port: port) }

    /// - Parameter echo: from the type on; the kernel fills the checksum in.
    func send(echo: [UInt8]) -> Int32 { send(echo, by: echoes.raw, port: 0) }

    private func send(_ bytes: [UInt8], by socket: Int32, port: UInt16) -> Int32 {
        let count = Self.with(peer, port: port) { address, length in
            sendto(socket, bytes, bytes.count, Int32(MSG_DONTWAIT), address, length)
        }
        return count == bytes.count ? 0 : errno
    }

    /// Hands over the ICMPv6 messages that wait.
    func receiveEchoes(_ buffer: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        while true {
            let count = recv(echoes.raw, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return }
            body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    fileprivate static func with<Result>(
        _ address: IPv6Address, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var socket = sockaddr_in6()
        socket.sin6_family = sa_family_t(AF_INET6)
        socket.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &socket.sin6_addr) { bytes in
            bytes.storeBytes(of: address.high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withUnsafePointer(to: &socket) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}

/// One socket, bound to the host's tunnel endpoint.
private final class Endpoint {
    private let descriptor: FileDescriptor
    var raw: Int32 { descriptor.raw }

    init(_ type: UInt32, _ number: Int32, _ order: ExchangeOrder) throws(NodeError) {
        func failure(_ operation: String) -> NodeError {
            NodeError(.errno(errno), operation: operation, subject: "\(order.own)")
        }
        let raw = socket(AF_INET6, Int32(type | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), number)
        guard raw >= 0 else { throw failure("open a socket at") }
        descriptor = FileDescriptor(owning: raw)
        var hops = Int32(order.hopLimit)
        // Whatever the kernel believes of the path: that is what is to be found out.
        var discover = IPV6_PMTUDISC_PROBE
        guard setsockopt(raw, Int32(IPPROTO_IPV6), IPV6_UNICAST_HOPS, &hops, 4) == 0,
            setsockopt(raw, Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, &discover, 4) == 0
        else { throw failure("set options of a socket at") }
        guard (UnderlaySockets.with(order.own, port: 0) { bind(raw, $0, $1) }) == 0 else { throw failure("bind to") }
    }
}
