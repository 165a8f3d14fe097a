package import NetworkModel

/// What was heard of the other end. A packet may come twice, by two paths of a bridge: it counts once.
///
/// Rounds that this end may have heard a part of alone are not counted at all. The first frame of a round is `unicast`
/// (`ExchangeRun`): who hears that one first has listened for the whole round, who hears another one first perhaps not.
package struct HeardFrames {
    private var echoes: Set<ProbeMark> = []
    /// With whether its checksum was wrong.
    private var wire: [ProbeMark: Bool] = [:]
    private var tunnel: Set<ProbeMark> = []
    private var firstRound: Int?
    private var lastRound = -1

    package init() {}

    /// Whether the other end was heard on the wire.
    package var isAnything: Bool { firstRound != nil }

    /// Whether an answer comes for the first time.
    package mutating func isNewEcho(_ mark: ProbeMark) -> Bool { echoes.insert(mark).inserted }

    /// A frame was heard on the underlay interface.
    package mutating func onWire(_ mark: ProbeMark, isCorrupt: Bool) {
        let round = Int(mark.number)
        if firstRound == nil { firstRound = mark.kind == .unicast ? round : round + 1 }
        lastRound = max(lastRound, round)
        if wire[mark] == nil { wire[mark] = isCorrupt }
    }

    /// A frame came out of the VXLAN device.
    package mutating func delivered(_ mark: ProbeMark) { tunnel.insert(mark) }

    /// The tally of a kind with what was heard of it. Echoes are counted where they come.
    package func counted(_ tally: ProbeTally) -> ProbeTally {
        guard let firstRound, ![.echo, .largeEcho].contains(tally.kind) else { return tally }
        func counts(_ mark: ProbeMark) -> Bool { mark.kind == tally.kind && Int(mark.number) >= firstRound }
        var tally = tally
        tally.onWire = wire.keys.count(where: counts)
        tally.corrupt = wire.count { counts($0.key) && $0.value }
        tally.delivered = tunnel.count(where: counts)
        tally.expected = max(0, lastRound - firstRound + 1)
        return tally
    }
}
