import Addressing
import DaemonConfigs
import NFTables
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

    @Test func `the resolver of a gateway with a service at port 80 tells each segment where it is there`() throws {
        var (world, _) = try GatewayTests().routed()
        let zone = try DomainName(parsing: "cloud.example")
        let blue = try zone.prepending(["blue", "default"])
        world.desired.gateways[world.gateway]?.resolver = DesiredResolver(
            zones: [zone, try DomainName(parsing: "8.b.d.0.ip6.arpa")], servers: [],
            search: [world.segment: blue])
        func text() throws -> String {
            #expect(world.model.apply(world.plan.steps).isEmpty)
            #expect(world.plan.isEmpty)
            return try #require(
                world.model.observed.daemons[DaemonInstance.resolver(of: world.gateway)]?.configuration)
        }
        #expect(try !text().contains("metadata"))
        world.desired.gateways[world.gateway]?.services = [
            DesiredService(id: service, generation: 1, port: 8080, consumer: .socket("who"), connections: 5)
        ]
        #expect(try !text().contains("metadata"), "nothing answers at http://metadata")
        world.desired.gateways[world.gateway]?.services[0].port = 80
        let views = try text().split(separator: "\nview:\n").dropFirst()
        #expect(views.count == 2)
        for segment in world.desired.segments.values {
            let prefix = try #require(segment.prefix)
            let name = InterfaceName.gatewaySegment(segment.vni)
            #expect(try text().contains("access-control-view: \(prefix) \"\(name)\""))
            let view = try #require(views.first { $0.contains("name: \"\(name)\"") })
            let records = view.split(separator: "\n").filter { $0.contains("local-data") }.map {
                $0.split(whereSeparator: { " \"".contains($0) })
            }
            let names = records.map { String($0[1]) }
            #expect(
                Set(names)
                    == Set(
                        ["metadata.", "metadata.cloud.example."]
                            + (segment.id == world.segment ? ["metadata.blue.default.cloud.example."] : [])))
            for record in records {
                let address = try IPv6Address(parsing: String(record[5]))
                #expect(record[4] == "AAAA" && prefix.contains(address), "\(record)")
            }
        }
    }

    @Test func `a service is let in at the gateway's own addresses on the segment that they are of`() throws {
        var (world, _) = try GatewayTests().routed()
        world.desired.gateways[world.gateway]?.services = [
            DesiredService(id: service, generation: 1, port: 80, consumer: .socket("who"), connections: 5)
        ]
        let steps = world.plan.steps
        let installed = steps.compactMap { step in
            if case .firewall(.install(let ruleset, _), _) = step.operation { ruleset.text } else { nil }
        }
        #expect(world.model.apply(steps).isEmpty)
        let rule = try #require(
            installed.first?.split(separator: "\n").first { $0.contains("iifname . ip6 daddr") })
        #expect(rule.contains("tcp dport { 80 } goto to-service"))
        for segment in world.desired.segments.values {
            let name = InterfaceName.gatewaySegment(segment.vni)
            let prefix = try #require(segment.prefix)
            let inside = world.model.observed.inside[.gateway(world.gateway)]?.addresses[name] ?? []
            let own = try #require(inside.map(\.address).filter(prefix.contains).min())
            #expect(rule.contains("\"\(name)\" . \(own)"), "\(rule)")
        }
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
        // On each of two segments at both link-local addresses, and at the gateway's own in the /64.
        #expect(found.places.count == 6)
        let prefixes = world.desired.segments.values.compactMap(\.prefix)
        for place in found.places where ![.segmentRouter, .guestServices].contains(place.address) {
            #expect(prefixes.count { $0.contains(place.address) } == 1, "\(place)")
        }
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
