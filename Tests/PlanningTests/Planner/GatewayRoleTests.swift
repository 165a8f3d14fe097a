import Addressing
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// A gateway on the host that is to have its role, and on the one that had it.
@Suite struct GatewayRoleTests {
    private func world(_ role: GatewayRole, uplink: GatewayUplink? = nil) throws -> World {
        var world = try World()
        world.add(.gateway(world.gateway))
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 4, ports: [world.segment: world.attachment], resolvers: [],
            uplink: uplink, role: role, term: 4)
        return world
    }

    private func radvd(_ world: World) -> String { DaemonInstance.radvd(of: world.gateway) }

    @Test func `who is to route has everything and forwards nothing until it routes`() throws {
        var world = try world(.next)
        let reports = world.reports()
        #expect(world.plan.isEmpty, "\(world.plan)")
        #expect(world.model.observed.filter.ready.isEmpty)
        #expect(world.model.observed.daemons[radvd(world)]?.isRunning == true)
        let report = try #require(reports[.gateway(world.gateway)])
        #expect(report.phase == .wired && report.details["role"] == "next" && report.details["term"] == "4")
        #expect(reports[.attachment(world.attachment)]?.phase == .wired)
        // The flip opens the port and leaves all else as it is.
        world.desired.gateways[world.gateway]?.role = .active
        let flip = world.plan
        #expect(flip.steps.count == 1, "\(flip)")
        #expect(world.reports()[.gateway(world.gateway)]?.details["role"] == "active")
        #expect(world.model.observed.filter.ready.count == 1)
        // An installation of the ruleset does not open it either.
        world.desired.gateways[world.gateway]?.role = .next
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model.observed.filter.ready.isEmpty)
        world.model.filter = ObservedFilter()
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model.observed.filter.ready.isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test(arguments: [GatewayRole.former, .leaving])
    func `who had the role leaves nothing, and says goodbye only to guests of another router`(_ role: GatewayRole)
        throws
    {
        var world = try world(.active)
        #expect(world.model.apply(world.plan.steps).isEmpty)
        world.desired.attachments[world.attachment] = nil
        world.desired.segments[world.segment] = nil
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 5, ports: [:], resolvers: [], role: role, term: 5)
        let plan = world.plan
        let goodbyes = plan.steps.compactMap { step in
            if case .stopDaemon(radvd(world), let withdraw) = step.operation { withdraw } else { nil }
        }
        #expect(goodbyes == [role == .leaving])
        let pending = PlanningState(desired: world.desired, observed: world.model.observed)
            .reports(after: plan, outcomes: [])[.gateway(world.gateway)]
        #expect(pending?.phase == .pending)
        let report = try #require(world.reports()[.gateway(world.gateway)])
        #expect(report.phase == .wired && report.details["role"] == role.rawValue && report.details["term"] == "5")
        #expect(world.model.observed.namespaces.isEmpty && world.model.observed.daemons.isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `an interface is prepared without the addresses that the present router has on it`() throws {
        let uplink = InterfaceUplink(
            interface: name("eth1"),
            addresses: [OnLinkAddress(try IPv6Address(parsing: "2001:db8:99::2"), length: 64)],
            nextHop: try IPv6Address(parsing: "2001:db8:99::1"))
        var world = try world(.next, uplink: GatewayUplink(.interface(uplink)))
        world.set("eth1")
        // What is seen of the way out comes with the second look.
        for _ in 0..<2 { _ = world.reports() }
        let inside = try #require(world.model.observed.inside[.gateway(world.gateway)])
        #expect(inside.links[name("up0")] != nil)
        #expect(inside.addresses[name("up0")]?.isEmpty ?? true)
        #expect(inside.routes.allSatisfy { $0.destination != Route.everywhere })
        let before = try #require(world.model.observed.daemons[radvd(world)]?.configuration)
        #expect(before.contains("AdvDefaultLifetime 1800;"))
        world.desired.gateways[world.gateway]?.role = .active
        let flip = world.plan
        // Guests that have a default route keep it while the way out is put there.
        #expect(!flip.steps.contains { if case .ensureDaemon = $0.operation { true } else { false } }, "\(flip)")
        #expect(world.model.apply(flip.steps).isEmpty)
        #expect(world.model.observed.inside[.gateway(world.gateway)]?.addresses[name("up0")]?.count == 1)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `a host says whom its guards admit when a segment has two routers, and not before they do`() throws {
        var world = try World()
        world.add(.tap)
        let routers = [MACAddress(0x026b_6300_0099), MACAddress(0x026b_6300_0098)]
        world.desired.segments[world.segment]?.gateways = [routers[0]]
        #expect(world.reports()[.segment(world.segment)]?.details == [:])
        world.desired.segments[world.segment]?.gateways = routers
        let early = PlanningState(desired: world.desired, observed: world.model.observed)
            .reports(after: HostPlan(steps: [], refusals: []), outcomes: [])
        #expect(early[.segment(world.segment)]?.details == [:])
        #expect(
            world.reports()[.segment(world.segment)]?.details["routers"] == "02:6b:63:00:00:98 02:6b:63:00:00:99")
    }

    @Test func `an update with a lesser term does not give the role back`() throws {
        var world = try world(.active)
        var old = try #require(world.desired.gateways[world.gateway])
        old.term = 3
        old.role = .former
        world.desired.merge(HostUpdate(revision: Revision(8), gateways: [old]))
        #expect(world.desired.gateways[world.gateway]?.role == .active)
        old.term = 5
        world.desired.merge(HostUpdate(revision: Revision(9), gateways: [old]))
        #expect(world.desired.gateways[world.gateway]?.role == .former)
    }
}
