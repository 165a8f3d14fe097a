package import Addressing
package import Resources

/// What routes segments to elsewhere. `managed`: KC runs a router in a network namespace of one host.
package enum Gateway: ResourceKind {
    package static let kind = KindName("gateway", plural: "gateways", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var type: GatewayType
        /// The host that carries the namespace.
        package var host: Reference<Host>
        /// The segments it is the router of; a segment has at most one gateway.
        package var segments: [Reference<Segment>]
        /// Recursive resolvers for guests (RDNSS, RFC 8106); at most 8.
        package var resolvers: [IPv6Address]
        /// The way of its segments to the IPv4 world; nil when they have none.
        package var nat64: NAT64?
        /// A recursive resolver of the gateway's own for its guests; nil for none, unless `nat64` needs one for DNS64.
        package var resolver: ResolverSpec?

        package init(
            type: GatewayType = .managed, host: Reference<Host>, segments: [Reference<Segment>],
            resolvers: [IPv6Address] = [], nat64: NAT64? = nil,
            resolver: ResolverSpec? = nil
        ) {
            self.resolver = resolver
            self.nat64 = nat64
            self.type = type
            self.host = host
            self.segments = segments
            self.resolvers = resolvers
        }

        package static let maximumSegments = 1000
        package static let maximumResolvers = 8
    }

    /// The attachments that are its ports, one per segment.
    package struct Assigned: Hashable, JSONCodable {
        /// Attachment id by segment id.
        package var ports: [ResourceID: ResourceID]
        package init(ports: [ResourceID: ResourceID]) { self.ports = ports }
    }
}

package enum GatewayType: String, Choice {
    case managed
}

extension Gateway.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            type: try reader.optional("type") ?? .managed, host: try reader.required("host"),
            segments: try reader.required("segments"), resolvers: try reader.optional("resolvers") ?? [],
            nat64: try reader.optional("nat64"), resolver: try reader.optional("resolver"))
        guard segments.count <= Self.maximumSegments, Set(segments).count == segments.count else {
            throw FieldError(
                field: reader.path(of: "segments"), rule: "must be at most \(Self.maximumSegments) and not repeat one")
        }
        guard resolvers.count <= Self.maximumResolvers else {
            throw FieldError(field: reader.path(of: "resolvers"), rule: "must be at most \(Self.maximumResolvers)")
        }
        for (index, resolver) in resolvers.enumerated() where resolver.isMulticast || resolver.isUnspecified {
            throw FieldError(
                field: "\(reader.path(of: "resolvers"))[\(index)]", value: resolver.description,
                rule: "must be a unicast address")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("type", type)
            writer.member("host", host)
            writer.member("segments", segments)
            writer.member("resolvers", resolvers)
            if let nat64 { writer.member("nat64", nat64) }
            if let resolver { writer.member("resolver", resolver) }
        }
    }
}

extension Gateway.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        try self.init(portsOf: reader.required("ports"), path: reader.path(of: "ports"))
        try reader.finish()
    }

    /// Reads attachment ids by the text of segment ids.
    init(portsOf texts: [String: ResourceID], path: String) throws(FieldError) {
        self.init(ports: [:])
        for (segment, attachment) in texts {
            guard let id = ResourceID(segment) else {
                throw FieldError(field: path, value: segment, rule: "must have ids as names")
            }
            ports[id] = attachment
        }
    }

    var portsByText: [String: ResourceID] {
        [String: ResourceID](uniqueKeysWithValues: ports.map { ($0.key.description, $0.value) })
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in writer.member("ports", portsByText) }
    }
}
