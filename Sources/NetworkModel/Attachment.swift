package import Addressing
package import Resources

/// One port on one segment.
package enum Attachment: ResourceKind {
    package static let kind = KindName("attachment", plural: "attachments", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var segment: Reference<Segment>
        /// Where the port is realised; nil while nobody has bound it.
        package var host: Reference<Host>?
        /// A MAC of the user's choice; nil takes one of the MAC pools.
        package var mac: MACAddress?
        /// Static addresses inside the segment's /64. On a `manual` segment with none, one is assigned.
        package var addresses: [IPv6Address]
        package var port: PortKind
        /// Who may talk to the attachment and to whom it may talk: what any of them lets through. Never empty.
        package var policies: [PolicyReference]
        /// Sources that the attachment may use though they are not its own: for routers and virtual addresses (VRRP).
        /// A prefix wider than the segment's /64 does not reach into it, nor to link-local and multicast addresses.
        package var allowedAddresses: [IPv6Prefix]
        package var limits: AttachmentLimits
        /// How many addresses the attachment may take for itself (SLAAC, privacy addresses). 0 to 64.
        package var learnedAddresses: Int
        /// A prefix for the networks behind an attachment that is a router; nil for none.
        package var delegated: Delegation?
        /// An IPv4 address of the user's choice; nil takes one where the segment has IPv4.
        package var ipv4: IPv4Address?

        package init(
            segment: Reference<Segment>, host: Reference<Host>? = nil, mac: MACAddress? = nil,
            addresses: [IPv6Address] = [], port: PortKind = .tap,
            policies: [PolicyReference] = Self.standardPolicies, allowedAddresses: [IPv6Prefix] = [],
            limits: AttachmentLimits = .none, learnedAddresses: Int = Self.standardLearnedAddresses,
            delegated: Delegation? = nil, ipv4: IPv4Address? = nil
        ) {
            self.delegated = delegated
            self.ipv4 = ipv4
            self.segment = segment
            self.host = host
            self.mac = mac
            self.addresses = addresses
            self.port = port
            self.policies = policies
            self.allowedAddresses = allowedAddresses
            self.limits = limits
            self.learnedAddresses = learnedAddresses
        }

        package static let maximumAddresses = 16
        package static let standardPolicies: [PolicyReference] = [.builtIn(.allowSegment)]
        package static let maximumPolicies = 8
        package static let maximumAllowedAddresses = 32
        /// What a stock guest uses: one stable and, at two of its time-outs, some seven privacy addresses, twice.
        package static let standardLearnedAddresses = 16
        package static let maximumLearnedAddresses = 64
    }

    package struct Assigned: Hashable, JSONCodable {
        package var mac: MACAddress
        /// Every address KC knows the port owns from the resource alone; learned ones are in reports.
        package var addresses: [AttachmentAddress]
        /// Out of a pool of type `delegation`; nil for an attachment that asks for none.
        package var delegatedPrefix: IPv6Prefix?
        /// The host that makes a gateway's port too, while the gateway moves there; nil otherwise.
        package var next: ResourceID?
        /// Of a segment with IPv4; nil on others.
        package var ipv4: IPv4Address?

        package init(
            mac: MACAddress, addresses: [AttachmentAddress], delegatedPrefix: IPv6Prefix? = nil,
            next: ResourceID? = nil, ipv4: IPv4Address? = nil
        ) {
            self.ipv4 = ipv4
            self.delegatedPrefix = delegatedPrefix
            self.next = next
            self.mac = mac
            self.addresses = addresses
        }

        /// Of both families, an IPv4 address in its mapped form.
        package var allAddresses: [IPv6Address] { addresses.map(\.value) + (ipv4.map { [$0.mapped] } ?? []) }
    }
}

/// What is realised on the host.
package enum PortKind: Hashable, Sendable {
    /// A tap device for a VM.
    case tap
    /// A veth whose other end is put into the namespace of that name (under /run/netns of the host) as `interface`.
    case namespace(NamespaceName, interface: InterfaceName)
    /// An operator's own interface, taken into the bridge.
    case external(InterfaceName)
    /// The port of a managed gateway; made by KC with the gateway, never by a user.
    case gateway(ResourceID)
}

