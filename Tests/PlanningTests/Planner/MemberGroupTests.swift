import Addressing
import NFTables
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import SeededRandomness
import Testing

/// The group by which the guard knows ports that get whatever members send: never more than their elements say.
@Suite struct MemberGroupTests {
    private var port: InterfaceName { .port(Scenario.id(kind: 2, 1).bytes) }

    private func settled(_ policies: [PolicyUse] = [.builtIn(.allowSegment)]) throws -> World {
        var world = try World()
        world.desired.attachments[world.attachment]?.policies = policies
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
        return world
    }

    private func takesMembers(_ world: World) -> Bool? {
        world.model.observed.links.links[port]?.settings.takesMembers
    }

    @Test func `ports that get all that members send have it, others do not`() throws {
        #expect(takesMembers(try settled()) == true)
        #expect(takesMembers(try settled([.builtIn(.allowAll)])) == true)
        #expect(takesMembers(try settled([.builtIn(.denyIn)])) == false)
        var limited = try World()
        limited.desired.attachments[limited.attachment]?.limits = AttachmentLimits(in: .init(packetsPerSecond: 9))
        #expect(limited.model.apply(limited.plan.steps).isEmpty)
        #expect(takesMembers(limited) == false)
    }

    @Test func `it goes before the elements and comes behind them`() throws {
        var world = try settled()
        world.desired.attachments[world.attachment]?.policies = [.builtIn(.denyIn)]
        var plan = world.plan
        let group = NetworkPlanning.Operation.link(.change(port, LinkChange(takesMembers: false)))
        #expect(plan.steps.count == 2)
        #expect(plan.steps.first?.operation == group, "\(plan)")
        #expect(world.model.apply(plan.steps).isEmpty)
        #expect(world.plan.isEmpty)

        world.desired.attachments[world.attachment]?.policies = [.builtIn(.allowSegment)]
        plan = world.plan
        #expect(plan.steps.count == 2)
        #expect(plan.steps.last?.operation == .link(.change(port, LinkChange(takesMembers: true))), "\(plan)")
        #expect(world.model.apply(plan.steps).isEmpty)
        #expect(world.plan.isEmpty)

        // A port that is closed is looked at first, a ruleset that takes the right away comes behind.
        var closed = world
        closed.desired.attachments[world.attachment] = nil
        #expect(closed.plan.steps.first?.operation == group, "\(closed.plan)")
        var flushed = world
        flushed.model.filter = HostModel().filter
        flushed.desired.attachments[world.attachment]?.policies = [.builtIn(.denyIn)]
        let reset = HostPlanner.plan(
            desired: flushed.desired, observed: flushed.model.observed, scope: PlanScope(host: true))
        #expect(reset.steps.first == Step(group, for: .host), "\(reset)")
    }

    @Test func `a device with another group gets its own again`() throws {
        for policy in [BuiltInPolicy.allowSegment, .denyIn] {
            var world = try settled([.builtIn(policy)])
            let isOpen = takesMembers(world) == true
            try world.model.apply(.link(.change(port, LinkChange(takesMembers: !isOpen))))
            #expect(world.plan.steps.count == 1, "\(world.plan)")
            #expect(world.model.apply(world.plan.steps).isEmpty)
            #expect(takesMembers(world) == isOpen)
            #expect(world.plan.isEmpty)
        }
    }

    @Test func `whatever step a plan is cut short at, no group says more than the elements`() throws {
        var checked = 0
        for seed in Seeds.some {
            var scenario = Scenario(seed: seed, isContentious: true)
            var model = scenario.host()
            for _ in 0..<4 {
                let plan = HostPlanner.plan(desired: scenario.desired(), observed: model.observed)
                for (number, step) in plan.steps.enumerated() {
                    // Some of them fail.
                    if scenario.random.chance(95) { _ = model.apply([step]) } else { break }
                    let observed = model.observed
                    for (name, link) in observed.links.links where link.settings.takesMembers {
                        checked += 1
                        try #require(
                            observed.filter.content[.port(name)].contains(.members(name)),
                            "seed \(seed), \(name) after step \(number + 1) of\n\(plan)")
                    }
                }
            }
        }
        #expect(checked > 1_000)
    }
}
