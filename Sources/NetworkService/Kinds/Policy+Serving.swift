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
        let elements = state.elements(of: spec)
        guard elements <= Spec.maximumElements else {
            throw Problem(
                field: "spec", value: "\(elements) elements",
                rule: "must be at most \(Spec.maximumElements) ports times peer addresses, members counted")
        }
        return spec
    }
}

extension CacheState {
    /// How much a policy with this resolved spec is, members of other policies counted by their addresses.
    func elements(of spec: Policy.Spec) -> Int {
        var elements = 0
        for rule in spec.ingress + (spec.egress ?? []) {
            var peers = rule.peers == nil ? 1 : 0
            for peer in rule.peers ?? [] {
                guard case .members(let policy) = peer, let id = policy.id else {
                    peers += 1
                    continue
                }
                peers += relations.membersOfPolicy[id, default: [:]].count
            }
            elements += max(1, rule.ports.count + rule.types.count) * peers
        }
        return elements
    }
}
