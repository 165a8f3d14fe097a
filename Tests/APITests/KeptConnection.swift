import Foundation
import Glibc
import Testing

/// One TCP connection to a port of loopback, kept for several requests.
final class KeptConnection: Sendable {
    private let descriptor: Int32

    /// To a port of ::1.
    convenience init(_ port: Int) throws {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = in_port_t(port).bigEndian
        address.sin6_addr = in6addr_loopback
        try self.init(AF_INET6, address, from: nil)
    }

    /// To a port of 127.0.0.1, from an address of the same network.
    convenience init(_ port: Int, from source: String) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        own.sin_addr.s_addr = inet_addr(source)
        try self.init(AF_INET, address, from: own)
    }

    private init<Address>(_ family: Int32, _ address: Address, from own: Address?) throws {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        if let own {
            let code = Self.pointing(own) { bind(descriptor, $0, $1) }
            try #require(code == 0)
        }
        let code = Self.pointing(address) { connect(descriptor, $0, $1) }
        try #require(code == 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    private static func pointing<Address>(
        _ address: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// Sends one request and reads its answer; status 0 when the connection has ended.
    func get(_ path: String, token: String) async throws -> Reply {
        try await onThread { [self] in
            let request = Array("GET \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8)
            _ = Glibc.send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
            var answer: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while !Self.isWhole(answer) {
                let count = read(descriptor, &buffer, buffer.count)
                guard count > 0 else { break }
                answer += buffer[..<count]
            }
            return Curl.parse(String(decoding: answer, as: UTF8.self), 0)
        }
    }

    private static func isWhole(_ answer: [UInt8]) -> Bool {
        let reply = Curl.parse(String(decoding: answer, as: UTF8.self), 0)
        guard reply.status != 0, let length = reply.headers["content-length"].flatMap({ Int($0) }) else { return false }
        return reply.body.utf8.count >= length
    }
}
