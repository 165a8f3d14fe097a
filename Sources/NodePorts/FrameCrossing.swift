package import Addressing
package import NetworkModel

/// Puts frames in at ports as if the guests had sent them, and takes them out where they would leave for the other guest.
/// Between the two everything is as for a guest's own frames: guards, policies, bridge, tunnel. No guest sees one.
package protocol FrameCrossing: Sendable {
    /// - Returns: one for each lane, in order. Takes `CrossingOrder.duration`.
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
        /// What its guest would send, one each round.
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
    package static let rounds = 12
    /// Before the first round: the other end may be that much later, and then has not yet put its filter there.
    package static let lead = Duration.milliseconds(150)
    package static let tail = Duration.milliseconds(350)
    package static let duration = lead + interval * rounds + tail
}

/// What came of one lane.
package struct CrossingResult: Hashable, Sendable {
    package var sent: Int
    /// Of the other end's frames, by kind.
    package var arrived: [ProbeTally.Kind: Int]

    package init(sent: Int, arrived: [ProbeTally.Kind: Int]) {
        self.sent = sent
        self.arrived = arrived
    }
}
