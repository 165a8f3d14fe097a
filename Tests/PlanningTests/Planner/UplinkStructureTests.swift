import Addressing
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// What keeps gateways off the underlay is there before an uplink is, and only on hosts that ever had one.
@Suite struct UplinkStructureTests {
    private let plain = KCRuleset.structure(vxlanPort: 4789)
    private let leading = KCRuleset.structure(vxlanPort: 4789, leadsUplinks: true)

    private func world() throws -> World {
        var world = try World()
        world.add(.gateway(world.gateway))
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 1, ports: [world.segment: world.attachment], resolvers: [])
        return world
    }

    private func uplink(_ world: World) -> InterfaceName { .uplink(world.gateway.bytes) }

    /// What guests are told follows what is seen of the way out, by a second plan.
    private func settle(_ world: inout World) {
        for _ in 1...2 { #expect(world.model.apply(world.plan.steps).isEmpty) }
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    /// Where the first step of that kind stands.
    private func place(_ plan: HostPlan, _ condition: (NetworkPlanning.Operation) -> Bool) -> Int? {
        plan.steps.firstIndex { condition($0.operation) }
    }

    @Test func `a host gets the rule with its first routed uplink, before the uplink, and keeps it`() throws {
        var world = try world()
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model.observed.filter.digest == plain.digest)
        #expect(world.plan.isEmpty, "\(world.plan)")

        let gateway = try #require(world.desired.gateways[world.gateway])
        var changed = gateway
        changed.uplink = GatewayUplink(.routed)
        world.desired.gateways[world.gateway] = changed
        // The plan of the gateway alone has it too.
        var state = PlanningState(desired: world.desired, observed: world.model.observed)
        let isInstall = { (operation: NetworkPlanning.Operation) in
            if case .filter(.install(leading, _)) = operation { true } else { false }
        }
        let isUplink = { (operation: NetworkPlanning.Operation) in
            if case .link(.create(let link), _) = operation { link.name.isUplink } else { false }
        }
        for plan in [world.plan, state.plan(PlanScope(gateways: [world.gateway]))] {
            let (install, create) = (place(plan, isInstall), place(plan, isUplink))
            #expect(try #require(install) < #require(create), "\(plan)")
        }
        settle(&world)
        #expect(world.model.observed.filter.digest == leading.digest)

        world.desired.gateways[world.gateway] = gateway
        settle(&world)
        #expect(world.model.observed.links.links[uplink(world)] == nil)
        #expect(world.model.observed.filter.digest == leading.digest)

        // An update says the same of what is desired as a whole state does.
        world.model.filter.digest = plain.digest
        state = PlanningState(desired: world.desired, observed: world.model.observed)
        #expect(state.plan().isEmpty)
        let scope = try state.merge(HostUpdate(revision: Revision(8), gateways: [changed]))
        #expect(place(state.plan(scope), isInstall) == 0)
    }

    @Test func `while an uplink is still there, a ruleset that somebody flushed comes back with the rule`() throws {
        var world = try world()
        let gateway = world.desired.gateways[world.gateway]
        world.desired.gateways[world.gateway]?.uplink = GatewayUplink(.routed)
        #expect(world.model.apply(world.plan.steps).isEmpty)
        world.desired.gateways[world.gateway] = gateway
        world.model.filter.digest = nil
        settle(&world)
        #expect(world.model.observed.filter.digest == leading.digest)
        // And without it when the uplink has gone.
        world.model.filter.digest = nil
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model.observed.filter.digest == plain.digest)
    }

    @Test func `without the rule no uplink is made`() throws {
        var world = try world()
        #expect(world.model.apply(world.plan.steps).isEmpty)
        world.desired.gateways[world.gateway]?.uplink = GatewayUplink(.routed)
        _ = world.reports { if case .filter(.install) = $0 { "no" } else { nil } }
        #expect(world.model.observed.links.links[uplink(world)] == nil)
        #expect(world.model.observed.filter.digest == plain.digest)
        settle(&world)
        #expect(world.model.observed.links.links[uplink(world)] != nil)
    }

    @Test func `both structures are known, the plain one only where no uplink is led`() throws {
        var world = try world()
        #expect(HostPlanner.admits(structure: plain.digest, for: world.desired))
        #expect(HostPlanner.admits(structure: leading.digest, for: world.desired))
        #expect(!HostPlanner.admits(structure: "other", for: world.desired))
        world.desired.gateways[world.gateway]?.uplink = GatewayUplink(.routed)
        #expect(!HostPlanner.admits(structure: plain.digest, for: world.desired))
        #expect(HostPlanner.admits(structure: leading.digest, for: world.desired))
    }
}
