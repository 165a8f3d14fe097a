import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import SeededRandomness
import Testing

/// Properties of every plan, over random hosts and wishes. A failure names its seed.
@Suite struct PlannerPropertyTests {
    /// Applies the plan for `desired` and checks that nothing failed and nothing is left to do.
    private func settle(_ model: inout HostModel, _ desired: HostSnapshot, _ note: String) throws {
        let plan = HostPlanner.plan(desired: desired, observed: model.observed)
        let failures = model.apply(plan.steps)
        try #require(failures.isEmpty, "\(note): \(failures)\n\(plan)")
        let again = HostPlanner.plan(desired: desired, observed: model.observed)
        try #require(again.isEmpty, "\(note): not empty after\n\(plan)\n--- again\n\(again)\n\(model)")
    }

    @Test func `a plan that was carried out is followed by an empty one`() throws {
        for seed in Seeds.many {
            var scenario = Scenario(seed: seed, isContentious: true)
            var model = scenario.host()
            for round in 0..<4 {
                try settle(&model, scenario.desired(), "seed \(seed) round \(round)")
                if scenario.random.chance(50) { scenario.disturb(&model) }
            }
        }
    }

    @Test func `the end does not depend on the way`() throws {
        for seed in Seeds.many {
            var scenario = Scenario(seed: seed, isContentious: false)
            let fresh = scenario.host(isHostile: false)
            let (first, second) = (scenario.desired(), scenario.desired())
            var travelled = fresh
            try settle(&travelled, first, "seed \(seed) first")
            try settle(&travelled, second, "seed \(seed) second")
            var direct = fresh
            try settle(&direct, second, "seed \(seed) direct")
            try #require(travelled.description == direct.description, "seed \(seed)")
        }
    }

    @Test func `a plan cut short at any step is followed by one that leads to the same end`() throws {
        for seed in Seeds.few {
            var scenario = Scenario(seed: seed, isContentious: false)
            var start = scenario.host(isHostile: false)
            try settle(&start, scenario.desired(), "seed \(seed)")
            scenario.disturb(&start)
            let desired = scenario.desired()
            let plan = HostPlanner.plan(desired: desired, observed: start.observed)
            var whole = start
            _ = whole.apply(plan.steps)
            for count in 0...plan.steps.count {
                var cut = start
                _ = cut.apply(plan.steps.prefix(count))
                try settle(&cut, desired, "seed \(seed) after \(count) of \(plan.steps.count) steps of\n\(plan)")
                try #require(
                    cut.description == whole.description, "seed \(seed) after \(count) steps\n\(plan)")
            }
        }
    }

    @Test func `no step of any plan changes what is not KC's`() throws {
        for seed in Seeds.some {
            var scenario = Scenario(seed: seed, isContentious: true)
            var model = scenario.host()
            let foreign = model.foreign
            for round in 0..<3 {
                let plan = HostPlanner.plan(desired: scenario.desired(), observed: model.observed)
                for step in plan.steps {
                    try model.apply(step.operation)
                    let now = model.foreign
                    for (place, device) in foreign where now[place] != device {
                        let isTaken = DeviceMark(
                            alias: model[nil]?.devices[name(String(place.dropFirst()))]?.settings.alias ?? "")
                        // Between mark and change, and between change and mark, an interface is KC's.
                        guard case .external = isTaken, place.hasPrefix("/") else {
                            Issue.record("seed \(seed) round \(round): \(step) changed \(place)\n\(plan)")
                            return
                        }
                    }
                }
            }
        }
    }

    @Test func `no port forwards that is not right, at any moment of a plan`() throws {
        for seed in Seeds.many {
            var scenario = Scenario(seed: seed, isContentious: true)
            var model = scenario.host()
            try settle(&model, scenario.desired(), "seed \(seed)")
            scenario.disturb(&model)
            let desired = scenario.desired()
            let before = model.filter.ready
            let hadTables = model.filter.isPresent
            let plan = HostPlanner.plan(desired: desired, observed: model.observed)
            let gated =
                plan.steps.lastIndex { if case .filter(.close) = $0.operation { true } else { false } } ?? -1
            let installed =
                plan.steps.firstIndex { if case .filter(.install) = $0.operation { true } else { false } } ?? -1
            for (index, step) in plan.steps.enumerated() {
                try model.apply(step.operation)
                try #require(model.filter.isPresent || !hadTables, "seed \(seed): the gate is gone after \(step)")
                let wrong = model.filter.ready.filter { !isRight($0, desired, model) }
                if index < max(gated, installed) {
                    try #require(wrong.isSubset(of: before), "seed \(seed): \(wrong) after \(step)\n\(plan)")
                } else {
                    try #require(wrong.isEmpty, "seed \(seed): \(wrong) after \(step)\n\(plan)\n\(model)")
                }
            }
        }
    }

    /// An own judgment, not the planner's: wanted by an attachment, ours, on the bridge of its segment.
    private func isRight(_ port: InterfaceName, _ desired: HostSnapshot, _ model: HostModel) -> Bool {
        guard let device = model[nil]?.devices[port], let alias = device.settings.alias else { return false }
        return desired.attachments.values.contains { attachment in
            guard alias.hasPrefix("kc:attachment/\(attachment.id)") || alias.hasPrefix("kc:external/\(attachment.id)"),
                let segment = desired.segments[attachment.segment]
            else { return false }
            let bridge = InterfaceName.bridge(segment.vni)
            return device.settings.master == bridge
                && model[nil]?.devices[bridge]?.settings.alias == "kc:segment/\(segment.id)"
        }
    }

    @Test func `taking everything away leaves what was there before KC`() throws {
        for seed in Seeds.many {
            var scenario = Scenario(seed: seed, isContentious: true)
            let fresh = scenario.host()
            var model = fresh
            for round in 0..<2 { try settle(&model, scenario.desired(), "seed \(seed) round \(round)") }
            let plan = HostPlanner.removal(observed: model.observed)
            let failures = model.apply(plan.steps)
            try #require(failures.isEmpty, "seed \(seed): \(failures)")
            try #require(model.description == fresh.description, "seed \(seed)\n\(plan)")
            #expect(HostPlanner.removal(observed: model.observed).isEmpty)
        }
    }
}
