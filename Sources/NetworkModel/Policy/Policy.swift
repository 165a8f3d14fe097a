package import Resources

/// A named set of stateful rules that attachments refer to: who may begin to talk to them, and to whom they may begin
/// to talk. What belongs to a flow that was let through passes in both directions by itself.
///
/// An attachment with several policies lets in what any of them lets in. A policy without `egress` says nothing about
/// what leaves; as soon as one policy of an attachment has `egress`, only what one of the lists allows may leave (except
/// for an attachment that has `allow-all` too). No policy switches off a guard against spoofing, rogue router
/// advertisements or rogue DHCP.
package enum Policy: ResourceKind {
    package static let kind = KindName("policy", plural: "policies", isInProject: true)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        /// Who may begin to talk to an attachment; empty: nobody.
        package var ingress: [PolicyRule]
        /// With whom an attachment may begin to talk; nil: with everybody, empty: with nobody.
        package var egress: [PolicyRule]?

        package init(ingress: [PolicyRule] = [], egress: [PolicyRule]? = nil) {
            self.ingress = ingress
            self.egress = egress
        }

        /// Of both directions together.
        package static let maximumRules = 256
        /// Of all rules together: ports (or ICMPv6 types) times peers, a rule without either counting as one. Members
        /// of policies are not counted here.
        package static let maximumCombinations = 16_384
        /// What its rules are cut into (``PolicySize``), every address of the members of named policies counted, both
        /// directions together. A kernel takes some seconds for as many elements, and four times as long for twice as
        /// many.
        package static let maximumPieces = 8192
        /// The same of all policies of one attachment. Members get further addresses by themselves, so it is more than
        /// one policy may have when it is written. A host keeps a port that has more closed.
        package static let maximumPiecesOfPort = 16_384

        /// What the rules of both directions are cut into.
        package func pieces(members: (ResourceID) -> Int) -> Int {
            PolicySize(ingress, members: members).pieces + PolicySize(egress ?? [], members: members).pieces
        }

        /// The policies whose members stand in a rule.
        package var peers: Set<Reference<Policy>> {
            var peers: Set<Reference<Policy>> = []
            for rule in ingress + (egress ?? []) {
                for case .members(let policy) in rule.peers ?? [] { peers.insert(policy) }
            }
            return peers
        }
    }
}

extension Policy.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        func rules(_ name: String, _ direction: PolicyRule.Direction) throws(FieldError) -> [PolicyRule]? {
            guard let node = reader.node(name) else { return nil }
            if case .null = node.content { return nil }
            return try PolicyRule.rules(node, path: reader.path(of: name), direction)
        }
        let ingress = try rules("ingress", .ingress) ?? []
        let egress = try rules("egress", .egress)
        try reader.finish()
        self.init(ingress: ingress, egress: egress)
        let count = ingress.count + (egress?.count ?? 0)
        guard count <= Self.maximumRules else {
            throw FieldError(
                field: path + (egress == nil ? ".ingress" : ".egress"), value: "\(count) rules",
                rule: "must be at most \(Self.maximumRules) rules in both directions together")
        }
        let combinations = (ingress + (egress ?? [])).reduce(0) { $0 + $1.combinations }
        guard combinations <= Self.maximumCombinations else {
            throw FieldError(
                field: path, value: "\(combinations) combinations",
                rule: "must be at most \(Self.maximumCombinations) ports times peers, of all rules together")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("ingress")
            writer.array { writer in for rule in ingress { rule.write(to: &writer, .ingress) } }
            guard let egress else { return }
            writer.name("egress")
            writer.array { writer in for rule in egress { rule.write(to: &writer, .egress) } }
        }
    }
}
