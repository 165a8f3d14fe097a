package import Addressing
package import Resources

/// One thing that a policy lets through.
package struct PolicyRule: Hashable, Sendable {
    package enum Direction: Sendable {
        /// Towards the attachment; a rule's peers stand under `from`.
        case ingress
        /// Away from the attachment; a rule's peers stand under `to`.
        case egress

        package var peersName: String { self == .ingress ? "from" : "to" }
    }

    package var `protocol`: PolicyProtocol
    /// Destination ports, in order and disjoint; empty: all. Only for protocols that have ports.
    package var ports: [PortRange]
    /// ICMPv6 types, in order; empty: all that the guards let pass. Only for `icmpv6`.
    package var types: [UInt8]
    /// nil: anyone. Never empty.
    package var peers: [PolicyPeer]?
    /// Whether the packets that begin a flow are logged.
    package var log: Bool
    /// How many packets a second the rule lets through that begin a flow; nil: any number. 1 to 1,000,000.
    package var rate: UInt32?

    package init(
        _ protocol: PolicyProtocol, ports: [PortRange] = [], types: [UInt8] = [], peers: [PolicyPeer]? = nil,
        log: Bool = false, rate: UInt32? = nil
    ) {
        self.protocol = `protocol`
        self.ports = ports
        self.types = types
        self.peers = peers
        self.log = log
        self.rate = rate
    }

    package static let maximumPorts = 64
    package static let maximumPeers = 256
    package static let rates: ClosedRange<UInt32> = 1...1_000_000

    /// ICMPv6 types that the guards alone decide: MLD (RFC 3810, 2710) and Neighbor Discovery (RFC 4861).
    package static let guardedTypes: Set<UInt8> = [130, 131, 132, 133, 134, 135, 136, 137, 143]

    var combinations: Int { max(1, ports.count + types.count) * max(1, peers?.count ?? 1) }
}

/// What a rule matches above IPv6. The names and numbers are IANA's protocol numbers; all are protocols that the guards
/// let a guest send.
package enum PolicyProtocol: String, Choice {
    case any, tcp, udp, sctp, icmpv6, esp, gre, ipip, ipv6, ospf, vrrp, udplite

    /// nil for `any`.
    package var number: UInt8? {
        switch self {
        case .any: nil
        case .ipip: 4
        case .tcp: 6
        case .udp: 17
        case .ipv6: 41
        case .gre: 47
        case .esp: 50
        case .icmpv6: 58
        case .ospf: 89
        case .vrrp: 112
        case .sctp: 132
        case .udplite: 136
        }
    }

    package var hasPorts: Bool { self == .tcp || self == .udp || self == .sctp }
}

/// The other side of a rule.
package enum PolicyPeer: Hashable, Sendable {
    /// IPv4 prefixes in their mapped form (::ffff:a.b.c.d, length + 96).
    case prefix(IPv6Prefix)
    /// The addresses of the attachments that refer to that policy, link-local ones excepted.
    case members(Reference<Policy>)
}

extension PolicyPeer {
    init(json node: JSONNode, path: String, _ direction: PolicyRule.Direction) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let prefix = try Self.prefix(&reader)
        let policy = try reader.optional("policy", as: Reference<Policy>.self)
        try reader.finish()
        switch (prefix, policy) {
        case (let prefix?, nil):
            guard direction == .egress || !prefix.address.isMulticast else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description,
                    rule: "must not be multicast: nobody sends from there")
            }
            self = .prefix(prefix)
        case (nil, let policy?):
            if case .name(let name) = policy, BuiltInPolicy(name: name) != nil {
                throw FieldError(
                    field: reader.path(of: "policy"), value: name.text,
                    rule: "must be a policy of the project: a built-in policy has no members to name")
            }
            self = .members(policy)
        case (nil, nil), (_?, _?):
            throw FieldError(field: path, value: node.excerpt, rule: "must have either 'prefix' or 'policy'")
        }
    }

    /// One of either family: an IPv4 one has no colon.
    private static func prefix(_ reader: inout FieldReader) throws(FieldError) -> IPv6Prefix? {
        guard let text = try reader.optional("prefix", as: String.self) else { return nil }
        guard !text.contains(":") else {
            do { return try IPv6Prefix(parsing: text) } catch {
                throw FieldError(field: reader.path(of: "prefix"), error)
            }
        }
        let prefix: IPv4Prefix
        do { prefix = try IPv4Prefix(parsing: text) } catch {
            throw FieldError(field: reader.path(of: "prefix"), error)
        }
        return prefix.mapped
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .prefix(let prefix): writer.member("prefix", prefix.ipv4?.description ?? prefix.description)
            case .members(let policy): writer.member("policy", policy)
            }
        }
    }
}

