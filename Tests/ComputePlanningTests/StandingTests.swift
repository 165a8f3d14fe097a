import ComputeModel
import ComputePlanning
import Resources
import Testing

struct StandingTests {
    private let first = Timestamp(milliseconds: 1000)
    private let second = Timestamp(milliseconds: 2000)

    private func report(
        _ order: MachineOrder, _ phase: ObservedDomain.Phase?, failure: Obstacle? = nil, obstacles: [Obstacle] = [],
        after before: VirtualMachineReport? = nil
    ) -> VirtualMachineReport {
        MachineStanding(
            order: order, domain: phase.map { ObservedDomain(phase: $0, definition: "x") }, hasDisk: true,
            obstacles: obstacles, failure: failure
        ).report(after: before, now: before == nil ? first : second)
    }

    @Test func `a VM that does not run says the true reason`() {
        let failed = report(
            Making.order(1), .off("it failed to start"), failure: Obstacle(.started, "start x: no room for its memory"))
        #expect(failed.state == .failed)
        #expect(failed.obstacle?.message == "start x: no room for its memory")
        let waiting = report(
            Making.order(1, isWired: false), .off("new"),
            obstacles: [Obstacle(.attachmentsWired, "1 of 1 are not wired")])
        #expect(waiting.state == .waiting)
        #expect(
            waiting.obstacle
                == Condition(.attachmentsWired, holds: false, since: first, message: "1 of 1 are not wired"))
        #expect(report(Making.order(1, power: .off), nil).state == .stopped)
        #expect(report(Making.order(1, power: .off), .running).state == .stopping)
    }

    @Test func `what has not changed keeps its time`() throws {
        let before = report(Making.order(1), .off("new"))
        let after = report(Making.order(1), .running, after: before)
        #expect((before.state, after.state) == (.starting, .running))
        #expect(after.since == second)
        #expect(after.conditions.map(\.since) == [first, first, first, first, second])
        #expect(try VirtualMachineReport(json: JSONParser.parse(after.json), path: "") == after)
    }
}
