import NetworkModel
package import Resources

/// What files and commands need to know of a kind beside its names.
package struct KindDescription: Sendable {
    package let kind: KindName
    /// Members of `spec` that name resources (`a.b`: of an object or of objects in it), one or a list, and of which kind; in rules, the peers that are policies.
    package let references: [(member: String, kind: KindName)]
    private let checked: @Sendable (JSONNode) throws(FieldError) -> [UInt8]

    package init<Kind: ResourceKind>(_ type: Kind.Type, references: [(member: String, kind: KindName)] = []) {
        kind = Kind.kind
        self.references = references
        checked = { (node) throws(FieldError) in try Kind.Spec(json: node, path: "spec").json }
    }

    /// Every kind of the network core; what others refer to stands before what refers to it, so that applying in this
    /// order finds everything it needs.
    package static let all: [KindDescription] = [
        KindDescription(Underlay.self), KindDescription(Project.self), KindDescription(Pool.self),
        KindDescription(Host.self), KindDescription(Segment.self),
        KindDescription(Policy.self, references: [("ingress", Policy.kind), ("egress", Policy.kind)]),
        KindDescription(
            Attachment.self, references: [("segment", Segment.kind), ("host", Host.kind), ("policies", Policy.kind)]),
        KindDescription(
            Gateway.self,
            references: [
                ("host", Host.kind), ("attachment", Attachment.kind), ("segments", Segment.kind),
                ("policies", Policy.kind), ("nat64.pool", Pool.kind),
            ]),
        KindDescription(Mapping.self, references: [("attachment", Attachment.kind), ("pool", Pool.kind)]),
        KindDescription(GuestService.self, references: [("gateway", Gateway.kind)]),
        KindDescription(Zone.self, references: [("projects", Project.kind)]),
        KindDescription(Record.self, references: [("zone", Zone.kind)]),
    ]

    /// Not in `all`: a token is neither applied from a file, where its secret would be nowhere shown, nor exported.
    static let token = KindDescription(Token.self)

    /// Each once, in the order of `references`.
    package var kindsReferredTo: [KindName] {
        var kinds: [KindName] = []
        for reference in references where !kinds.contains(reference.kind) { kinds.append(reference.kind) }
        return kinds
    }

    /// The spec as KC itself writes it: every default filled in, members in their fixed order.
    /// - Throws: when the spec breaks a rule that needs no other resource.
    package func canonical(_ spec: JSONNode) throws(FieldError) -> JSONNode {
        let bytes = try checked(spec)
        do { return try JSONParser.parse(bytes) } catch { throw FieldError(field: "spec", rule: "\(error)") }
    }

    /// The spec with every reference passed through `transform`.
    package func mapReferences(_ spec: JSONNode, _ transform: (KindName, String) -> String) -> JSONNode {
        references.reduce(spec) { spec, reference in
            Self.map(spec, reference.member.split(separator: ".")[...]) { transform(reference.kind, $0) }
        }
    }

    private static func map(
        _ spec: JSONNode, _ path: ArraySlice<Substring>, _ transform: (String) -> String
    ) -> JSONNode {
        guard let first = path.first, let node = spec[String(first)] else { return spec }
        let rest = path.dropFirst()
        let mapped: JSONNode =
            switch node.content {
            case _ where rest.isEmpty: map(node, transform)
            case .array(let nodes): JSONNode(.array(nodes.map { map($0, rest, transform) }))
            default: map(node, rest, transform)
            }
        return spec.setting(String(first), to: mapped)
    }

    private static func map(_ node: JSONNode, _ transform: (String) -> String) -> JSONNode {
        switch node.content {
        case .string(let text): BuiltInPolicy(rawValue: text) == nil ? .string(transform(text)) : node
        case .array(let nodes): JSONNode(.array(nodes.map { map($0, transform) }))
        case .object:
            // A rule: its peers are under `from` or `to`, those that are policies under `policy`.
            ["from", "to", "policy"].reduce(node) { node, member in
                node[member].map { node.setting(member, to: map($0, transform)) } ?? node
            }
        default: node
        }
    }
}