extension PolicyRule {
    static func rules(_ node: JSONNode, path: String, _ direction: Direction) throws(FieldError) -> [PolicyRule] {
        guard case .array(let nodes) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an array, not \(node.typeName)")
        }
        // Before any rule is read: a document of a million rules costs one look.
        guard nodes.count <= Policy.Spec.maximumRules else {
            throw FieldError(
                field: path, value: "\(nodes.count) rules",
                rule: "must be at most \(Policy.Spec.maximumRules) rules in both directions together")
        }
        var rules: [PolicyRule] = []
        for (index, node) in nodes.enumerated() {
            rules.append(try PolicyRule(json: node, path: "\(path)[\(index)]", direction))
        }
        return rules
    }

    init(json node: JSONNode, path: String, _ direction: Direction) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            try reader.required("protocol"), ports: try reader.optional("ports") ?? [],
            log: try reader.optional("log") ?? false, rate: try reader.optional("rate"))
        try takePorts(path: reader.path(of: "ports"))
        try takeTypes(reader.optional("types") ?? [], path: reader.path(of: "types"))
        if let peers = reader.node(direction.peersName) {
            try takePeers(peers, path: reader.path(of: direction.peersName), direction)
        }
        if let rate, !Self.rates.contains(rate) {
            throw FieldError(
                field: reader.path(of: "rate"), value: "\(rate)",
                rule: "must be from \(Self.rates.lowerBound) to \(Self.rates.upperBound) packets a second")
        }
        try reader.finish()
    }

    private mutating func takePorts(path: String) throws(FieldError) {
        guard !ports.isEmpty else { return }
        guard self.protocol.hasPorts else {
            throw FieldError(field: path, rule: "must be absent for protocol '\(self.protocol.rawValue)'")
        }
        guard ports.count <= Self.maximumPorts else {
            throw FieldError(field: path, value: "\(ports.count) ranges", rule: "must be at most \(Self.maximumPorts)")
        }
        ports.sort()
        for (lower, upper) in zip(ports, ports.dropFirst()) where upper.first <= lower.last {
            throw FieldError(
                field: path, value: upper.description, rule: "must not overlap, and this one overlaps \(lower)")
        }
    }

    private mutating func takeTypes(_ numbers: [UInt32], path: String) throws(FieldError) {
        guard !numbers.isEmpty else { return }
        guard self.protocol == .icmpv6 else {
            throw FieldError(field: path, rule: "must be absent for protocol '\(self.protocol.rawValue)'")
        }
        for (index, number) in numbers.enumerated() {
            guard let type = UInt8(exactly: number) else {
                throw FieldError(field: "\(path)[\(index)]", value: "\(number)", rule: "must be from 0 to 255")
            }
            guard !Self.guardedTypes.contains(type) else {
                throw FieldError(
                    field: "\(path)[\(index)]", value: "\(number)",
                    rule: "must not be of Neighbor Discovery or MLD: the guards decide about those, no policy does")
            }
            types.append(type)
        }
        types.sort()
        guard Set(types).count == types.count else { throw FieldError(field: path, rule: "must not repeat a type") }
        guard types.count <= Self.maximumPorts else {
            throw FieldError(field: path, value: "\(types.count) types", rule: "must be at most \(Self.maximumPorts)")
        }
    }

    private mutating func takePeers(_ node: JSONNode, path: String, _ direction: Direction) throws(FieldError) {
        if case .null = node.content { return }
        guard case .array(let nodes) = node.content else {
            throw FieldError(field: path, value: node.excerpt, rule: "must be an array, not \(node.typeName)")
        }
        guard (1...Self.maximumPeers).contains(nodes.count) else {
            throw FieldError(
                field: path, value: "\(nodes.count) peers",
                rule: "must be 1 to \(Self.maximumPeers) peers, or absent for anyone")
        }
        var peers: [PolicyPeer] = []
        for (index, node) in nodes.enumerated() {
            peers.append(try PolicyPeer(json: node, path: "\(path)[\(index)]", direction))
        }
        guard Set(peers).count == peers.count else { throw FieldError(field: path, rule: "must not repeat a peer") }
        self.peers = peers
    }

    func write(to writer: inout JSONWriter, _ direction: Direction) {
        writer.object { writer in
            writer.member("protocol", self.protocol)
            if !ports.isEmpty { writer.member("ports", ports) }
            if !types.isEmpty { writer.member("types", types.map(UInt32.init)) }
            if let peers {
                writer.name(direction.peersName)
                writer.array { writer in for peer in peers { peer.write(to: &writer) } }
            }
            if log { writer.member("log", log) }
            writer.member("rate", rate)
        }
    }
}
