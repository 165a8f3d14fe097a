import Addressing
import DaemonConfigs
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// What becomes of a gateway's namespace and its daemon when it changes or was never finished.
@Suite struct GatewayTests {
    /// A gateway on two segments, realised.
    func routed() throws -> (world: World, lost: ResourceID) {
        var world = try World()
        let second = Scenario.id(kind: 1, 2)
        let port = Scenario.id(kind: 2, 2)
        var segment = try #require(world.desired.segments[world.segment])
        segment.id = second
        segment.vni = try VNI(World.vni + 1)
        segment.prefix = try IPv6Prefix(parsing: "fd12::/64")
        world.desired.segments[second] = segment
        world.add(.gateway(world.gateway))
        world.add(.gateway(world.gateway), as: port)
        world.desired.attachments[port]?.segment = second
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 1, ports: [world.segment: world.attachment, second: port], resolvers: [])
        try #require(world.model.apply(world.plan.steps).isEmpty)
        try #require(world.plan.isEmpty)
        return (world, port)
    }

    @Test func `a gateway with a resolver runs it for its segments, tells guests of it, and takes it away`() throws {
        var (world, _) = try routed()
        let zone = try DomainName(parsing: "cloud.example")
        let server = try IPv6Address(parsing: "2001:db8::53")
        world.desired.gateways[world.gateway]?.resolver = DesiredResolver(
            zones: [zone], servers: [server], search: [world.segment: try zone.prepending(["blue", "default"])])
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
        let resolver = DaemonInstance.resolver(of: world.gateway)
        let text = try #require(world.model.observed.daemons[resolver]?.configuration)
        for prefix in world.desired.segments.values.compactMap(\.prefix) {
            #expect(text.contains("access-control: \(prefix) allow"))
        }
        #expect(text.contains("stub-addr: \(server)"))
        let advertised = try #require(
            world.model.observed.daemons[DaemonInstance.radvd(of: world.gateway)]?.configuration)
        let own = try #require(world.desired.segments[world.segment]?.prefix)
        let told = advertised.split(separator: "\n").filter { $0.contains("RDNSS ") }.compactMap {
            $0.split(separator: " ").dropFirst().first.flatMap { IPv6Address(String($0)) }
        }
        #expect(told.count == 2 && told.contains { own.contains($0) })
        #expect(advertised.contains("DNSSL blue.default.cloud.example {"))
        world.desired.gateways[world.gateway]?.resolver = nil
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model.observed.daemons[resolver] == nil)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `a segment that a gateway loses is told so before its port stops forwarding`() throws {
        var (world, port) = try routed()
        let segment = try #require(world.desired.attachments[port]?.segment)
        world.desired.attachments[port] = nil
        world.desired.gateways[world.gateway]?.ports[segment] = nil
        let plan = world.plan
        let farewell = DaemonInstance.farewell(of: world.gateway)
        let instances = plan.steps.map { step in
            switch step.operation {
            case .ensureDaemon(let spec): "ensure \(spec.instance)"
            case .stopDaemon(let instance, let withdraw): "\(withdraw ? "withdraw" : "stop") \(instance)"
            case .filter(.close): "gate"
            case .link(.delete, _): "delete"
            case .link(.removeRoute, _): "remove route"
            case .firewall(.install, _): "firewall"
            default: "\(step.operation)"
            }
        }
        let radvd = DaemonInstance.radvd(of: world.gateway)
        #expect(
            instances == [
                "ensure \(radvd)", "ensure \(farewell)", "withdraw \(farewell)", "gate", "firewall",
                "change segment 301: 1 elements less, 0 more", "remove route", "delete", "delete", "delete",
            ], "\(plan)")
        let lost = InterfaceName.gatewaySegment(try VNI(World.vni + 1))
        for case .ensureDaemon(let spec) in plan.steps.map(\.operation) {
            #expect(RadvdConfiguration.advertises(spec.configuration, on: lost) == (spec.instance == farewell))
        }
        #expect(world.model.apply(plan.steps).isEmpty)
        #expect(world.model.farewells == [farewell])
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `one server answers on all segments with DHCPv6, with what is reserved there`() throws {
        var (world, _) = try routed()
        world.desired.segments[world.segment]?.dhcp = .stateful
        let kept = Reservation(
            attachment: Scenario.id(kind: 2, 3), mac: MACAddress(0x026b_6300_0003),
            addresses: [try IPv6Address(parsing: "fd11::3")])
        world.desired.reservations[world.segment] = [kept.attachment: kept]
        let instance = DaemonInstance.keaDHCP6(of: world.gateway)
        let plan = world.plan
        let specs = plan.steps.compactMap { if case .ensureDaemon(let spec) = $0.operation { spec } else { nil } }
        #expect(specs.map(\.program) == [.radvd, .keaDHCP6])
        #expect(specs.first?.configuration.contains("AdvManagedFlag on") == true)
        let text = try #require(specs.last?.configuration)
        #expect(KeaDHCP6Configuration.interfaces(of: text) == ["seg00012c"])
        #expect(KeaDHCP6Configuration.reserved(for: kept.mac, in: text).addresses == ["fd11::3"])
        #expect(world.model.apply(plan.steps).isEmpty)
        #expect(world.plan.isEmpty)
        world.desired.reservations[world.segment] = nil
        #expect(world.plan.steps.count == 1)
        world.desired.segments[world.segment]?.dhcp = DHCPMode.none
        #expect(world.plan.steps.contains { $0.operation == .stopDaemon(instance: instance, withdraw: true) })
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty)
    }

    @Test func `a changed reservation concerns the gateway alone, and is planned as in a plan of everything`() throws {
        var (world, _) = try routed()
        world.desired.segments[world.segment]?.dhcp = .stateful
        try #require(world.model.apply(world.plan.steps).isEmpty)
        var state = PlanningState(desired: world.desired, observed: world.model.observed)
        let kept = Reservation(
            attachment: Scenario.id(kind: 2, 3), mac: MACAddress(0x026b_6300_0003),
            addresses: [try IPv6Address(parsing: "fd11::3")])
        let change = ReservationChange(segment: world.segment, put: [kept])
        let scope = try state.merge(HostUpdate(revision: Revision(8), reservations: [change]))
        #expect(scope == PlanScope(gateways: [world.gateway]))
        #expect(state.plan(scope).steps.count == 1)
        #expect(state.plan(scope).steps == state.plan().steps)
    }

    @Test func `a server that cannot serve a segment is named in the report of its gateway`() throws {
        var (world, _) = try routed()
        world.desired.segments[world.segment]?.dhcp = .stateless
        try #require(world.model.apply(world.plan.steps).isEmpty)
        var observed = world.model.observed
        let instance = DaemonInstance.keaDHCP6(of: world.gateway)
        func report() -> Report? {
            PlanningState(desired: world.desired, observed: observed)
                .reports(after: HostPlan(), outcomes: [])[.gateway(world.gateway)]
        }
        #expect(report()?.phase == .wired)
        #expect(report()?.details["dhcp6"] == "running")
        observed.daemons[instance]?.problem = "Address already in use"
        #expect(report()?.phase == .pending)
        #expect(report()?.message?.contains("Address already in use") == true)
        observed.daemons[instance]?.isRunning = false
        #expect(report()?.message?.contains("not running") == true)
        observed.daemons[instance] = nil
        #expect(report()?.message == "waits for the DHCPv6 server (Kea)")
    }

    @Test func `a namespace that a crash left unfinished goes when no gateway wants it, and is finished when one does`()
        throws
    {
        var world = try World()
        let name = NamespaceName.gateway(world.gateway)
        world.model.createNamespace(name, isUnfinished: true)
        #expect(world.plan.steps.contains(Step(.deleteNamespace(name), for: .orphan)), "\(world.plan)")
        #expect(
            HostPlanner.removal(observed: world.model.observed).steps
                .contains(Step(.deleteNamespace(name), for: .orphan)))

        var finished = world
        finished.add(.gateway(world.gateway))
        finished.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 1, ports: [world.segment: world.attachment], resolvers: [])
        #expect(finished.model.apply(finished.plan.steps).isEmpty)
        #expect(finished.model.namespaces[name] != nil)
        #expect(finished.plan.isEmpty, "\(finished.plan)")

        // Something of somebody's is in it, or it is not of KC's making at all.
        var inhabited = world
        inhabited.set("theirs", in: name)
        #expect(!inhabited.plan.steps.contains { $0.operation == .deleteNamespace(name) })
        world.model[name]?.devices[.loopback]?.isUnfinished = false
        #expect(!world.plan.steps.contains { $0.operation == .deleteNamespace(name) })
    }

    @Test func `the port of a segment that loses its VNI to another makes room in the gateway`() throws {
        var (world, port) = try routed()
        let (first, third) = (world.segment, Scenario.id(kind: 1, 3))
        let second = try #require(world.desired.attachments[port]?.segment)
        // The segment of VNI 301 goes. Both of the others want its VNI, and the lower id gets it; the port of the one
        // that went is on the other now, with its end in the gateway named as it was.
        var loser = try #require(world.desired.segments[second])
        loser.id = third
        world.desired.segments = [first: try #require(world.desired.segments[first]), third: loser]
        world.desired.segments[first]?.vni = loser.vni
        world.desired.attachments[port]?.segment = third
        world.desired.gateways[world.gateway]?.ports = [first: world.attachment, third: port]
        #expect(world.refusal(.attachment(port)) == "failed: VNI 301 belongs to segment \(first) on this host")
        let plan = world.plan
        #expect(world.model.apply(plan.steps).isEmpty, "\(plan)")
        #expect(world.plan.isEmpty, "\(world.plan)")
        let place = InterfaceName.gatewaySegment(loser.vni)
        #expect(
            world.model[.gateway(world.gateway)]?.devices[place]?.settings.alias
                == DeviceMark.attachment(world.attachment).alias)
        #expect(world.model[nil]?.devices[InterfaceName.port(port.bytes)] == nil)
    }
}
