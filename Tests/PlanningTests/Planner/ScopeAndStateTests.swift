import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import SeededRandomness
import Testing

/// A part planned alone, and state kept change by change, say what a plan of everything says.
@Suite struct ScopeAndStateTests {
    private func settled(_ scenario: inout Scenario) throws -> HostModel {
        var model = scenario.host()
        let plan = HostPlanner.plan(desired: scenario.desired(), observed: model.observed)
        try #require(model.apply(plan.steps).isEmpty, "\(plan)")
        return model
    }

    @Test(arguments: Seeds.some)
    func `devices of ours that somebody has given other names are replaced`(seed: UInt64) throws {
        var scenario = Scenario(seed: seed, isContentious: false)
        var model = scenario.host()
        let desired = scenario.desired()
        try #require(model.apply(HostPlanner.plan(desired: desired, observed: model.observed).steps).isEmpty)
        let names = model[nil]!.devices.keys.filter { $0.isTunnel || $0.text.hasPrefix("kcb") }.sorted()
        for (index, old) in names.enumerated() where old.isTunnel || scenario.random.chance(50) {
            guard var device = model[nil]?.devices[old] else { continue }
            model.removeDevice(old, in: nil)
            device.settings.isUp = false
            model.set(name("other\(index)"), device)
        }
        let plan = HostPlanner.plan(desired: desired, observed: model.observed)
        let failures = model.apply(plan.steps)
        #expect(failures.isEmpty, "seed \(seed): \(failures)\n\(plan)")
        let again = HostPlanner.plan(desired: desired, observed: model.observed)
        #expect(again.steps.isEmpty, "seed \(seed): \(again)")
    }

    @Test(arguments: Seeds.some)
    func `what keeps frames back at ports of ours, and entries that were put there, are taken away`(seed: UInt64) throws
    {
        var scenario = Scenario(seed: seed, isContentious: false)
        var model = scenario.host()
        let desired = scenario.desired()
        try #require(model.apply(HostPlanner.plan(desired: desired, observed: model.observed).steps).isEmpty)
        var observed = model.observed
        let entry = StrayEntry(MACAddress(0x02_0000_0000_99), isBridges: false)
        var expected: [InterfaceName: LinkChange] = [:]
        for (name, link) in observed.links.links where link.settings.master != nil {
            var link = link
            link.isRunning = scenario.random.chance(50)
            link.obstacles = [.isolated, .blocked]
            link.strays = [entry]
            link.settings.learning = scenario.random.chance(50)
            observed.links.links[name] = link
            var change = LinkChange()
            // Who has no carrier is blocked by the kernel.
            change.clears = link.isRunning ? [.isolated, .blocked] : [.isolated]
            change.strays = [entry]
            if link.settings.learning == false { change.learning = true }
            // An operator's own interface is his.
            if name.isTunnel || name.text.hasPrefix("kct") { expected[name] = change }
        }
        let plan = HostPlanner.plan(desired: desired, observed: observed)
        var planned: [InterfaceName: LinkChange] = [:]
        for step in plan.steps {
            guard case .link(.change(let name, let change), in: nil) = step.operation else {
                Issue.record("seed \(seed): \(step)")
                continue
            }
            planned[name] = change
        }
        #expect(planned == expected, "seed \(seed): \(plan)")
        var state = PlanningState(desired: desired, observed: observed)
        for step in plan.steps { state.expect(step.operation) }
        #expect(state.plan().steps.isEmpty, "seed \(seed)")
    }

