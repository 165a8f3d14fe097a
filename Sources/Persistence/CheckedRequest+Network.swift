/// Whom an address belongs to, as far as one can tell: what is counted against one address would cost its user nothing, who
/// takes the next.
extension CheckedRequest.Peer {
    /// An IPv4 address, also where a socket of IPv6 writes it as `::ffff:192.0.2.1` (RFC 4291 section 2.5.5.2), or the /64 of
    /// an IPv6 one; `unix/` with the user of a Unix socket.
    package var network: String {
        switch self {
        case .unix(let user): return "unix/\(user)"
        case .tcp(let address):
            if let last = address.split(separator: ":").last, last.contains(".") { return String(last) }
            let groups = address.split(separator: ":", omittingEmptySubsequences: false)
            return groups.count > 2 ? Self.prefix(of: address) : address
        }
    }

    /// The first four groups of an IPv6 address.
    private static func prefix(of address: String) -> String {
        let plain = address.split(separator: "%")[0]
        guard let gap = plain.firstRange(of: "::") else {
            return plain.split(separator: ":").prefix(4).joined(separator: ":")
        }
        let first = plain[..<gap.lowerBound].split(separator: ":")
        let last = plain[gap.upperBound...].split(separator: ":")
        let zeros = max(0, 8 - first.count - last.count)
        return (first + Array(repeating: "0", count: zeros) + last).prefix(4).joined(separator: ":")
    }
}
