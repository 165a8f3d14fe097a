import Addressing
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import SeededRandomness
import Testing

/// Not the bar (that is the benchmark's, with release builds), but a guard against costs that grow with the host.
@Suite(.serialized) struct PlannerSpeedTests {
    private func host(attachments: Int, segments: Int) throws -> (World, [ResourceID]) {
        var world = try World()
        let template = try #require(world.desired.segments[world.segment])
        world.desired.segments = [:]
        world.desired.attachments = [:]
        var random = SeededGenerator(seed: 1)
        var segmentIDs: [ResourceID] = []
        for number in 1...segments {
            var segment = template
            segment.id = randomID(&random)
            segment.vni = try VNI(number)
            segmentIDs.append(segment.id)
            world.desired.segments[segment.id] = segment
        }
        let ids = (0..<attachments).map { _ in randomID(&random) }
        for (index, id) in ids.enumerated() {
            world.add(.tap, as: id)
            world.desired.attachments[id]?.segment = segmentIDs[index % segments]
        }
        return (world, ids)
    }

    @Test func `planning one attachment costs the same beside 100 and beside 3,000`() throws {
        let clock = ContinuousClock()
        var best: [Int: Duration] = [:]
        for count in [100, 3000] {
            let (world, ids) = try host(attachments: count, segments: 4)
            var state = PlanningState(desired: world.desired, observed: world.model.observed)
            for step in state.plan().steps { state.expect(step.operation) }
            #expect(state.plan().isEmpty)
            for _ in 0..<20 {
                let gone = try #require(state.desired.attachments[ids[count / 2]])
                _ = try state.merge(HostUpdate(revision: Revision(8), removedAttachments: [gone.id]))
                for step in state.plan(PlanScope(attachments: [gone.id])).steps { state.expect(step.operation) }
                let time = try clock.measure {
                    let scope = try state.merge(HostUpdate(revision: Revision(9), attachments: [gone]))
                    let plan = state.plan(scope)
                    #expect(plan.steps.count == 3, "\(plan)")
                    for step in plan.steps { state.expect(step.operation) }
                }
                best[count] = min(best[count] ?? time, time)
            }
        }
        let (few, many) = (try #require(best[100]), try #require(best[3000]))
        print("one attachment planned beside 100: \(few), beside 3,000: \(many)")
        #expect(many < .milliseconds(15))
        #expect(many < few * 5, "\(few) beside 100, \(many) beside 3,000")
    }

    @Test func `a host of 1,000 networks that is as it shall be is compared in little time`() throws {
        let (world, _) = try host(attachments: 1000, segments: 1000)
        var state = PlanningState(desired: world.desired, observed: world.model.observed)
        for step in state.plan().steps { state.expect(step.operation) }
        let observed = state.observed
        let clock = ContinuousClock()
        var best = Duration.seconds(60)
        for _ in 0..<3 {
            best = min(
                best, clock.measure { #expect(HostPlanner.plan(desired: world.desired, observed: observed).isEmpty) })
        }
        print("1,000 networks compared from nothing: \(best)")
        #expect(best < .seconds(2))
    }
}