    @Test func `the plan of a part is the whole plan's steps for that part and what it depends on`() throws {
        for seed in Seeds.some {
            var scenario = Scenario(seed: seed, isContentious: true)
            var model = try settled(&scenario)
            if scenario.random.chance(50) { scenario.disturb(&model) }
            let desired = scenario.desired()
            let whole = HostPlanner.plan(desired: desired, observed: model.observed)
            for _ in 0..<4 {
                var scope = PlanScope(host: scenario.random.chance(20))
                scope.segments = Set(scenario.segmentIDs.filter { _ in scenario.random.chance(15) })
                scope.attachments = Set(scenario.attachmentIDs.filter { _ in scenario.random.chance(15) })
                scope.gateways = Set(scenario.gatewayIDs.filter { _ in scenario.random.chance(15) })
                let part = HostPlanner.plan(desired: desired, observed: model.observed, scope: scope)
                // Exactly the whole plan's steps, in its order, for the subjects that are in it.
                let subjects = HostPlanner.subjects(desired: desired, observed: model.observed, scope: scope)
                let named = Set(scope.attachments.map { InterfaceName.port($0.bytes) })
                let daemons = Set(scope.gateways.map(DaemonInstance.radvd))
                func isInPart(_ step: Step) -> Bool {
                    if step.subject != .orphan { return subjects.contains(step.subject) }
                    if subjects.contains(.host), scope.host { return true }
                    switch step.operation {
                    case .filter(.close(let name, _)): return named.contains(name) || isOfRemoved(name)
                    case .stopDaemon(let instance, _): return daemons.contains(instance) || isOfRemoved(instance)
                    default: return false
                    }
                }
                func isOfRemoved(_ name: InterfaceName) -> Bool {
                    subjects.contains {
                        if case .attachment(let id) = $0 { InterfaceName.port(id.bytes) == name } else { false }
                    }
                }
                func isOfRemoved(_ instance: String) -> Bool {
                    subjects.contains {
                        if case .gateway(let id) = $0 { DaemonInstance.radvd(of: id) == instance } else { false }
                    }
                }
                try #require(
                    part.steps == whole.steps.filter(isInPart),
                    "seed \(seed) \(scope)\npart\n\(part)\nwhole\n\(whole)")
                try #require(
                    part.refusals == whole.refusals.filter { subjects.contains($0.subject) },
                    "seed \(seed) \(scope)\npart\n\(part)\nwhole\n\(whole)")
                // And enough: each of them can be done without the rest.
                var alone = model
                let failures = alone.apply(part.steps)
                try #require(failures.isEmpty, "seed \(seed): \(failures)\n\(part)")
            }
        }
    }

    @Test(arguments: Seeds.some)
    func `state that expects its own steps plans as one that looks`(seed: UInt64) throws {
        var scenario = Scenario(seed: seed, isContentious: true)
        var model = scenario.host()
        var state = PlanningState(desired: scenario.desired(), observed: model.observed)
        for round in 0..<4 {
            let plan = state.plan()
            for (index, step) in plan.steps.enumerated() {
                try model.apply(step.operation)
                state.expect(step.operation)
                // Two plans of everything after each step would take minutes: a third of them, another one for each seed.
                guard Seeds.factor > 1 || (index + Int(seed)).isMultiple(of: 3) else { continue }
                let looking = HostPlanner.plan(desired: state.desired, observed: model.observed)
                let expecting = state.plan()
                try #require(
                    expecting == looking,
                    "seed \(seed) round \(round) after \(step)\nexpecting\n\(expecting)\nlooking\n\(looking)")
            }
            let next = scenario.desired()
            for update in updates(from: state.desired, to: next, &scenario.random) { _ = try state.merge(update) }
            try #require(state.desired == next, "seed \(seed)")
            try #require(state.plan() == HostPlanner.plan(desired: next, observed: model.observed), "seed \(seed)")
        }
    }

    @Test func `changes in any order and any grouping, each planned by its scope, lead to the same end`() throws {
        for seed in Seeds.some {
            var scenario = Scenario(seed: seed, isContentious: false)
            var fresh = scenario.host(isHostile: false)
            let (first, second) = (scenario.desired(), scenario.desired())
            _ = fresh.apply(HostPlanner.plan(desired: first, observed: fresh.observed).steps)
            var ends: Set<String> = []
            for _ in 0..<4 {
                var model = fresh
                var state = PlanningState(desired: first, observed: model.observed)
                for update in updates(from: first, to: second, &scenario.random) {
                    let scope = try state.merge(update)
                    for step in state.plan(scope).steps {
                        do throws(NodeError) {
                            try model.apply(step.operation)
                            state.expect(step.operation)
                        } catch {
                            // In between two states that belong together things may be in each other's way.
                        }
                    }
                }
                // What a part could not do, the next look at everything does.
                for _ in 0..<3 {
                    _ = model.apply(HostPlanner.plan(desired: second, observed: model.observed).steps)
                }
                try #require(
                    HostPlanner.plan(desired: second, observed: model.observed).isEmpty, "seed \(seed)")
                ends.insert(model.description)
            }
            try #require(ends.count == 1, "seed \(seed)\n\(ends.joined(separator: "\n=====\n"))")
        }
    }

    @Test func `an attachment that became an operator's interface has its former port shut, planned alone too`() throws
    {
        var world = try World()
        try #require(world.model.apply(world.plan.steps).isEmpty)
        let port = InterfaceName.port(world.attachment.bytes)
        // Its tap is gone behind the agent's back, what let it through is not.
        world.model.removeDevice(port, in: nil)
        world.add(.external(name("ext0")))
        let part = HostPlanner.plan(
            desired: world.desired, observed: world.model.observed, scope: PlanScope(attachments: [world.attachment]))
        #expect(world.model.apply(part.steps).isEmpty)
        #expect(world.model.filter.ready.isEmpty, "\(part)")
    }

    /// What leads from one snapshot to another, cut and shuffled by chance.
    private func updates(from old: HostSnapshot, to new: HostSnapshot, _ random: inout SeededGenerator) -> [HostUpdate]
    {
        var single: [HostUpdate] = []
        let revision = new.revision
        for id in Set(old.segments.keys).union(new.segments.keys).sorted() where old.segments[id] != new.segments[id] {
            single.append(
                new.segments[id].map { HostUpdate(revision: revision, segments: [$0]) }
                    ?? HostUpdate(revision: revision, removedSegments: [id]))
        }
        for id in Set(old.attachments.keys).union(new.attachments.keys).sorted()
        where old.attachments[id] != new.attachments[id] {
            single.append(
                new.attachments[id].map { HostUpdate(revision: revision, attachments: [$0]) }
                    ?? HostUpdate(revision: revision, removedAttachments: [id]))
        }
        for id in Set(old.gateways.keys).union(new.gateways.keys).sorted() where old.gateways[id] != new.gateways[id] {
            single.append(
                new.gateways[id].map { HostUpdate(revision: revision, gateways: [$0]) }
                    ?? HostUpdate(revision: revision, removedGateways: [id]))
        }
        for id in Set(old.policies.keys).union(new.policies.keys).sorted() where old.policies[id] != new.policies[id] {
            single.append(
                new.policies[id].map { HostUpdate(revision: revision, policies: [$0]) }
                    ?? HostUpdate(revision: revision, removedPolicies: [id]))
        }
        for id in Set(old.members.keys).union(new.members.keys).sorted() where old.members[id] != new.members[id] {
            single.append(
                new.members[id].map {
                    HostUpdate(revision: revision, members: [PolicyMembers(policy: id, addresses: $0)])
                } ?? HostUpdate(revision: revision, removedMembers: [id]))
        }
        for id in new.segments.keys.sorted() {
            let (table, next) = (old.bindings[id] ?? [:], new.bindings[id] ?? [:])
            guard table != next else { continue }
            let isReset = random.chance(20)
            let put = next.values.filter { isReset || table[$0.address] != $0 }.sorted { $0.address < $1.address }
            let removed = isReset ? [] : Set(table.keys).subtracting(next.keys)
            let change = BindingChange(segment: id, reset: isReset, put: put, removed: removed)
            single.append(HostUpdate(revision: revision, bindings: [change]))
        }
        single.append(HostUpdate(revision: revision, vteps: new.vteps))
        single.shuffle(using: &random)
        var grouped: [HostUpdate] = []
        for update in single {
            guard var last = grouped.last, random.chance(50) else {
                grouped.append(update)
                continue
            }
            last.vteps = update.vteps ?? last.vteps
            last.segments += update.segments
            last.attachments += update.attachments
            last.gateways += update.gateways
            last.removedSegments.formUnion(update.removedSegments)
            last.removedAttachments.formUnion(update.removedAttachments)
            last.removedGateways.formUnion(update.removedGateways)
            last.policies += update.policies
            last.removedPolicies.formUnion(update.removedPolicies)
            last.members += update.members
            last.removedMembers.formUnion(update.removedMembers)
            last.bindings += update.bindings
            grouped[grouped.count - 1] = last
        }
        return grouped
    }
}
