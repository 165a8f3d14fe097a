package import Addressing
package import Resources

/// Who answers a service's connections.
package enum ServiceConsumer: Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket in `folder` of the gateway's host, by its file name: `unix:/run/kc/services/metadata`. The folder is
    /// root's, so that no guest is ever connected to another socket of the machine.
    case socket(String)
    /// `http://[2001:db8::80]:8080`: a TCP server that the gateway's uplink leads to. Nothing of HTTP is looked at.
    case server(IPv6Address, port: UInt16)

    package static let folder = "/run/kc/services"

    /// nil for anything but the two forms.
    package init?(_ text: String) {
        if text.hasPrefix("unix:\(Self.folder)/") {
            let name = text.dropFirst("unix:\(Self.folder)/".count)
            guard (1...64).contains(name.utf8.count), name.utf8.first != UInt8(ascii: "."),
                name.utf8.allSatisfy(Self.isPlain)
            else { return nil }
            self = .socket(String(name))
            return
        }
        guard text.hasPrefix("http://[") else { return nil }
        let parts = text.dropFirst("http://[".count).split(
            separator: "]", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].first == ":", let port = UInt16(parts[1].dropFirst()), port > 0,
            String(port) == parts[1].dropFirst(), let address = IPv6Address(String(parts[0])),
            !address.isMulticast, !address.isUnspecified, !address.isLoopback, !address.isLinkLocal,
            !address.isIPv4Mapped
        else { return nil }
        self = .server(address, port: port)
    }

    package var description: String {
        switch self {
        case .socket(let name): "unix:\(Self.folder)/\(name)"
        case .server(let address, let port): "http://[\(address)]:\(port)"
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension ServiceConsumer: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let consumer = ServiceConsumer(text) else {
            throw FieldError(
                field: path, value: text,
                rule: "must be unix:\(Self.folder)/NAME, or http://[ADDRESS]:PORT with a global or unique local address"
            )
        }
        self = consumer
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}