/// The name of a network namespace as `ip netns` takes it: a file name under /run/netns, never a path.
package struct NamespaceName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    package static let rule =
        "must be 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit; a name, never a path"

    package init?(_ text: some StringProtocol) {
        func isWord(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        }
        guard (1...64).contains(text.utf8.count), let first = text.utf8.first, isWord(first),
            text.utf8.allSatisfy({
                isWord($0) || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0)
            })
        else { return nil }
        self.text = String(text)
    }

    private init(derived text: String) { self.text = text }

    /// `kcg-<10 characters of base32(gateway id)>`.
    package static func gateway(_ id: ResourceID) -> NamespaceName {
        NamespaceName(derived: "kcg-" + base32(id.bytes, length: 10))
    }

    package static func < (left: NamespaceName, right: NamespaceName) -> Bool { left.text < right.text }
    package var description: String { text }
}

extension NamespaceName: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        guard let name = NamespaceName(text) else { throw FieldError(field: path, value: text, rule: Self.rule) }
        self = name
    }
    package func write(to writer: inout JSONWriter) { writer.string(text) }
}

/// One address of an attachment and how KC came to know it.
package struct AttachmentAddress: Hashable, JSONCodable {
    package enum Origin: String, Choice {
        /// Chosen by KC.
        case assigned
        /// Written by the user in `spec.addresses`.
        case `static`
        /// Seen on the port.
        case learned
    }

    package var value: IPv6Address
    package var origin: Origin

    package init(_ value: IPv6Address, origin: Origin) {
        self.value = value
        self.origin = origin
    }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("value"), origin: try reader.required("origin"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("value", value)
            writer.member("origin", origin)
        }
    }
}

extension PortKind: JSONCodable {
    private enum Tag: String, Choice { case tap, namespace, external, gateway }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        switch try reader.required("type", as: Tag.self) {
        case .tap: self = .tap
        case .namespace:
            let name: NamespaceName = try reader.required("namespace")
            let standard = try reader.optional("interface", as: InterfaceName.self)
            if let standard {
                self = .namespace(name, interface: standard)
            } else {
                do { self = .namespace(name, interface: try InterfaceName("eth0")) } catch {
                    throw FieldError(field: reader.path(of: "interface"), error)
                }
            }
        case .external: self = .external(try reader.required("interface"))
        case .gateway: self = .gateway(try reader.required("gateway"))
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .tap: writer.member("type", Tag.tap)
            case .namespace(let name, let interface):
                writer.member("type", Tag.namespace)
                writer.member("namespace", name)
                writer.member("interface", interface)
            case .external(let interface):
                writer.member("type", Tag.external)
                writer.member("interface", interface)
            case .gateway(let id):
                writer.member("type", Tag.gateway)
                writer.member("gateway", id)
            }
        }
    }
}

extension Attachment.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            segment: try reader.required("segment"), host: try reader.optional("host"), mac: try reader.optional("mac"),
            addresses: try reader.optional("addresses") ?? [], port: try reader.optional("port") ?? .tap,
            policies: try reader.optional("policies") ?? Self.standardPolicies,
            allowedAddresses: try reader.optional("allowedAddresses") ?? [],
            limits: try reader.optional("limits") ?? .none,
            learnedAddresses: try reader.optional("learnedAddresses") ?? Self.standardLearnedAddresses,
            delegated: try reader.optional("delegated"), ipv4: try reader.optional("ipv4"))
        if let mac, !mac.isUsable {
            throw FieldError(
                field: reader.path(of: "mac"), value: mac.description,
                rule: "must be a unicast address and not all zero")
        }
        guard addresses.count <= Self.maximumAddresses else {
            throw FieldError(field: reader.path(of: "addresses"), rule: "must be at most \(Self.maximumAddresses)")
        }
        guard Set(addresses).count == addresses.count else {
            throw FieldError(field: reader.path(of: "addresses"), rule: "must not repeat an address")
        }
        try requireSensibleIsolation(reader)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("segment", segment)
            writer.member("host", host)
            writer.member("mac", mac)
            writer.member("addresses", addresses)
            writer.member("port", port)
            writeIsolation(to: &writer)
            writer.member("delegated", delegated)
            writer.member("ipv4", ipv4)
        }
    }
}

extension Attachment.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            mac: try reader.required("mac"), addresses: try reader.required("addresses"),
            delegatedPrefix: try reader.optional("delegatedPrefix"), next: try reader.optional("next"),
            ipv4: try reader.optional("ipv4"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("mac", mac)
            writer.member("addresses", addresses)
            writer.member("delegatedPrefix", delegatedPrefix)
            writer.member("next", next)
            writer.member("ipv4", ipv4)
        }
    }
}
