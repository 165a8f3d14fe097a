package import Resources

/// What a predicted frame begins: `icmpv6`, `icmpv6/128`, `tcp/443`, `udp/53`; inside a segment with IPv4 also `icmp`.
package enum TraceFlow: Hashable, Sendable {
    /// By type; 128 is an echo request.
    case icmpv6(type: UInt8)
    /// Of IPv4, by type; 8 is an echo request (RFC 792).
    case icmp(type: UInt8)
    /// A connection to a port.
    case tcp(UInt16)
    case udp(UInt16)

    package static let rule = "must be icmpv6, icmpv6/TYPE, icmp, icmp/TYPE, tcp/PORT or udp/PORT"
    /// Where a guest's ports begin that no service has (RFC 6335 section 6): what is sent from unless somebody says more.
    package static let standardFromPort: UInt16 = 49_152

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        switch (parts[0], parts.count) {
        case ("icmpv6", 1): self = .icmpv6(type: 128)
        case ("icmpv6", 2):
            guard let type = UInt8(parts[1]) else { return nil }
            self = .icmpv6(type: type)
        case ("icmp", 1): self = .icmp(type: 8)
        case ("icmp", 2):
            guard let type = UInt8(parts[1]) else { return nil }
            self = .icmp(type: type)
        case ("tcp", 2), ("udp", 2):
            guard let port = UInt16(parts[1]), port > 0 else { return nil }
            self = parts[0] == "tcp" ? .tcp(port) : .udp(port)
        default: return nil
        }
    }

    package var hasPorts: Bool {
        switch self {
        case .tcp, .udp: true
        case .icmpv6, .icmp: false
        }
    }
}

extension TraceFlow: CustomStringConvertible {
    package var description: String {
        switch self {
        case .icmpv6(type: 128): "icmpv6"
        case .icmpv6(let type): "icmpv6/\(type)"
        case .icmp(type: 8): "icmp"
        case .icmp(let type): "icmp/\(type)"
        case .tcp(let port): "tcp/\(port)"
        case .udp(let port): "udp/\(port)"
        }
    }
}

extension TraceFlow: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let flow = TraceFlow(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = flow
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
