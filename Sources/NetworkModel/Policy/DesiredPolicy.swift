package import Addressing
package import Resources

/// A policy of an attachment, as a host needs it.
package enum PolicyUse: Hashable, Sendable, CustomStringConvertible {
    case builtIn(BuiltInPolicy)
    /// One of `HostSnapshot.policies`.
    case policy(ResourceID)

    package var description: String {
        switch self {
        case .builtIn(let builtIn): builtIn.rawValue
        case .policy(let id): id.description
        }
    }
}

/// A policy that an attachment of this host refers to: its rules, with references to other policies resolved to ids.
/// The addresses of their members are in `HostSnapshot.members`, so that a member's change does not send the rules again.
package struct DesiredPolicy: Hashable, Sendable {
    package var id: ResourceID
    package var generation: UInt64
    package var ingress: [PolicyRule]
    /// nil: says nothing about what leaves.
    package var egress: [PolicyRule]?

    package init(id: ResourceID, generation: UInt64, ingress: [PolicyRule], egress: [PolicyRule]? = nil) {
        self.id = id
        self.generation = generation
        self.ingress = ingress
        self.egress = egress
    }

    /// The same for a reader that knows no IPv4 prefixes: they let nothing through there in any case.
    var withoutIPv4: DesiredPolicy {
        func reduce(_ rules: [PolicyRule]) -> [PolicyRule] {
            rules.compactMap { rule in
                guard let peers = rule.peers else { return rule }
                var rule = rule
                rule.peers = peers.filter {
                    if case .prefix(let prefix) = $0 { prefix.ipv4 == nil } else { true }
                }
                return rule.peers?.isEmpty == true ? nil : rule
            }
        }
        return DesiredPolicy(id: id, generation: generation, ingress: reduce(ingress), egress: egress.map(reduce))
    }

    /// The policies whose members stand in a rule.
    package var peers: Set<ResourceID> {
        Set(Policy.Spec(ingress: ingress, egress: egress).peers.compactMap(\.id))
    }
}

/// The addresses of the attachments that refer to a policy, on all hosts: assigned, static and learned ones, without
/// link-local ones (which mean nothing outside their segment).
package struct PolicyMembers: Hashable, Sendable {
    package var policy: ResourceID
    package var addresses: Set<IPv6Address>

    package init(policy: ResourceID, addresses: Set<IPv6Address>) {
        self.policy = policy
        self.addresses = addresses
    }
}

extension HostSnapshot {
    /// The other side of a rule with members resolved to addresses: nil for anyone, empty when it names policies that
    /// have no members now. In order, without repetition; prefixes may contain one another.
    package func peers(of rule: PolicyRule) -> [IPv6Prefix]? {
        guard let peers = rule.peers else { return nil }
        var prefixes: Set<IPv6Prefix> = []
        for peer in peers {
            switch peer {
            case .prefix(let prefix): prefixes.insert(prefix)
            case .members(let policy):
                guard let id = policy.id else { continue }
                for address in members[id, default: []] {
                    prefixes.insert(IPv6Prefix(containing: address, length: 128))
                }
            }
        }
        return prefixes.sorted()
    }
}

extension PolicyUse: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        if let builtIn = BuiltInPolicy(rawValue: text) {
            self = .builtIn(builtIn)
        } else {
            self = .policy(try ResourceID(json: node, path: path))
        }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension DesiredPolicy: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let id: ResourceID = try reader.required("id")
        let generation: UInt64 = try reader.required("generation")
        let spec: Policy.Spec = try reader.required("spec")
        try reader.finish()
        self.init(id: id, generation: generation, ingress: spec.ingress, egress: spec.egress)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", id)
            writer.member("generation", generation)
            writer.member("spec", Policy.Spec(ingress: ingress, egress: egress))
        }
    }
}

extension PolicyMembers: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            policy: try reader.required("policy"),
            addresses: Set(try reader.optional("addresses", as: [IPv6Address].self) ?? []))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("policy", policy)
            writer.member("addresses", addresses.sorted())
        }
    }
}
