package import Addressing
package import NetworkModel
package import NodePorts
package import Resources

/// What open probes want to know of dropped frames, and what they were told. Pure: frames, counters and the time come
/// in, answers come out.
package struct DropCollector: Sendable {
    private struct Open: Sendable {
        var port: InterfaceName
        var ends: ContinuousClock.Instant
        var frames: [DroppedFrame] = []
        var lastNumber: UInt64 = 0
        /// The second that frames are counted in, and how many it had.
        var second: ContinuousClock.Instant
        var inSecond = 0
        /// What was counted when it began, and what was shown since.
        var baseline: UInt64?
        var shown: UInt64 = 0
    }

    private var open: [ResourceID: Open] = [:]
    /// Answered to the end, and still in the desired state.
    private var finished: Set<ResourceID> = []

    /// At most so many frames a second are shown to one probe.
    package static let framesPerSecond = 64

    package init() {}

    /// Whether somebody waits for frames.
    package var isListening: Bool { !open.isEmpty }

    package var ports: Set<InterfaceName> { Set(open.values.map(\.port)) }

    /// The probes that are desired now, each with the port it asks about; those of other ports are not answered here.
    package mutating func want(
        _ probes: some Collection<DesiredProbe>, port: (ResourceID) -> InterfaceName?, at now: ContinuousClock.Instant
    ) {
        let ids = Set(probes.map(\.id))
        open = open.filter { ids.contains($0.key) }
        finished.formIntersection(ids)
        for probe in probes where open[probe.id] == nil && !finished.contains(probe.id) {
            guard case .drops(let attachment) = probe.question, let port = port(attachment) else { continue }
            let length = Duration.seconds(min(max(probe.seconds, 0), DesiredProbe.maximumSeconds))
            open[probe.id] = Open(port: port, ends: now + length, second: now)
        }
    }

    package mutating func hear(_ frame: LoggedFrame, time: Timestamp, at now: ContinuousClock.Instant) {
        // Rules of policies log what they let through, too.
        guard let port = frame.port, let reason = DropExplanation(rawValue: frame.prefix) else { return }
        for (id, var probe) in open where probe.port == port {
            if probe.second + .seconds(1) <= now {
                probe.second = now
                probe.inSecond = 0
            }
            guard probe.inSecond < Self.framesPerSecond else { continue }
            probe.inSecond += 1
            probe.lastNumber += 1
            probe.shown += 1
            probe.frames.append(
                DroppedFrame(
                    number: probe.lastNumber, time: time, reason: reason.rawValue,
                    direction: frame.source == nil ? .to : .from, length: frame.wireLength,
                    bytes: Array(frame.bytes.prefix(DroppedFrame.maximumBytes))))
            if probe.frames.count > DropReport.maximumFrames { probe.frames.removeFirst() }
            open[id] = probe
        }
    }

    /// What is to be answered now. A probe whose time is over gets its last answer.
    package mutating func answers(
        _ counts: DropCounts, at now: ContinuousClock.Instant
    ) -> [(probe: ResourceID, result: ProbeResult)] {
        var answers: [(probe: ResourceID, result: ProbeResult)] = []
        for (id, var probe) in open.sorted(by: { $0.key < $1.key }) {
            let counters = counts[probe.port] ?? [:]
            let counted = counters.values.reduce(0, &+)
            let baseline = probe.baseline ?? counted
            probe.baseline = baseline
            let since = counted > baseline ? counted - baseline : 0
            let report = DropReport(
                counters: counters, frames: probe.frames, unseen: since > probe.shown ? since - probe.shown : 0)
            let isOver = probe.ends <= now
            answers.append((id, ProbeResult(isOver ? .done : .measuring, drops: report)))
            open[id] = isOver ? nil : probe
            if isOver { finished.insert(id) }
        }
        return answers
    }

    /// Frames cannot be had; every open probe gets that for an answer.
    package mutating func fail(_ reason: String) -> [(probe: ResourceID, result: ProbeResult)] {
        defer {
            finished.formUnion(open.keys)
            open = [:]
        }
        return open.keys.sorted().map { ($0, ProbeResult(.failed, message: reason)) }
    }

    /// The API knows the probe no more.
    package mutating func forget(_ probe: ResourceID) {
        if open.removeValue(forKey: probe) != nil { finished.insert(probe) }
    }
}

extension LoggedFrame {
    /// Of the frame as it was: what an IPv6 header says where the copy was cut, otherwise what is there.
    fileprivate var wireLength: Int {
        // Ethernet 14 bytes; the payload's length is at 4 of the IPv6 header's 40 (RFC 8200 section 3).
        guard bytes.count >= 54, bytes[12] == 0x86, bytes[13] == 0xdd else { return bytes.count }
        return max(bytes.count, 54 + Int(bytes[18]) << 8 + Int(bytes[19]))
    }
}
