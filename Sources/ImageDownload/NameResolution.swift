package import Addressing
import Dispatch
import Glibc

/// What a name stands for, by this machine's resolver; IPv4 addresses in their mapped form.
package enum NameResolution {
    /// - Returns: none for a name that is not known.
    package static func system(_ name: String) async -> [IPv6Address] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: lookUp(name)) }
        }
    }

    private static func lookUp(_ name: String) -> [IPv6Address] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { $0?.pointee.ai_addr }.compactMap(
            address)
    }

    /// Of all interfaces of this machine.
    package static func own() -> Set<IPv6Address> {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        return Set(
            sequence(first: list, next: { $0?.pointee.ifa_next }).compactMap { $0?.pointee.ifa_addr }
                .compactMap(address))
    }

    private static func address(_ pointer: UnsafeMutablePointer<sockaddr>) -> IPv6Address? {
        let raw = UnsafeRawPointer(pointer)
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET6:
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: address) { IPv6Address(bytes: $0) }
        case AF_INET:
            return IPv4Address(UInt32(bigEndian: raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr)).mapped
        default: return nil
        }
    }
}
