package import Addressing
package import NetworkModel

/// Puts frames in at ports as if the guests had sent them, and takes them out where they would leave for the other guest.
/// Between the two everything is as for a guest's own frames: guards, policies, bridge, tunnel. No guest sees one.
package protocol FrameCrossing: Sendable {
    /// - Returns: one for each lane, in order. Takes `CrossingOrder.duration` when both ends begin together and hear each
    ///   other, and at most 1.5 s more; where an answer is awaited, up to `CrossingOrder.patience`.
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
        /// What its guest's TCP would send beside them, one each round; empty for none.
        package var streams: [SegmentStream]
        /// What its guest would ask others: each is put in twice, some rounds apart.
        package var calls: [[UInt8]]
        /// By what answers to `calls` that no guest is to get are known; nil: the guest gets them.
        package var answers: AnswerMark?
        /// A neighbour solicitation for the nonce as an address, put in every second round; nil for none.
        package var solicitation: [UInt8]?

        package init(
            port: InterfaceName, isFirst: Bool, frames: [[UInt8]], streams: [SegmentStream] = [],
            calls: [[UInt8]] = [], answers: AnswerMark? = nil, solicitation: [UInt8]? = nil
        ) {
            self.solicitation = solicitation
            self.port = port
            self.isFirst = isFirst
            self.frames = frames
            self.streams = streams
            self.calls = calls
            self.answers = answers
        }
    }

    /// 16 bytes at one place of a frame.
    package struct AnswerMark: Hashable, Sendable {
        package var nonce: ProbeNonce
        /// Of the nonce in the frame, with the Ethernet header.
        package var offset: Int
        /// How many different answers are awaited.
        package var count: Int

        package init(nonce: ProbeNonce, offset: Int, count: Int) {
            self.nonce = nonce
            self.offset = offset
            self.count = count
        }
    }

    /// Several segments of TCP in one frame, as a guest hands them to a device that offers to cut them and to fill their
    /// checksums in (struct virtio_net_hdr of linux/virtio_net.h: NEEDS_CSUM, GSO_TCPV6).
    package struct SegmentStream: Hashable, Sendable {
        /// The sum over the pseudo-header stands where the checksum shall be. Each segment's data begins with a mark.
        package var bytes: [UInt8]
        /// Data of each segment; the last one has as much.
        package var segment: Int

        package init(bytes: [UInt8], segment: Int) {
            self.bytes = bytes
            self.segment = segment
        }

        /// Headers of Ethernet, IPv6 and TCP without options.
        package static let headers = 14 + 40 + 20
        /// Segments of one frame.
        package static let count = 3
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
    /// In these rounds `calls` are put in.
    package static let callRounds: Set<Int> = [0, 5]
    /// Where a solicitation has the nonce: its target, behind the headers of Ethernet, IPv6 and four bytes of its own that
    /// are reserved (RFC 4861 section 4.3).
    package static let target = 14 + 40 + 8
    /// For so long answers to them are awaited.
    package static let patience = Duration.milliseconds(2500)
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
    /// Segments that were put in, and those of the other end that came with a wrong checksum or size.
    package var segmentsSent = 0
    package var segmentsCorrupt = 0
    /// Frames that have the lane's `AnswerMark`, each once.
    package var answers: [[UInt8]] = []
    /// Solicitations that were put in, and those of the other end that came.
    package var solicitationsSent = 0
    package var solicitationsHeard = 0

    package init(sent: Int, arrived: [ProbeTally.Kind: Int], rounds: ClosedRange<Int>? = nil) {
        self.sent = sent
        self.arrived = arrived
        self.rounds = rounds
    }
}
