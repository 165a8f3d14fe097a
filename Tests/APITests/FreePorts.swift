import Foundation
import Synchronization

/// TCP ports that nobody in this network namespace has, below those which the kernel gives to clients
/// (`net.ipv4.ip_local_port_range` begins at 32,768): what is free when it is looked at stays free.
enum FreePorts {
    private static let next = Mutex(Int.random(in: 5_000..<14_000) * 2)

    /// A port that is free, as is the one after it; no other call of this process gets either.
    static func two() -> Int {
        next.withLock { next in
            repeat { next = next + 2 < 32_000 ? next + 2 : 10_000 } while !isFree(next) || !isFree(next + 1)
            return next
        }
    }

    private static func isFree(_ port: Int) -> Bool {
        let socket = Foundation.socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = in_port_t(port).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }
}
