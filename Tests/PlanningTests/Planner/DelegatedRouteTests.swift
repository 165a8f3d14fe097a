import Addressing
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// Routes to what guests that are routers were delegated.
@Suite struct DelegatedRouteTests {
    private let router = Scenario.id(kind: 2, 7)
    private let mac = MACAddress(0x026b_6300_0007)

    private func world() throws -> World {
        var world = try World()
        world.add(.gateway(world.gateway))
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 1, ports: [world.segment: world.attachment], resolvers: [],
            uplink: GatewayUplink(.routed))
        world.desired.reservations[world.segment] = [
            router: Reservation(
                attachment: router, mac: mac, addresses: [], delegated: try IPv6Prefix(parsing: "fd0d:d::/60"))
        ]
        return world
    }

    private func routes(_ world: World) -> Set<Route> {
        Set(
            (world.model.observed.inside[.gateway(world.gateway)]?.routes ?? []).filter {
                $0.destination.description == "fd0d:d::/60"
            })
    }

    @Test func `a delegated prefix leads to the router's link-local address, and nowhere else`() throws {
        var world = try world()
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
        let prefix = try IPv6Prefix(parsing: "fd0d:d::/60")
        let device = InterfaceName.gatewaySegment(try VNI(UInt32(World.vni)))
        let first = Route(prefix, .via(.linkLocal(mac), device))
        #expect(routes(world) == [first, Route(prefix, .unreachable)])
        #expect(world.model.observed.exports.contains { $0.destination == prefix })

        // It has made another address of its own: the plan of that change alone brings the route there.
        let own = try IPv6Address(parsing: "fe80::abcd")
        var state = PlanningState(desired: world.desired, observed: world.model.observed)
        let binding = Binding(address: own, attachment: router, host: nil, origin: .learned, since: Revision(1))
        let scope = try state.merge(
            HostUpdate(revision: Revision(8), bindings: [BindingChange(segment: world.segment, put: [binding])]))
        #expect(world.model.apply(state.plan(scope).steps).isEmpty)
        #expect(routes(world) == [Route(prefix, .via(own, device)), Route(prefix, .unreachable)])

        world.desired.reservations = [:]
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(routes(world).isEmpty && !world.model.observed.exports.contains { $0.destination == prefix })
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `with its port made again a route is there again`() throws {
        var world = try world()
        #expect(world.model.apply(world.plan.steps).isEmpty)
        let before = routes(world)
        let port = InterfaceName.port(world.attachment.bytes)
        #expect(world.model.apply([Step(.link(.delete(port)), for: .orphan)]).isEmpty)
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(routes(world) == before)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }
}
