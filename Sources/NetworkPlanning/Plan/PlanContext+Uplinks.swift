import Addressing
import NetworkModel
import Resources

extension PlanContext {
    /// A gateway that this host shall have in whole: it routes here, or is to.
    func carried(_ gateway: ResourceID) -> DesiredGateway? {
        desired.gateways[gateway].flatMap { $0.role.isOver ? nil : $0 }
    }

    /// The routes inside a gateway's namespace.
    func routes(of gateway: DesiredGateway) -> Set<Route> {
        var routes = delegatedRoutes(of: gateway)
        for segment in gateway.ports.keys {
            guard let prefix = desired.segments[segment]?.prefix else { continue }
            routes.insert(Route(prefix, .unreachable))
        }
        switch gateway.uplink?.way {
        case .routed: routes.insert(Route(Route.everywhere, .via(WantedUplink.outer.address, .up0)))
        case .interface(let uplink):
            // Without its addresses it has no way to the next hop.
            if gateway.role != .next { routes.insert(Route(Route.everywhere, .via(uplink.nextHop, .up0))) }
        case nil: break
        }
        if let ipv4 = gateway.uplink?.ipv4, gateway.role != .next {
            routes.insert(Route(Route.everywhereInIPv4, .via(ipv4.nextHop.mapped, .up0)))
        }
        return routes
    }

    /// What the host tells others: with a routed uplink the prefix of each segment, and what is delegated there.
    func exports(of gateway: DesiredGateway) -> Set<Route> {
        guard gateway.uplink?.way == .routed, gateway.role == .active else { return [] }
        var routes: Set<Route> = []
        for segment in gateway.ports.keys {
            guard let prefix = desired.segments[segment]?.prefix, !prefix.contains(desired.host.vtep) else { continue }
            routes.insert(Route(prefix, .via(WantedUplink.inner.address, .uplink(gateway.id.bytes))))
        }
        for prefix in delegatedPrefixes(of: gateway) where !prefix.contains(desired.host.vtep) {
            routes.insert(Route(prefix, .via(WantedUplink.inner.address, .uplink(gateway.id.bytes))))
        }
        return routes
    }

    /// Why the gateway has no way out now; nil when it has one.
    func obstacleOutside(of gateway: DesiredGateway) -> String? {
        guard let inside = observed.inside[.gateway(gateway.id)] else { return "its namespace is not there yet" }
        guard let uplink = gateway.uplink else { return inside.hasDefaultRoute ? nil : "it has no uplink" }
        guard let device = inside.links[.up0] else { return "the uplink's device is missing" }
        guard device.settings.isUp, device.isRunning else { return "the uplink has no carrier" }
        if case .interface = uplink.way, gateway.role == .next { return nil }
        guard inside.hasDefaultRoute else { return "the next hop of the uplink does not answer" }
        guard case .routed = uplink.way else { return nil }
        guard observed.links.isForwarding else {
            return "the host does not forward IPv6 (`sysctl -w net.ipv6.conf.all.forwarding=1`)"
        }
        guard observed.links.hasDefaultRoute else {
            return "the host has no IPv6 default route whose next hop answers"
        }
        return nil
    }

    /// Why an interface must not be moved into a gateway: the host itself lives on it.
    func obstacle(toUplink link: ObservedLink) -> String? {
        switch link.kind {
        case .bridge, .vxlan: return "is a bridge or VXLAN device"
        default: break
        }
        if link.name == .loopback { return "is the loopback device" }
        if link.settings.alias?.hasPrefix(DeviceMark.prefix) == true || link.isUnfinished { return "is KC's own" }
        if link.name == desired.host.interface { return "carries the underlay" }
        if let master = link.settings.master { return "is part of \(master); take it out first" }
        if observed.links.addresses[link.name]?.isEmpty == false { return "has addresses; remove them first" }
        if observed.links.routed.contains(link.name) { return "carries routes; remove them first" }
        if let alias = link.settings.alias, alias.utf8.count + 80 > ExternalMark.maximumAlias {
            return "has an alias too long to be remembered; shorten it to 175 bytes"
        }
        return nil
    }
}
