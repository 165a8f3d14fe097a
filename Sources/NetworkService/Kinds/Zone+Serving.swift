import Addressing
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

/// A zone has a key of its own from its first day. The key is no part of the resource: it stands beside it in the store,
/// goes to the hosts with the role `dns` and to nobody else, and is kept wherever that role moves.
extension Zone: ServedKind {
    static var tag: Kind { .zone }
    static func wrap(_ resource: Resource<Zone>) -> AnyResource { .zone(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Zone>? {
        if case .zone(let zone) = resource { zone } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) {
        if let holder = state.names.zones[spec.domain], holder != plan.id {
            throw Problem(
                .nameTaken, field: "spec.domain", value: spec.domain.description,
                rule: "is that of \(state.place(holder))")
        }
        plan.claim(StoreLayout.domain(spec.domain), for: plan.id)
        plan.put(StoreLayout.signingKey(plan.id), Array(SigningKey.random().secret.utf8))
        return (try resolve(spec, old: nil, &plan, state), Nothing())
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Zone>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        guard spec.domain == old.spec.domain else {
            throw Problem(
                field: "spec.domain", value: spec.domain.description,
                rule: "must stay \(old.spec.domain): what is in a zone has its names by it; create another zone")
        }
        return (try resolve(spec, old: old.spec, &plan, state), Nothing())
    }

    static func release(_ old: Resource<Zone>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        let id = old.metadata.id
        let records = state.names.recordsOfZone[id, default: []]
        guard records.isEmpty else {
            throw Problem(
                .inUse, "zone '\(old.metadata.name)' has \(state.names(records)) in it; delete them first")
        }
        plan.delete(StoreLayout.domain(old.spec.domain))
        plan.delete(StoreLayout.signingKey(id))
    }

    private static func resolve(_ spec: Spec, old: Spec?, _ plan: inout WritePlan, _ state: CacheState)
        throws(Problem) -> Spec
    {
        var spec = spec
        for (index, reference) in spec.projects.enumerated() {
            let item = try state.resolve(reference, as: Project.self, in: nil, field: "spec.projects[\(index)]")
            spec.projects[index] = .id(item.id)
            if old?.projects.contains(.id(item.id)) != true { plan.refer(to: item) }
        }
        guard Set(spec.projects).count == spec.projects.count else {
            throw Problem(field: "spec.projects", value: "", rule: "must not repeat a project, by name or id")
        }
        return spec
    }
}

extension SigningKey {
    /// From the kernel's random numbers.
    fileprivate static func random() -> SigningKey {
        var source = SystemRandomNumberGenerator()
        while true {
            if let key = SigningKey(octets: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &source) }) {
                return key
            }
        }
    }
}
