package import Addressing
package import Resources

/// How a managed gateway reaches what is outside of its segments.
package struct GatewayUplink: Hashable, Sendable {
    package enum Way: Hashable, Sendable {
        /// A veth to the host's own namespace, which routes on: next hops are link-local, the routes to the segments'
        /// prefixes are the host's.
        case routed
        /// An operator's interface of the host, moved into the gateway's namespace and given back afterwards.
        case interface(InterfaceUplink)
    }

    package var way: Way
    /// Of the gateway towards the IPv4 world; nil when it has no part in it.
    package var ipv4: IPv4Uplink?

    package init(_ way: Way, ipv4: IPv4Uplink? = nil) {
        self.way = way
        self.ipv4 = ipv4
    }
}

/// An operator's interface as uplink.
package struct InterfaceUplink: Hashable, Sendable {
    /// Its name on the host.
    package var interface: InterfaceName
    /// What the gateway is reached at there; at most 8. None is right where the next hop is link-local.
    package var addresses: [OnLinkAddress]
    /// The router outside: link-local, or on link by one of `addresses`.
    package var nextHop: IPv6Address

    package init(interface: InterfaceName, addresses: [OnLinkAddress], nextHop: IPv6Address) {
        self.interface = interface
        self.addresses = addresses
        self.nextHop = nextHop
    }

    package static let maximumAddresses = 8
}

/// The IPv4 side of an uplink.
package struct IPv4Uplink: Hashable, Sendable {
    package var address: IPv4Address
    /// Of the prefix on the link, 0 to 32.
    package var length: Int
    package var nextHop: IPv4Address

    package init(address: IPv4Address, length: Int, nextHop: IPv4Address) {
        self.address = address
        self.length = length
        self.nextHop = nextHop
    }
}

/// An address with the length of the prefix that is on link by it: `2001:db8::1/64`.
package struct OnLinkAddress: Hashable, Sendable, CustomStringConvertible {
    package var address: IPv6Address
    /// 0 to 128.
    package var length: Int

    package init(_ address: IPv6Address, length: Int) {
        self.address = address
        self.length = length
    }

    package var prefix: IPv6Prefix { IPv6Prefix(containing: address, length: length) }

    package var description: String { "\(address)/\(length)" }
}

extension OnLinkAddress: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[1]), (1...128).contains(length), "\(length)" == parts[1] else {
            throw FieldError(field: path, value: text, rule: "must be an address and a length, as 2001:db8::1/64")
        }
        do { self.init(try IPv6Address(parsing: String(parts[0])), length: length) } catch {
            throw FieldError(field: path, error)
        }
        guard !address.isMulticast, !address.isUnspecified, !address.isLoopback, !address.isIPv4Mapped else {
            throw FieldError(field: path, value: text, rule: "must be a unicast address and not loopback")
        }
    }

    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension IPv4Uplink: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let field = reader.path(of: "address")
        let text: String = try reader.required("address")
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[1]), (1...32).contains(length), "\(length)" == parts[1] else {
            throw FieldError(field: field, value: text, rule: "must be an address and a length, as 192.0.2.2/24")
        }
        let address: IPv4Address
        do { address = try IPv4Address(parsing: String(parts[0])) } catch { throw FieldError(field: field, error) }
        guard IPv4Prefix.unusable.allSatisfy({ !$0.contains(address) }) else {
            throw FieldError(field: field, value: text, rule: "must be an address that a host can have")
        }
        self.init(address: address, length: length, nextHop: try reader.required("nextHop"))
        guard nextHop != address, (nextHop.value ^ address.value) >> UInt32(32 - length) == 0 else {
            throw FieldError(
                field: reader.path(of: "nextHop"), value: "\(nextHop)",
                rule: "must be another address of the prefix that \(text) is in")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address", "\(address)/\(length)")
            writer.member("nextHop", nextHop)
        }
    }
}

extension GatewayUplink: JSONCodable {
    private enum Tag: String, Choice { case routed, interface }

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        switch try reader.required("type", as: Tag.self) {
        case .routed: way = .routed
        case .interface:
            let uplink = InterfaceUplink(
                interface: try reader.required("interface"), addresses: try reader.optional("addresses") ?? [],
                nextHop: try reader.required("nextHop"))
            try uplink.requireSensible(reader)
            way = .interface(uplink)
        }
        ipv4 = try reader.optional("ipv4")
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch way {
            case .routed: writer.member("type", Tag.routed)
            case .interface(let uplink):
                writer.member("type", Tag.interface)
                writer.member("interface", uplink.interface)
                writer.member("addresses", uplink.addresses)
                writer.member("nextHop", uplink.nextHop)
            }
            if let ipv4 { writer.member("ipv4", ipv4) }
        }
    }
}

extension InterfaceUplink {
    fileprivate func requireSensible(_ reader: FieldReader) throws(FieldError) {
        let field = reader.path(of: "addresses")
        guard addresses.count <= Self.maximumAddresses, Set(addresses.map(\.address)).count == addresses.count else {
            throw FieldError(field: field, rule: "must be at most \(Self.maximumAddresses) and not repeat one")
        }
        let hop = reader.path(of: "nextHop")
        guard !nextHop.isMulticast, !nextHop.isUnspecified, !nextHop.isLoopback, !nextHop.isIPv4Mapped else {
            throw FieldError(field: hop, value: "\(nextHop)", rule: "must be a unicast address and not loopback")
        }
        guard !addresses.contains(where: { $0.address == nextHop }) else {
            throw FieldError(field: hop, value: "\(nextHop)", rule: "must be another router, not one of 'addresses'")
        }
        guard nextHop.isLinkLocal || addresses.contains(where: { $0.prefix.contains(nextHop) }) else {
            throw FieldError(
                field: hop, value: "\(nextHop)",
                rule: "must be link-local or in the prefix of one of 'addresses': else nothing says how to reach it")
        }
    }
}
