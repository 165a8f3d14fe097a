import Addressing
import NetworkModel
import Resources

extension Host: ServedKind {
    static var tag: Kind { .host }
    static func wrap(_ resource: Resource<Host>) -> AnyResource { .host(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Host>? {
        if case .host(let host) = resource { host } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) {
        try requireFree(spec.vtep, for: plan.id, state)
        try requireNoVTEP(spec.serviceAddress, spec.vtep, state)
        plan.claim(StoreLayout.vtep(spec.vtep), for: plan.id)
        return (spec, Nothing())
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Host>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        try requireFree(spec.vtep, for: plan.id, state)
        try requireNoVTEP(spec.serviceAddress, spec.vtep, state)
        plan.move(StoreLayout.vtep(old.spec.vtep), to: StoreLayout.vtep(spec.vtep), for: plan.id)
        let gateways = state.relations.gatewaysOfHost[plan.id, default: []].count
        guard gateways == 0 || !old.spec.roles.contains(.gateway) || spec.roles.contains(.gateway) else {
            throw Problem(
                .inUse, field: "spec.roles", value: spec.roles.map(\.rawValue).joined(separator: ","),
                rule: "must keep 'gateway' while the host carries \(gateways) gateways")
        }
        return (spec, Nothing())
    }

    static func release(_ old: Resource<Host>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        let id = old.metadata.id
        let attachments = state.relations.attachmentsOfHost[id, default: []]
        let gateways = state.relations.gatewaysOfHost[id, default: []]
        guard gateways.isEmpty else {
            throw Problem(
                .inUse,
                "host '\(old.metadata.name)' carries \(state.names(gateways)); delete or move what it carries first")
        }
        guard attachments.isEmpty else {
            throw Problem(
                .inUse,
                "host '\(old.metadata.name)' has \(state.names(attachments)) bound to it; delete or move them first")
        }
        plan.delete(StoreLayout.vtep(old.spec.vtep))
        if state.leases[id] != nil { plan.delete(StoreLayout.lease(id)) }
        if state.lastSeen[id] != nil { plan.delete(StoreLayout.seen(id)) }
        for (resource, hosts) in state.reports where hosts[id] != nil {
            plan.delete(StoreLayout.report(resource, host: id))
        }
    }

    /// What is asked from gateways is no address of the underlay: there is never a way to that.
    private static func requireNoVTEP(_ service: IPv6Address?, _ vtep: IPv6Address, _ state: CacheState)
        throws(Problem)
    {
        if let service, let holder = state.holders.vtep[service], let host = state.items[holder] {
            throw Problem(
                .addressTaken, field: "spec.serviceAddress", value: service.description,
                rule: "is the VTEP of host '\(host.name)'; guests never reach the underlay")
        }
        for host in state.all(Host.self) where host.spec.serviceAddress == vtep {
            throw Problem(
                .addressTaken, field: "spec.vtep", value: vtep.description,
                rule: "is the service address of host '\(host.metadata.name)'")
        }
    }

    private static func requireFree(_ vtep: IPv6Address, for id: ResourceID, _ state: CacheState) throws(Problem) {
        guard let holder = state.holders.vtep[vtep], holder != id, let host = state.items[holder] else { return }
        throw Problem(
            .addressTaken, field: "spec.vtep", value: vtep.description, rule: "is the VTEP of host '\(host.name)'")
    }
}

extension CacheState {
    /// "3 attachments: web, db, mail", at most five names.
    func names(_ ids: Set<ResourceID>) -> String {
        guard let kind = ids.first.flatMap({ items[$0] })?.resource.kind.name else { return "0 resources" }
        let names = ids.compactMap { items[$0]?.name }.sorted()
        let shown = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        let word = names.count == 1 ? kind.singular : kind.plural
        return "\(names.count) \(word) (\(shown)\(names.count > 5 ? ", …" : ""))"
    }
}
