import LinuxPackets
import NetworkModel
import NodePorts
import Testing

/// Which packets of a probe are counted, when its two ends do not begin together.
@Suite struct ProbeRoundsTests {
    /// One end: begins to listen at `start`, sends its first round a lead later.
    private struct End {
        var start: Int
        var rounds: ProbeRounds
        var heard = HeardFrames()
    }

    private static let interval = 60
    private static let lead = 100
    private static let kinds = [ProbeTally.Kind.unicast, .largeUnicast, .flood]

    /// Two ends over a way that loses what `passes` does not let through, in steps of a millisecond; kinds of one round
    /// are sent a millisecond apart.
    private static func exchange(
        late: Int, latest: Int = 25, passes: (_ isFirst: Bool, _ kind: ProbeTally.Kind, _ number: Int) -> Bool
    ) -> [End] {
        var ends = [0, late].map { End(start: $0, rounds: ProbeRounds(wanted: 10, latest: latest)) }
        for now in 0..<6000 {
            for side in ends.indices {
                let age = now - ends[side].start - lead
                guard age >= 0, !ends[side].rounds.isOver || age % interval != 0 else { continue }
                if age % interval == 0 {
                    if ends[side].heard.isAnything { ends[side].rounds.hear() }
                    guard !ends[side].rounds.isOver else { continue }
                    ends[side].rounds.send()
                }
                let number = age / interval
                guard number < ends[side].rounds.sent, kinds.indices.contains(age % interval) else { continue }
                let kind = kinds[age % interval]
                let other = 1 - side
                guard now >= ends[other].start, passes(side == 0, kind, number) else { continue }
                ends[other].heard.onWire(
                    ProbeMark(kind, isFirst: side == 0, number: UInt16(number)), isCorrupt: false)
            }
        }
        return ends
    }

    @Test(arguments: [0, 1, 20, 59, 60, 61, 101, 102, 103, 222, 700, 1499])
    func `on a way that loses nothing, nothing is missing, however late one end begins`(_ late: Int) {
        for end in Self.exchange(late: late, passes: { _, _, _ in true }) {
            for kind in Self.kinds {
                let tally = end.heard.counted(ProbeTally(kind))
                #expect(tally.onWire == tally.expected, "\(late) ms late: \(tally)")
                #expect(tally.expected >= 9, "\(late) ms late: \(tally)")
            }
        }
    }

    @Test(arguments: [0, 20, 500]) func `what the way loses is missing`(_ late: Int) {
        let ends = Self.exchange(late: late) { isFirst, kind, number in
            !isFirst || kind != .flood && !number.isMultiple(of: 2)
        }
        let tallies = Self.kinds.map { ends[1].heard.counted(ProbeTally($0)) }
        #expect(tallies[0].onWire * 2 <= tallies[0].expected + 1)
        #expect(tallies[2].onWire == 0 && tallies[2].expected >= 8)
        for kind in Self.kinds { #expect(ends[0].heard.counted(ProbeTally(kind)).expected >= 9) }
    }

    @Test func `who hears nobody ends all the same`() {
        let ends = Self.exchange(late: 0) { _, _, _ in false }
        #expect(ends.map(\.rounds.sent) == [35, 35])
        #expect(ends[0].heard.counted(ProbeTally(.unicast)).expected == 0)
    }

    @Test func `a frame that comes twice counts once`() {
        var heard = HeardFrames()
        let mark = ProbeMark(.unicast, isFirst: true, number: 0)
        for _ in 0..<2 {
            heard.onWire(mark, isCorrupt: true)
            heard.delivered(mark)
        }
        let tally = heard.counted(ProbeTally(.unicast))
        #expect([tally.onWire, tally.delivered, tally.corrupt, tally.expected] == [1, 1, 1, 1])
    }
}
