import NetworkModel
import Persistence
import Resources

extension Policy: ServedKind {
    static var tag: Kind { .policy }
    static func wrap(_ resource: Resource<Policy>) -> AnyResource { .policy(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Policy>? {
        if case .policy(let policy) = resource { policy } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) {
        let name = plan.draftName
        guard BuiltInPolicy(name: name) == nil else {
            throw Problem(
                .nameTaken, field: "name", value: name.text,
                rule: "is the name of a built-in policy: attachments may use it as it is; choose another name")
        }
        return (try resolve(spec, name: name, old: nil, &plan, state), Nothing())
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Policy>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        guard BuiltInPolicy(name: name) == nil else {
            throw Problem(.nameTaken, field: "name", value: name.text, rule: "is the name of a built-in policy")
        }
        return (try resolve(spec, name: name, old: old.spec, &plan, state), Nothing())
    }

    static func release(_ old: Resource<Policy>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        let id = old.metadata.id
        let users = state.relations.usersOfPolicy[id, default: []]
        guard users.isEmpty else {
            throw Problem(
                .inUse, "policy '\(old.metadata.name)' is used by \(state.names(users)); give them another one first")
        }
        let namers = state.relations.namersOfPolicy[id, default: []]
        guard namers.isEmpty else {
            throw Problem(
                .inUse,
                "policy '\(old.metadata.name)' stands as a peer in rules of \(state.names(namers)); change those first")
        }
    }

    /// The spec with the policies that rules name as ids.
    private static func resolve(
        _ spec: Spec, name: Name, old: Spec?, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) -> Spec {
        var spec = spec
        let known = old?.peers ?? []
        var referred: Set<ResourceID> = []
        func resolve(_ rules: inout [PolicyRule], _ direction: PolicyRule.Direction, _ list: String) throws(Problem) {
            for index in rules.indices {
                for (number, peer) in (rules[index].peers ?? []).enumerated() {
                    guard case .members(let reference) = peer else { continue }
                    let field = "spec.\(list)[\(index)].\(direction.peersName)[\(number)].policy"
                    guard reference != .name(name), reference != .id(plan.id) else {
                        throw Problem(
                            field: field, value: reference.description,
                            rule: "must not be the policy itself; 'allow-segment' lets members of a segment talk")
                    }
                    let item = try state.resolve(reference, as: Policy.self, in: plan.projectID, field: field)
                    guard item.id != plan.id else {
                        throw Problem(field: field, value: reference.description, rule: "must not be the policy itself")
                    }
                    rules[index].peers?[number] = .members(.id(item.id))
                    if !known.contains(.id(item.id)), referred.insert(item.id).inserted { plan.refer(to: item) }
                }
                if let peers = rules[index].peers, Set(peers).count != peers.count {
                    throw Problem(
                        field: "spec.\(list)[\(index)].\(direction.peersName)", value: "",
                        rule: "must not repeat a peer: a name and an id there are of one policy")
                }
            }
        }
        try resolve(&spec.ingress, .ingress, "ingress")
        if var egress = spec.egress {
            try resolve(&egress, .egress, "egress")
            spec.egress = egress
        }
        // What was written before there was this bound may get another label.
        if spec != old { try requireSmall(spec, id: plan.id, state) }
        return spec
    }

    /// Refuses what hosts would take long to build, alone or beside the other policies of an attachment.
    private static func requireSmall(_ spec: Spec, id: ResourceID, _ state: CacheState) throws(Problem) {
        let ingress = PolicySize(spec.ingress) { state.memberCount(of: $0) }
        let egress = PolicySize(spec.egress ?? []) { state.memberCount(of: $0) }
        guard ingress.pieces + egress.pieces <= Spec.maximumPieces else {
            let (list, size) = egress.pieces > ingress.pieces ? ("egress", egress) : ("ingress", ingress)
            throw Problem(
                field: "spec.\(list)[\(size.largest)]", value: "\(ingress.pieces + egress.pieces) pieces in all rules",
                rule: "must be at most \(Spec.maximumPieces) pieces in all rules: for each span of ports between the "
                    + "bounds of any rule, the peers of every rule that holds it, members counted; this rule has most: "
                    + "give it fewer peers (prefixes in place of members) or ports of its own, or join ports to ranges")
        }
        var seen: Set<Set<ResourceID>> = []
        for user in state.relations.usersOfPolicy[id, default: []] {
            guard let attachment = state.resource(user, as: Attachment.self) else { continue }
            let ids = Set(
                attachment.spec.policies.compactMap { if case .policy(let used) = $0 { used.id } else { nil } })
            guard ids.count > 1, seen.insert(ids).inserted else { continue }
            let pieces = state.pieces(of: ids, with: (id, spec))
            guard pieces <= Spec.maximumPiecesOfPort else {
                throw Problem(
                    field: "spec", value: "\(pieces) pieces with other policies",
                    rule:
                        "must be at most \(Spec.maximumPiecesOfPort) pieces of ports times peers together with the other "
                        + "policies of \(state.place(user)); take one of them from it first")
            }
        }
    }
}

extension CacheState {
    /// How many addresses stand for a policy in rules.
    func memberCount(of policy: ResourceID) -> Int { relations.membersOfPolicy[policy, default: [:]].count }

    /// What the rules of policies that an attachment has together are cut into, one of them perhaps not written yet.
    func pieces(of policies: Set<ResourceID>, with draft: (id: ResourceID, spec: Policy.Spec)? = nil) -> Int {
        var all = Policy.Spec()
        for id in policies {
            guard let spec = id == draft?.id ? draft?.spec : resource(id, as: Policy.self)?.spec else { continue }
            all.ingress += spec.ingress
            all.egress = (all.egress ?? []) + (spec.egress ?? [])
        }
        return all.pieces { memberCount(of: $0) }
    }
}
