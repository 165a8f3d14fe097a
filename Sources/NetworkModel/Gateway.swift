package import Addressing
package import Resources

/// What routes segments to elsewhere. `managed`: KC runs a router in a network namespace of one host; `attachment`: the
/// guest behind an attachment is the router (a firewall, a VPN).
package enum Gateway: ResourceKind {
    package static let kind = KindName("gateway", plural: "gateways", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var type: GatewayType
        /// The host that carries the namespace; always there when `managed`, never otherwise.
        package var host: Reference<Host>?
        /// Whose guest is the router; always there when the type is `attachment`, never otherwise.
        package var attachment: Reference<Attachment>?
        /// The segments it is the router of; a segment has at most one gateway. With the type `attachment` that of the
        /// attachment alone.
        package var segments: [Reference<Segment>]
        /// Recursive resolvers for guests (RDNSS, RFC 8106); at most 8.
        package var resolvers: [IPv6Address]
        /// The way of its segments to the IPv4 world; nil when they have none.
        package var nat64: NAT64?
        /// A recursive resolver of the gateway's own for its guests; nil for none, unless `nat64` needs one for DNS64.
        package var resolver: ResolverSpec?
        /// The way to the outside; nil when there is none, and then guests get no default route.
        package var uplink: GatewayUplink?
        /// What crosses the uplink, seen from the segments: what any of them lets through. Empty: everything that the
        /// ports' own policies let through.
        package var policies: [PolicyReference]
        package var limits: GatewayLimits

        package init(
            type: GatewayType = .managed, host: Reference<Host>? = nil, attachment: Reference<Attachment>? = nil,
            segments: [Reference<Segment>], resolvers: [IPv6Address] = [], nat64: NAT64? = nil,
            resolver: ResolverSpec? = nil,
            uplink: GatewayUplink? = nil, policies: [PolicyReference] = [], limits: GatewayLimits = .none
        ) {
            self.resolver = resolver
            self.nat64 = nat64
            self.type = type
            self.host = host
            self.attachment = attachment
            self.segments = segments
            self.resolvers = resolvers
            self.uplink = uplink
            self.policies = policies
            self.limits = limits
        }

        package static let maximumSegments = 1000
        package static let maximumResolvers = 8
    }

    /// The attachments that are its ports, one per segment.
    package struct Assigned: Hashable, JSONCodable {
        /// Attachment id by segment id.
        package var ports: [ResourceID: ResourceID]
        /// The IPv4 address behind which attachments without a mapping reach the IPv4 world; nil when they do not.
        package var outgoing: IPv4Address?
        /// The fencing token of whoever has the role: greater with each move, 0 before the first. An agent that knows
        /// one takes nothing over that has a lesser one.
        package var term: UInt64
        /// Who gets the role; nil unless it moves.
        package var next: NextHolder?
        /// Who had it and is not clear of it yet.
        package var formers: [FormerHolder]

        package init(
            ports: [ResourceID: ResourceID], outgoing: IPv4Address? = nil, term: UInt64 = 0, next: NextHolder? = nil,
            formers: [FormerHolder] = []
        ) {
            self.ports = ports
            self.outgoing = outgoing
            self.term = term
            self.next = next
            self.formers = formers
        }
    }
}

package enum GatewayType: String, Choice {
    case managed, attachment
}

extension Gateway.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let type = try reader.optional("type", as: GatewayType.self) ?? .managed
        self.init(
            type: type, host: try reader.optional("host"), attachment: try reader.optional("attachment"),
            segments: type == .managed ? try reader.required("segments") : try reader.optional("segments") ?? [],
            resolvers: try reader.optional("resolvers") ?? [], nat64: try reader.optional("nat64"),
            resolver: try reader.optional("resolver"),
            uplink: try reader.optional("uplink"), policies: try reader.optional("policies") ?? [],
            limits: try reader.optional("limits") ?? .none)
        try requireWhatTheTypeHas(reader)
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
            writer.member("attachment", attachment)
            writer.member("segments", segments)
            writer.member("resolvers", resolvers)
            if let nat64 { writer.member("nat64", nat64) }
            if let resolver { writer.member("resolver", resolver) }
            if let uplink { writer.member("uplink", uplink) }
            if !policies.isEmpty { writer.member("policies", policies) }
            if limits != .none { writer.member("limits", limits) }
        }
    }

    /// What belongs to one type of gateway is refused on the other: nothing that was written is left without effect.
    private func requireWhatTheTypeHas(_ reader: FieldReader) throws(FieldError) {
        switch type {
        case .managed:
            guard host != nil else { throw FieldError(field: reader.path(of: "host"), rule: "is required") }
            guard attachment == nil else {
                throw FieldError(
                    field: reader.path(of: "attachment"), rule: "must not be there when the type is 'managed'")
            }
        case .attachment:
            guard attachment != nil else {
                throw FieldError(
                    field: reader.path(of: "attachment"), rule: "is required when the type is 'attachment'")
            }
            let others = [
                ("host", host == nil), ("resolvers", resolvers.isEmpty), ("nat64", nat64 == nil),
                ("resolver", resolver == nil),
                ("uplink", uplink == nil), ("policies", policies.isEmpty), ("limits", limits == .none),
            ]
            if let (name, _) = others.first(where: { !$0.1 }) {
                throw FieldError(
                    field: reader.path(of: name),
                    rule: "must not be there when the type is 'attachment': that router is its guest's own affair")
            }
            guard segments.count <= 1 else {
                throw FieldError(
                    field: reader.path(of: "segments"), rule: "must be the attachment's segment alone; leave it out")
            }
        }
        guard policies.count <= Attachment.Spec.maximumPolicies, Set(policies).count == policies.count else {
            throw FieldError(
                field: reader.path(of: "policies"),
                rule: "must be at most \(Attachment.Spec.maximumPolicies) and not repeat one")
        }
    }
}

extension Gateway.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        try self.init(portsOf: reader.required("ports"), path: reader.path(of: "ports"))
        outgoing = try reader.optional("outgoing")
        term = try reader.optional("term") ?? 0
        next = try reader.optional("next")
        formers = try reader.optional("formers") ?? []
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
        writer.object { writer in
            writer.member("ports", portsByText)
            writer.member("outgoing", outgoing)
            if term != 0 { writer.member("term", term) }
            writer.member("next", next)
            if !formers.isEmpty { writer.member("formers", formers) }
        }
    }
}
