package import Resources

/// What a diagnostic request asks. Agents on the hosts concerned see it in their desired state, measure, and write
/// results; no agent is called.
package enum ProbeQuestion: Hashable, Sendable {
    /// What the guards and policies of an attachment's port drop.
    case drops(attachment: ResourceID)
    /// What the DHCP servers of a gateway have given out.
    case leases(gateway: ResourceID)
    /// What the translator between IPv6 and IPv4 of a gateway has counted.
    case translation(gateway: ResourceID)
    /// What the firewall of a gateway has dropped.
    case gatewayDrops(gateway: ResourceID)
    /// Whether and how the two ends of a way reach each other.
    case path(PathTask)
    /// The frames of an attachment themselves; they come in chunks beside the answers.
    case capture(CaptureTask)
}

/// A diagnostic request, as a host sees it. It ends by itself.
package struct DesiredProbe: Hashable, Sendable {
    package var id: ResourceID
    package var question: ProbeQuestion
    /// How long to measure from the first sight of it; 0: one result of what is known at once. 0 to 300.
    package var seconds: Int

    package init(id: ResourceID, question: ProbeQuestion, seconds: Int) {
        self.id = id
        self.question = question
        self.seconds = seconds
    }

    package static let maximumSeconds = 300

    /// Since when agents know such questions.
    var format: HostUpdateFormat {
        switch question {
        case .drops: .isolation
        case .leases: .services
        case .path(let task) where task.gateway != nil: .ways
        case .translation, .path: .diagnosis
        case .gatewayDrops: .guests
        case .capture: .captures
        }
    }

    /// Without what an agent that reads this format does not know.
    func known(to format: HostUpdateFormat) -> DesiredProbe {
        guard case .path(let task) = question else { return self }
        var probe = self
        probe.question = .path(task.known(to: format))
        return probe
    }
}

/// What one host found; a later one replaces it. At most one a second and probe.
package struct ProbeResult: Hashable, Sendable {
    package enum Phase: String, Choice {
        /// More will come.
        case measuring
        case done
        /// `message` says why there is no answer.
        case failed
    }

    package var phase: Phase
    package var message: String?
    package var drops: DropReport?
    package var leases: LeaseReport?
    package var translation: TranslationReport?
    package var path: PathFindings?
    package var capture: CaptureReport?

    package init(
        _ phase: Phase, message: String? = nil, drops: DropReport? = nil, leases: LeaseReport? = nil,
        translation: TranslationReport? = nil, path: PathFindings? = nil, capture: CaptureReport? = nil
    ) {
        self.capture = capture
        self.translation = translation
        self.path = path
        self.leases = leases
        self.phase = phase
        self.message = message
        self.drops = drops
    }
}

/// What was dropped at one port.
package struct DropReport: Hashable, Sendable {
    /// Frames by reason (the raw value of `DropExplanation`; a newer agent may know more), since the port was guarded.
    package var counters: [String: UInt64]
    /// The last frames, oldest first; at most `maximumFrames`.
    package var frames: [DroppedFrame]
    /// Frames that are counted but were never shown, since the kernel shows only so many a second.
    package var unseen: UInt64

    package init(counters: [String: UInt64], frames: [DroppedFrame] = [], unseen: UInt64 = 0) {
        self.counters = counters
        self.frames = frames
        self.unseen = unseen
    }

    package static let maximumFrames = 64
    package static let maximumCounters = 64
}

/// One frame that was dropped.
package struct DroppedFrame: Hashable, Sendable {
    package enum Direction: String, Choice {
        /// The guest sent it.
        case from
        /// It was for the guest.
        case to
    }

    /// Grows by one with each frame of the port: by it a reader knows what it has shown.
    package var number: UInt64
    package var time: Timestamp
    /// A raw value of `DropExplanation`.
    package var reason: String
    package var direction: Direction
    /// Of the whole frame in bytes.
    package var length: Int
    /// Its first bytes, from the Ethernet header on; at most `maximumBytes`.
    package var bytes: [UInt8]

    package init(
        number: UInt64, time: Timestamp, reason: String, direction: Direction, length: Int, bytes: [UInt8]
    ) {
        self.number = number
        self.time = time
        self.reason = reason
        self.direction = direction
        self.length = length
        self.bytes = bytes
    }

    package static let maximumBytes = 256
}
