package import Resources

/// Which packets a capture takes: `tcp/443`, `icmpv6/134`. A port is that of either end.
package struct CaptureFlow: Hashable, Sendable {
    package enum Transport: String, Choice {
        case tcp, udp, icmpv6, icmp

        /// The protocol's number (IANA, Protocol Numbers).
        package var number: UInt8 {
            switch self {
            case .tcp: 6
            case .udp: 17
            case .icmpv6: 58
            case .icmp: 1
            }
        }

        package var hasPorts: Bool { self == .tcp || self == .udp }
    }

    package var transport: Transport
    /// Of TCP and UDP the port, of ICMP and ICMPv6 the type; nil: all of them.
    package var number: UInt16?

    package init(_ transport: Transport, _ number: UInt16? = nil) {
        self.transport = transport
        self.number = number
    }

    package static let rule = "must be tcp, udp, icmpv6 or icmp, and may have /PORT or /TYPE"

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let transport = Transport(rawValue: String(first)), parts.count <= 2 else {
            return nil
        }
        self.init(transport)
        guard parts.count == 2 else { return }
        guard let value = UInt16(parts[1]), transport.hasPorts ? value > 0 : value < 256 else { return nil }
        number = value
    }
}

extension CaptureFlow: CustomStringConvertible {
    package var description: String { transport.rawValue + (number.map { "/\($0)" } ?? "") }
}

extension CaptureFlow: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let flow = CaptureFlow(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = flow
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
