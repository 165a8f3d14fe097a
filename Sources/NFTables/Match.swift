/// One condition of a rule.
package enum Match: Hashable, Sendable {
    /// The interface a frame or packet came in by.
    case inputInterface(Membership)
    /// The interface it leaves by.
    case outputInterface(Membership)
    /// `meta nfproto`.
    case networkProtocol(NetworkProtocol)
    /// The transport protocol after all extension headers is UDP (17), and this is its destination port.
    case udpDestinationPort(UInt16)
    /// The transport protocol after all extension headers is another one than UDP. Does not match when the header
    /// chain is not complete.
    case transportIsNotUDP
    /// The first byte of the transport header is in this packet. Any value will do: the load itself fails on a packet
    /// that ends before it.
    case transportHeaderPresent
    /// The IPv6 source.
    case source(Membership)
    /// An IPv6 packet with a Fragment header whose offset is 0 (RFC 8200 section 4.5).
    case firstFragment

    package enum Membership: Hashable, Sendable {
        case inSet(Identifier)
        case notInSet(Identifier)
        /// Interfaces only: names that begin so.
        case prefix(InterfacePrefix)
    }

    package enum NetworkProtocol: String, Hashable, Sendable {
        case ipv4
        case ipv6
    }
}

/// The beginning of interface names, without a wildcard character.
package struct InterfacePrefix: Hashable, Sendable, ExpressibleByStringLiteral {
    package let text: String

    package init(stringLiteral text: StaticString) {
        self.text = text.description
        precondition(
            (1...15).contains(self.text.utf8.count) && self.text.utf8.allSatisfy { (97...122).contains($0) },
            "interface prefix \(self.text)")
    }
}

extension Match {
    var text: String {
        switch self {
        case .inputInterface(let membership): "iifname \(membership.text)"
        case .outputInterface(let membership): "oifname \(membership.text)"
        case .networkProtocol(let name): "meta nfproto \(name.rawValue)"
        case .udpDestinationPort(let port): "udp dport \(port)"
        case .transportIsNotUDP: "meta l4proto != udp"
        case .transportHeaderPresent: "@th,0,8 >= 0"
        case .source(let membership): "ip6 saddr \(membership.text)"
        case .firstFragment: "frag frag-off 0"
        }
    }
}

extension Match.Membership {
    fileprivate var text: String {
        switch self {
        case .inSet(let set): "@\(set)"
        case .notInSet(let set): "!= @\(set)"
        case .prefix(let prefix): "\"\(prefix.text)*\""
        }
    }
}
