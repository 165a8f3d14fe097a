import Addressing
import Diagnosis
import NetworkModel
import Persistence
import Resources
import Synchronization

/// What a gateway gives to guests of a segment, as probes of ways look at it.
extension NetworkService {
    /// What agents are to look at beside the way itself.
    func extras(_ segment: ResourceID?) -> Set<PathExtra> {
        guard let segment else { return [.time, .closerLook] }
        let isAdvertised = cache.state.withLock { $0.worldRouter(segment) != nil }
        return Set([.segments, .time, .closerLook] + (isAdvertised ? [.routers] : []))
    }

    /// Whom guests of the segment are told to ask for names; nil for nobody.
    func resolver(_ segment: ResourceID?) -> PathResolver? {
        guard let segment else { return nil }
        return cache.state.withLock { state in
            guard let gateway = state.serving(segment), let port = gateway.assigned.ports[segment],
                let end = state.gatewayEnd(port, on: segment)?.guest
            else { return nil }
            let own = gateway.spec.resolver != nil || gateway.spec.nat64?.dns64 == true
            let address = own && !end.address.isLinkLocal ? end.address : gateway.spec.resolvers.first
            return address.map { PathResolver(address: $0, router: end.mac) }
        }
    }
}

extension CacheState {
    /// The segment's gateway, unless it is on the move: then it is nobody's fault that it is not heard.
    fileprivate func serving(_ segment: ResourceID) -> Resource<Gateway>? {
        guard let gateway = managedGateway(of: segment), gateway.assigned.next == nil,
            gateway.assigned.formers.isEmpty
        else { return nil }
        return gateway
    }

    /// nil where no gateway is to advertise itself.
    func worldRouter(_ segment: ResourceID) -> PathWorld.Router? {
        guard let found = resource(segment, as: Segment.self), found.spec.ipam == .automatic,
            let gateway = serving(segment), let port = gateway.assigned.ports[segment],
            let mac = gatewayEnd(port, on: segment)?.guest?.mac
        else { return nil }
        return PathWorld.Router(name: gateway.metadata.name.text, mac: mac, prefix: found.assigned.prefix)
    }
}
