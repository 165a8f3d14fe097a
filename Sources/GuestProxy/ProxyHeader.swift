package import Addressing
package import DaemonConfigs

/// The header of the PROXY protocol, version 2 (haproxy's doc/proxy-protocol.txt, section 2.2), that a consumer reads
/// before the first byte of a guest.
package enum ProxyHeader: Hashable, Sendable {
    /// A connection of a guest: TCP over IPv6, with the attachment it comes from and the service it asked for.
    case guest(
        source: IPv6Address, port: UInt16, destination: IPv6Address, destinationPort: UInt16,
        attachment: GuestProxyConfiguration.Identifier, service: GuestProxyConfiguration.Identifier)
    /// Of nobody: the proxy looks whether the consumer is there, and closes.
    case local

    /// The type of the field with the attachment's id, 36 characters; of the range for applications (section 2.2.7).
    package static let attachmentType: UInt8 = 0xe0
    /// The type of the field with the service's id.
    package static let serviceType: UInt8 = 0xe1

    package static let signature: [UInt8] = [
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    ]

    package var bytes: [UInt8] {
        switch self {
        case .local: return Self.signature + [0x20, 0x00, 0, 0]
        case .guest(let source, let port, let destination, let destinationPort, let attachment, let service):
            var body = source.bytes + destination.bytes + Self.pair(port) + Self.pair(destinationPort)
            for (type, id) in [(Self.attachmentType, attachment), (Self.serviceType, service)] {
                let value = Array(id.description.utf8)
                body += [type] + Self.pair(UInt16(value.count)) + value
            }
            // Version 2, command PROXY; AF_INET6, STREAM.
            return Self.signature + [0x21, 0x21] + Self.pair(UInt16(body.count)) + body
        }
    }

    private static func pair(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
}
