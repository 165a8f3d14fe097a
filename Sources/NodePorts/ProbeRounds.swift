/// How long one end of a way sends. The two ends begin when their agents hear of the question, which may be more than a
/// second apart when one of them is busy: nothing that was sent before the other one listened says anything of the way.
///
/// Each end listens for a lead before it sends. Whoever hears the other knows that it has listened for longer than an
/// interval, and goes on until it has sent as many rounds as are wanted since then.
package struct ProbeRounds: Sendable {
    private let wanted: Int
    /// The round in which the other end may begin at the latest.
    private let latest: Int
    /// So many rounds were sent.
    package private(set) var sent = 0
    private var beginning: Int?

    /// - Parameter latest: 0 when nobody has to be waited for.
    package init(wanted: Int, latest: Int) {
        self.wanted = wanted
        self.latest = latest
    }

    package var isOver: Bool { sent >= (beginning ?? latest) + wanted }

    package mutating func send() { sent += 1 }

    /// The other end was heard. It has heard the round before, as well.
    package mutating func hear() { if beginning == nil { beginning = max(0, sent - 1) } }

    /// As many rounds as fit between two agents of which one acknowledges at once and one at the last moment (1.5 s).
    package static func latest(_ interval: Duration) -> Int { Int(Duration.milliseconds(1500) / interval) }
}
