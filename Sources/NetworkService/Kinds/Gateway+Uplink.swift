import Addressing
import NetworkModel
import Persistence
import Resources

/// What a gateway has beside its ports: a guest as router, policies, an interface of its host.
extension Gateway {
    /// The attachment that is the router, and its segment, which becomes the gateway's.
    static func resolveRouter(
        _ spec: inout Spec, over old: Spec?, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) -> (segment: Item, port: ResourceID) {
        guard let reference = spec.attachment else {
            throw Problem(field: "spec.attachment", value: "", rule: "is required")
        }
        let item = try state.resolve(reference, as: Attachment.self, in: plan.projectID, field: "spec.attachment")
        guard let attachment = Attachment.unwrap(item.resource), let id = attachment.spec.segment.id,
            let segment = state.items[id]
        else { throw Problem(.internal, "attachment \(item.id) has no segment") }
        if case .gateway(let gateway) = attachment.spec.port {
            throw Problem(
                field: "spec.attachment", value: item.name.text,
                rule: "must be a guest's: this one is a port of \(state.place(gateway))")
        }
        for (index, named) in spec.segments.enumerated() {
            let field = "spec.segments[\(index)]"
            guard try state.resolve(named, as: Segment.self, in: plan.projectID, field: field).id == id else {
                throw Problem(
                    field: field, value: named.description,
                    rule: "must be '\(segment.name)', the attachment's segment; leave it out")
            }
        }
        spec.attachment = .id(item.id)
        spec.segments = [.id(id)]
        if old?.attachment != spec.attachment { plan.refer(to: item) }
        return (segment, item.id)
    }

    static func resolvePolicies(
        _ spec: inout Spec, over old: Spec?, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        for (index, reference) in spec.policies.enumerated() {
            guard case .policy(let policy) = reference else { continue }
            let item = try state.resolve(
                policy, as: Policy.self, in: plan.projectID, field: "spec.policies[\(index)]")
            spec.policies[index] = .policy(.id(item.id))
            if old?.policies.contains(spec.policies[index]) != true { plan.refer(to: item) }
        }
        guard Set(spec.policies).count == spec.policies.count else {
            throw Problem(
                field: "spec.policies", value: "", rule: "must not repeat a policy: a name and an id are of one")
        }
    }

    /// An operator's interface serves one gateway or attachment at a time.
    static func claimUplink(
        _ spec: Spec, over old: Spec?, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        if spec.uplink != nil, spec.uplink != old?.uplink {
            guard plan.principal.reachesIntoHosts else {
                throw Problem(
                    .forbidden, "an uplink reaches into the host: only an operator may", field: "spec.uplink")
            }
        }
        let before = old.flatMap(interface(of:))
        let after = interface(of: spec)
        guard before != after else { return }
        if let before { plan.delete(StoreLayout.interface(host: before.host, before.interface)) }
        guard let after else { return }
        let field = "spec.uplink.interface"
        guard state.resource(after.host, as: Host.self)?.spec.interface != after.interface else {
            throw Problem(
                field: field, value: after.interface.text,
                rule: "must not be the interface of the host's underlay: the host would lose it; name another one, or "
                    + "use an uplink of type 'routed'")
        }
        guard !after.interface.text.hasPrefix("kc") else {
            throw Problem(field: field, value: after.interface.text, rule: "must not be a device of KC's own")
        }
        if let holder = state.holders.interface[after], holder != plan.id {
            throw Problem(.inUse, field: field, value: after.interface.text, rule: "is taken by \(state.place(holder))")
        }
        plan.claim(StoreLayout.interface(host: after.host, after.interface), for: plan.id)
    }

    /// With a routed uplink the host itself gets a route to each segment's prefix: none may lead its own traffic astray.
    static func requireHarmless(_ segments: [Item], for spec: Spec, _ state: CacheState) throws(Problem) {
        guard spec.uplink?.way == .routed else { return }
        for (index, item) in segments.enumerated() {
            guard let prefix = Segment.unwrap(item.resource)?.assigned.prefix,
                let (vtep, host) = state.holders.vtep.first(where: { prefix.contains($0.key) })
            else { continue }
            throw Problem(
                field: "spec.segments[\(index)]", value: item.name.text,
                rule: "has the prefix \(prefix), which the VTEP \(vtep) of \(state.place(host)) is in: the underlay "
                    + "would be routed into the segment; give the segment another prefix")
        }
    }

    static func releaseUplink(_ old: Resource<Gateway>, _ plan: inout WritePlan) {
        for held in interfaces(of: old) { plan.delete(StoreLayout.interface(host: held.host, held.interface)) }
    }

    /// The operator's interfaces that a gateway has: one on each host that carries it.
    static func interfaces(of gateway: Resource<Gateway>) -> [Holders.HostInterface] {
        var spec = gateway.spec
        return gateway.carriers.compactMap { host in
            spec.host = .id(host)
            return interface(of: spec)
        }
    }

    /// The operator's interface that a resolved spec has.
    static func interface(of spec: Spec) -> Holders.HostInterface? {
        guard case .interface(let uplink) = spec.uplink?.way, let host = spec.host?.id else { return nil }
        return Holders.HostInterface(host: host, interface: uplink.interface)
    }
}

extension Resource<Gateway> {
    /// What crosses the uplink.
    var effectivePolicies: [PolicyUse] {
        spec.policies.compactMap { reference in
            switch reference {
            case .builtIn(let builtIn): .builtIn(builtIn)
            case .policy(let policy): policy.id.map { .policy($0) }
            }
        }
    }
}

extension CacheState {
    /// The gateway whose router is the guest of this attachment.
    func gateway(routedBy attachment: ResourceID) -> ResourceID? {
        guard let segment = resource(attachment, as: Attachment.self)?.spec.segment.id,
            let holder = holders.gateway[segment], let gateway = resource(holder, as: Gateway.self),
            gateway.spec.type == .attachment && gateway.assigned.ports[segment] == attachment
                || gateway.assigned.next?.holder == .attachment(attachment)
        else { return nil }
        return holder
    }
}
