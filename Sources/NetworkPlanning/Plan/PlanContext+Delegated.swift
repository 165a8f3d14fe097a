import Addressing
import NetworkModel
import Resources

/// Prefixes of guests that are routers, as the gateway of their segment routes them.
extension PlanContext {
    /// To each the router's link-local address; and nowhere while that way is not there, so that no packet goes back by
    /// the default route.
    func delegatedRoutes(of gateway: DesiredGateway) -> Set<Route> {
        var routes: Set<Route> = []
        for segment in gateway.ports.keys {
            guard let vni = desired.segments[segment]?.vni else { continue }
            for reservation in (desired.reservations[segment] ?? [:]).values {
                guard let prefix = reservation.delegated else { continue }
                let hop = linkLocal(of: reservation, on: segment)
                routes.insert(Route(prefix, .via(hop, .gatewaySegment(vni))))
                routes.insert(Route(prefix, .unreachable))
            }
        }
        return routes
    }

    /// What the routers of a gateway's segments were delegated.
    func delegatedPrefixes(of gateway: DesiredGateway) -> Set<IPv6Prefix> {
        Set(
            gateway.ports.keys.flatMap { segment in
                (desired.reservations[segment] ?? [:]).values.compactMap(\.delegated)
            })
    }

    /// The one that the guest has made itself (RFC 7217), once it is seen; until then that of its MAC address.
    private func linkLocal(of reservation: Reservation, on segment: ResourceID) -> IPv6Address {
        let table = desired.bindings[segment] ?? [:]
        let learned = (wanted.bindings[reservation.attachment] ?? []).filter {
            $0.isLinkLocal && table[$0]?.attachment == reservation.attachment && table[$0]?.origin == .learned
        }
        return learned.min() ?? .linkLocal(reservation.mac)
    }
}
