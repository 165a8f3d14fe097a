package import Addressing
package import Resources

/// A range that values are assigned from.
package enum Pool: ResourceKind {
    package static let kind = KindName("pool", plural: "pools", isInProject: false)
    package typealias Assigned = Nothing

    package enum Spec: Hashable, JSONCodable {
        /// VNIs from...to, both included.
        case vni(from: VNI, to: VNI)
        /// /64 prefixes out of a larger one (/0 to /64).
        case prefix(IPv6Prefix)
        /// MAC addresses with these first three octets.
        case mac(MACPrefix)
        /// IPv4 addresses that gateways translate to (/8 to /32): for mappings and for outgoing connections (NAT64).
        case ipv4(IPv4Prefix)
        /// Prefixes for attachments that are routers, out of a larger one (/0 to /64).
        case delegation(IPv6Prefix)
    }
}

/// The first three octets of MAC addresses that KC makes: not a group address.
package struct MACPrefix: Hashable, Sendable, CustomStringConvertible {
    /// 24 bits.
    package let value: UInt32

    package init?(value: UInt32) {
        guard value <= 0xff_ffff, value >> 16 & 1 == 0 else { return nil }
        self.value = value
    }

    /// 02:6b:63 ("kc"), locally administered (RFC 9542 section 2.1).
    package static let standard = MACPrefix(unchecked: 0x026b63)
    private init(unchecked value: UInt32) { self.value = value }

    package func address(at index: UInt32) -> MACAddress { MACAddress(UInt64(value) << 24 | UInt64(index & 0xff_ffff)) }

    package var description: String { String(MACAddress(UInt64(value) << 24).description.prefix(8)) }
}

extension MACPrefix: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let mac = MACAddress(text + ":00:00:00"), let prefix = MACPrefix(value: UInt32(mac.value >> 24)) else {
            throw FieldError(
                field: path, value: text, rule: "must be three hex pairs like 02:6b:63, and no group address")
        }
        self = prefix
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

package enum PoolType: String, Choice {
    case vni, prefix, mac, ipv4, delegation
}

extension Pool.Spec {
    package var type: PoolType {
        switch self {
        case .vni: .vni
        case .prefix: .prefix
        case .mac: .mac
        case .ipv4: .ipv4
        case .delegation: .delegation
        }
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let type: PoolType = try reader.required("type")
        switch type {
        case .vni:
            let from: VNI = try reader.required("from")
            let to: VNI = try reader.required("to")
            guard from <= to else {
                throw FieldError(field: reader.path(of: "to"), value: to.description, rule: "must not be below 'from'")
            }
            self = .vni(from: from, to: to)
        case .prefix, .delegation:
            let prefix: IPv6Prefix = try reader.required("prefix")
            guard prefix.length <= 64 else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description, rule: "must be a /64 or shorter")
            }
            guard !prefix.address.isMulticast, !prefix.address.isLinkLocal else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description,
                    rule: "must be unicast and not link-local")
            }
            self = type == .delegation ? .delegation(prefix) : .prefix(prefix)
        case .mac: self = .mac(try reader.required("prefix"))
        case .ipv4:
            let prefix: IPv4Prefix = try reader.required("prefix")
            guard prefix.length >= 8, IPv4Prefix.unusable.allSatisfy({ !$0.overlaps(prefix) }) else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description,
                    rule: "must be a /8 to /32 of addresses that a host can have (not 0/8, 127/8, 169.254/16 or 224/3)")
            }
            self = .ipv4(prefix)
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("type", type)
            switch self {
            case .vni(let from, let to):
                writer.member("from", from)
                writer.member("to", to)
            case .prefix(let prefix): writer.member("prefix", prefix)
            case .mac(let prefix): writer.member("prefix", prefix)
            case .ipv4(let prefix): writer.member("prefix", prefix)
            case .delegation(let prefix): writer.member("prefix", prefix)
            }
        }
    }
}
