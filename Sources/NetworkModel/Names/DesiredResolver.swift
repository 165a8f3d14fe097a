package import Addressing
package import Resources

/// What the recursive resolver of a gateway is to do beside resolving names of the world.
package struct DesiredResolver: Hashable, Sendable {
    /// Where it asks for everything it has no zone for; empty: it asks the root servers and those below itself.
    package var forwarders: [IPv6Address]
    /// The cloud's own zones.
    package var zones: [DomainName]
    /// The servers of those zones.
    package var servers: [IPv6Address]
    /// By segment: where names of one label are looked for (DNSSL, RFC 8106).
    package var search: [ResourceID: DomainName]
    /// Behind this /96 it makes AAAA records of A records (RFC 6147); nil: it does not.
    package var dns64: IPv6Prefix?

    package init(
        forwarders: [IPv6Address] = [], zones: [DomainName] = [], servers: [IPv6Address] = [],
        search: [ResourceID: DomainName] = [:], dns64: IPv6Prefix? = nil
    ) {
        self.dns64 = dns64
        self.forwarders = forwarders
        self.zones = zones
        self.servers = servers
        self.search = search
    }
}

extension DesiredResolver: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            forwarders: try reader.optional("forwarders") ?? [], zones: try reader.optional("zones") ?? [],
            servers: try reader.optional("servers") ?? [], dns64: try reader.optional("dns64"))
        let field = reader.path(of: "search")
        for (text, name) in try reader.optional("search", as: [String: DomainName].self) ?? [:] {
            guard let id = ResourceID(text) else {
                throw FieldError(field: field, value: text, rule: "must have segment ids as names")
            }
            search[id] = name
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !forwarders.isEmpty { writer.member("forwarders", forwarders) }
            if !zones.isEmpty { writer.member("zones", zones) }
            if !servers.isEmpty { writer.member("servers", servers) }
            writer.member("dns64", dns64)
            guard !search.isEmpty else { return }
            writer.name("search")
            writer.object { writer in
                for (id, name) in search.sorted(by: { $0.key < $1.key }) { writer.member(id.description, name) }
            }
        }
    }
}

/// `spec.resolver` of a gateway: its guests get a recursive resolver in the gateway.
package struct ResolverSpec: Hashable, JSONCodable {
    /// Resolvers that it asks in its turn; empty: it resolves from the root itself.
    package var forwarders: [IPv6Address]

    package init(forwarders: [IPv6Address] = []) { self.forwarders = forwarders }

    package static let maximumForwarders = 4

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(forwarders: try reader.optional("forwarders") ?? [])
        guard forwarders.count <= Self.maximumForwarders, Set(forwarders).count == forwarders.count,
            forwarders.allSatisfy({ !$0.isMulticast && !$0.isUnspecified && !$0.isLinkLocal })
        else {
            throw FieldError(
                field: reader.path(of: "forwarders"),
                rule: "must be at most \(Self.maximumForwarders) different unicast addresses that are not link-local")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in if !forwarders.isEmpty { writer.member("forwarders", forwarders) } }
    }
}
