import Addressing
import NetworkModel
import Resources

extension GuestService: ServedKind {
    static var tag: Kind { .service }
    static func wrap(_ resource: Resource<GuestService>) -> AnyResource { .service(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<GuestService>? {
        if case .service(let service) = resource { service } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Nothing
    ) {
        var spec = spec
        let gateway = try resolve(&spec, plan, state)
        plan.refer(to: gateway)
        plan.claim(StoreLayout.service(gateway: gateway.id, port: spec.port), for: plan.id)
        return (spec, Nothing())
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<GuestService>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Nothing) {
        var spec = spec
        let gateway = try resolve(&spec, plan, state)
        guard spec.gateway == old.spec.gateway else {
            throw Problem(
                field: "spec.gateway", value: gateway.name.text,
                rule: "must stay \(old.spec.gateway); create another service")
        }
        if spec.port != old.spec.port {
            plan.move(
                StoreLayout.service(gateway: gateway.id, port: old.spec.port),
                to: StoreLayout.service(gateway: gateway.id, port: spec.port), for: plan.id)
        }
        return (spec, Nothing())
    }

    static func release(_ old: Resource<GuestService>, _ plan: inout WritePlan, _ state: inout CacheState)
        throws(Problem)
    {
        guard let gateway = old.spec.gateway.id else { return }
        plan.delete(StoreLayout.service(gateway: gateway, port: old.spec.port))
    }

    /// A managed gateway on which nobody else has the port; a consumer that is not of the underlay.
    private static func resolve(_ spec: inout Spec, _ plan: WritePlan, _ state: CacheState) throws(Problem) -> Item {
        let item = try state.resolve(spec.gateway, as: Gateway.self, in: plan.projectID, field: "spec.gateway")
        spec.gateway = .id(item.id)
        guard Gateway.unwrap(item.resource)?.spec.type == .managed else {
            throw Problem(
                field: "spec.gateway", value: item.name.text,
                rule: "must be of type 'managed': the router of another type is its guest's own affair")
        }
        for other in state.relations.servicesOfGateway[item.id, default: []] where other != plan.id {
            guard state.resource(other, as: GuestService.self)?.spec.port == spec.port else { continue }
            throw Problem(
                .inUse, field: "spec.port", value: "\(spec.port)", rule: "is that of \(state.place(other))")
        }
        if case .server(let address, _) = spec.consumer, let holder = state.holders.vtep[address] {
            throw Problem(
                field: "spec.consumer", value: spec.consumer.description,
                rule: "must not be on the underlay: it is the VTEP of \(state.place(holder))")
        }
        return item
    }
}

extension CacheState {
    /// Keeps a gateway's host in step with what the gateway offers.
    mutating func indexService(_ old: Resource<GuestService>?, _ new: Resource<GuestService>?) {
        for (resource, isNew) in [(old, false), (new, true)] {
            guard let resource, let gateway = resource.spec.gateway.id else { continue }
            if isNew {
                relations.servicesOfGateway[gateway, default: []].insert(resource.metadata.id)
            } else {
                relations.servicesOfGateway[gateway]?.remove(resource.metadata.id)
                if relations.servicesOfGateway[gateway]?.isEmpty == true {
                    relations.servicesOfGateway[gateway] = nil
                }
            }
            for host in self.resource(gateway, as: Gateway.self)?.carriers ?? [] {
                mark(host: host) { $0.gateways.insert(gateway) }
            }
        }
    }

    func desiredServices(of gateway: ResourceID) -> [DesiredService] {
        relations.servicesOfGateway[gateway, default: []].sorted().compactMap { id in
            resource(id, as: GuestService.self).map {
                DesiredService(
                    id: id, generation: $0.metadata.generation, port: $0.spec.port, consumer: $0.spec.consumer,
                    connections: $0.spec.connections)
            }
        }
    }
}
