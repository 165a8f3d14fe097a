package import Addressing
package import NetworkModel

/// Puts frames in at ports as if the guests had sent them, and takes them out where they would leave for the other guest.
/// Between the two everything is as for a guest's own frames: guards, policies, bridge, tunnel. No guest sees one.
package protocol FrameCrossing: Sendable {
    /// - Returns: one for each lane, in order. Takes `CrossingOrder.duration` when both ends begin together and hear each
    ///   other, and at most 1.5 s more.
    /// - Throws: when a port is not there, or the kernel cannot do it; nothing is left then either.
    func cross(_ order: CrossingOrder) async throws(NodeError) -> [CrossingResult]

    /// Takes away what an agent that was killed has left at these ports. Frames of other programs pass as before.
    func clear(_ ports: Set<InterfaceName>) async
}

/// Frames that cross a host's ports.
package struct CrossingOrder: Hashable, Sendable {
    /// One port of this host that is an end of the way.
    package struct Lane: Hashable, Sendable {
        package var port: InterfaceName
        /// Whether it is the end that is asked about first.
        package var isFirst: Bool
        /// What its guest would send, one each round; `maximumRounds` of them.
        package var frames: [[UInt8]]

        package init(port: InterfaceName, isFirst: Bool, frames: [[UInt8]]) {
            self.port = port
            self.isFirst = isFirst
            self.frames = frames
        }
    }

    package var nonce: ProbeNonce
    /// Where the mark (`ProbeMark`) begins in each frame, with the Ethernet header.
    package var offset: Int
    package var lanes: [Lane]

    package init(nonce: ProbeNonce, offset: Int, lanes: [Lane]) {
        self.nonce = nonce
        self.offset = offset
        self.lanes = lanes
    }

    package static let interval = Duration.milliseconds(50)
    /// How often frames are sent to somebody who listens.
    package static let rounds = 12
    /// Before the first round is listened for longer than an interval (`ProbeRounds`).
    package static let lead = Duration.milliseconds(100)
    package static let tail = Duration.milliseconds(200)
    /// What it takes when both begin together.
    package static let duration = lead + interval * rounds + tail
    package static let maximumRounds = rounds + ProbeRounds.latest(interval)

    package static var sending: ProbeRounds {
        ProbeRounds(wanted: rounds, latest: ProbeRounds.latest(interval))
    }
}

/// What came of one lane.
package struct CrossingResult: Hashable, Sendable {
    package var sent: Int
    /// Of the other end's frames, by kind.
    package var arrived: [ProbeTally.Kind: Int]
    /// From the first round of the other end that was heard, and to the last.
    package var rounds: ClosedRange<Int>?

    package init(sent: Int, arrived: [ProbeTally.Kind: Int], rounds: ClosedRange<Int>? = nil) {
        self.sent = sent
        self.arrived = arrived
        self.rounds = rounds
    }
}
