import NetworkModel
import Resources

extension Underlay: ServedKind {
    static var tag: Kind { .underlay }
    static func wrap(_ resource: Resource<Underlay>) -> AnyResource { .underlay(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Underlay>? {
        if case .underlay(let underlay) = resource { underlay } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) {
        throw Problem(.conflict, "there is one underlay, 'default', made at the first start; change that one")
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Underlay>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        guard name == old.metadata.name else {
            throw Problem(field: "name", value: name.text, rule: "must stay 'default': there is one underlay")
        }
        // Every VXLAN device and the packet filter of every host would have to change at one instant.
        if spec.port != old.spec.port, state.items.values.contains(where: \.resource.isSegment) {
            throw Problem(.inUse, "the underlay's port can change only while there are no segments; delete them first")
        }
        return (spec, Nothing())
    }

    static func release(_ old: Resource<Underlay>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        throw Problem(.inUse, "the underlay always exists")
    }
}

extension AnyResource {
    fileprivate var isSegment: Bool { if case .segment = self { true } else { false } }
}
