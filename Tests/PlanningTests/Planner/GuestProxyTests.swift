import Addressing
import DaemonConfigs
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// What a gateway offers its guests, and who they are.
@Suite struct GuestProxyTests {
    private let service = Scenario.id(kind: 9, 1)

    private func configuration(_ world: World) throws -> GuestProxyConfiguration? {
        let instance = DaemonInstance.guestProxy(of: world.gateway)
        return try world.model.observed.daemons[instance].map { try GuestProxyConfiguration(parsing: $0.configuration) }
    }

    @Test func `a gateway with services runs their proxy, which knows whose each address is, and takes it away`() throws
    {
        var (world, _) = try GatewayTests().routed()
        let guest = Scenario.id(kind: 2, 77)
        let address = try IPv6Address(parsing: "fe80::77")
        func bind(_ attachment: ResourceID, _ address: IPv6Address) {
            world.desired.bindings[world.segment, default: [:]][address] = Binding(
                address: address, attachment: attachment, host: nil, origin: .learned, since: Revision(1))
        }
        bind(guest, address)
        bind(world.attachment, .segmentRouter)
        world.desired.gateways[world.gateway]?.services = [
            DesiredService(id: service, generation: 3, port: 80, consumer: .socket("who"), connections: 5)
        ]
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty)
        let found = try #require(try configuration(world))
        #expect(found.services.map(\.port) == [80] && found.services.first?.connections == 5)
        #expect(found.services.first?.consumer.description == "unix:/run/kc/services/who")
        #expect(found.places.count == 4)
        #expect(Set(found.places.map(\.address)) == [.segmentRouter, .guestServices])
        let inside = try #require(world.model.observed.inside[.gateway(world.gateway)])
        #expect(
            inside.addresses.values.count { $0.contains(InterfaceAddress(.guestServices, length: 64)) } == 2)
        // The router itself is no guest.
        #expect(found.guests.map(\.key.address) == [address])
        #expect(found.guests.values.first?.description == guest.description)
        let firewalls = world.model.observed.firewalls.values
        #expect(firewalls.contains { $0.digest != nil })

        // A binding more is known to the proxy by a plan of the segment's table alone.
        bind(guest, try IPv6Address(parsing: "fe80::78"))
        let plan = HostPlanner.plan(
            desired: world.desired, observed: world.model.observed, scope: PlanScope(tables: [world.segment]))
        #expect(world.model.apply(plan.steps).isEmpty)
        #expect(try configuration(world)?.guests.count == 2)
        #expect(world.plan.isEmpty)

        let state = PlanningState(desired: world.desired, observed: world.model.observed)
        let report = try #require(state.serviceReports(of: world.gateway)[service])
        #expect(report.phase == .wired && report.generation == 3)
        // What the proxy says of one service, of all, and of none.
        for (words, phase, message) in [
            ("\(service) nothing answers\n", Report.Phase.failed, "nothing answers"),
            ("- there is no interface\n", .failed, "there is no interface"),
            ("\(Scenario.id(kind: 9, 2)) nothing answers\n", .wired, nil),
            (GuestProxyConfiguration.unsettled, .pending, GuestProxyConfiguration.unsettled),
        ] {
            var observed = world.model.observed
            observed.daemons[DaemonInstance.guestProxy(of: world.gateway)]?.problem = words
            let told = PlanningState(desired: world.desired, observed: observed).serviceReports(of: world.gateway)
            #expect(told[service]?.phase == phase && told[service]?.message == message, "\(words)")
        }
        world.desired.gateways[world.gateway]?.services = []
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(try configuration(world) == nil)
        #expect(world.plan.isEmpty)
    }
}
