import Addressing
import Frames
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// The frames of guests: as they would send them, and as their neighbours ask them.
extension PathMeasurement {
    /// Without the table, the gate behind it stops everything that would leave by a port, and counts it.
    func isGuarded(_ tallies: [ProbeTally]) -> Bool {
        !tallies.contains { $0.drops[DropExplanation.closed.rawValue, default: 0] > 0 }
    }

    /// What the guards of this host dropped in all, at these ports.
    private func drops(_ ports: Set<InterfaceName>) async -> [String: Int] {
        // Without a ruleset there is nothing to count: the crossing says what that means.
        guard let counts = try? await self.ports.droppedFrames() else { return [:] }
        var sums: [String: Int] = [:]
        for (port, reasons) in counts where ports.contains(port) {
            for (reason, count) in reasons { sums[reason, default: 0] += Int(clamping: count) }
        }
        return sums
    }

    /// Marked frames from guest to guest, in both directions.
    func cross() async -> Crossed {
        guard let segment, task.from.guest != nil, task.to.guest != nil else { return Crossed() }
        let frames = FlowFrames(flow: task.flow, nonce: task.nonce)
        var lanes: [CrossingOrder.Lane] = []
        var calls: [GuestCalls] = []
        for end in near {
            guard let port = port(of: end), let own = end.guest, let other = other(than: end).guest else { continue }
            let isFirst = end == task.from
            lanes.append(
                CrossingOrder.Lane(
                    port: port, isFirst: isFirst,
                    frames: (0..<CrossingOrder.maximumRounds).map { round in
                        let mark = ProbeMark(
                            round.isMultiple(of: 2) ? .marked : .largeMarked, isFirst: isFirst, number: UInt16(round))
                        return frames.frame(mark, from: own, to: other, mtu: segment.mtu)
                    }))
            if task.extras.contains(.segments) {
                lanes[lanes.count - 1].streams = (0..<CrossingOrder.maximumRounds).map { round in
                    frames.stream(round: round, isFirst: isFirst, from: own, to: other, mtu: segment.mtu)
                }
            }
            calls.append(self.calls(of: end, own))
            lanes[lanes.count - 1].calls = calls.last?.frames ?? []
            lanes[lanes.count - 1].answers = calls.last?.answers
            if looksCloser { lanes[lanes.count - 1].solicitation = frames.solicitation(from: own, to: other) }
        }
        guard lanes.count == near.count else { return Crossed(failures: ["no port for an end of the way"]) }
        let ports = Set(near.compactMap(port))
        let before = await drops(ports)
        let crossing = CrossingEnd()
        async let passage = listenAtTunnel(frames.offset, until: crossing)
        async let lacking = whatGuardsLack()
        do throws(NodeError) {
            let results = try await probing.crossing.cross(
                CrossingOrder(nonce: task.nonce, offset: frames.offset, lanes: lanes))
            crossing.note()
            let growth = Self.growth(before, await drops(ports))
            var crossed = Crossed(tallies: tallies(results, lanes, growth))
            crossed.passage = await passage
            // What is missing still: an element may be on its way just then.
            if let early = await lacking { crossed.guards = await whatGuardsLack()?.common(with: early) }
            for (call, result) in zip(calls, results) {
                crossed.names[call.own.attachment] = call.names(result.answers)
            }
            return crossed
        } catch {
            crossing.note()
            _ = await (passage, lacking)
            return Crossed(failures: [Self.words(error)])
        }
    }

    /// What came of frames through ports.
    struct Crossed {
        var tallies: [ProbeTally] = []
        var failures: [String] = []
        var passage: PassageFinding?
        var guards: GuardFinding?
        /// What resolvers said to each guest.
        var names: [ResourceID: NamesFinding] = [:]
    }

    /// The port of a gateway asks nobody.
    private func isGuest(_ end: PathEnd) -> Bool { task.gateway == nil || end == task.from }

    private func calls(of end: PathEnd, _ own: PathEnd.Guest) -> GuestCalls {
        GuestCalls(
            own: own, resolver: isGuest(end) ? task.resolver : nil,
            asksRouters: isGuest(end) && task.extras.contains(.routers), number: .random(in: 0...(.max)))
    }

    /// The routers that each guest of this host hears of.
    func hearRouters() async -> [ResourceID: [RouterFinding]] {
        guard task.extras.contains(.routers) else { return [:] }
        return await withTaskGroup { group in
            for end in near where isGuest(end) {
                guard let port = port(of: end), let own = end.guest else { continue }
                group.addTask { (own.attachment, await routers(at: port)) }
            }
            var found: [ResourceID: [RouterFinding]] = [:]
            for await (attachment, routers) in group { found[attachment] = routers }
            return found
        }
    }

    /// nil when nobody can listen at the port: the look at it says why.
    private func routers(at port: InterfaceName) async -> [RouterFinding]? {
        let known = memory.routers(at: port)
        let least = CrossingOrder.duration
        do throws(NodeError) {
            let frames = try await probing.guests.advertisements(
                at: port, least: least, most: known.isEmpty ? Self.advertisementPatience : least)
            let heard = GuestCalls.routers(frames)
            memory.note(heard, at: port)
            return heard.isEmpty ? known : heard
        } catch { return nil }
    }

    /// A router may take half a second for each who asks (RFC 4861 section 6.2.6), one after the other.
    private static let advertisementPatience = Duration.milliseconds(2600)

    /// Of two ends on one host the sums are of both directions for echoes, which may go both ways whatever the policies,
    /// and else of what the first end sends the other: who may begin a flow says nothing of flows the other way.
    private func tallies(
        _ results: [CrossingResult], _ lanes: [CrossingOrder.Lane], _ dropped: [String: Int]
    ) -> [ProbeTally] {
        let isOneWay = task.isLocal && task.flow != .echo
        let senders = zip(results, lanes).filter { !isOneWay || $1.isFirst }.map(\.0)
        let receivers = zip(results, lanes).filter { !isOneWay || !$1.isFirst }.map(\.0)
        let plain = [ProbeTally.Kind.marked, .largeMarked].map { kind in
            let sent = senders.map { kind == .marked ? ($0.sent + 1) / 2 : $0.sent / 2 }.reduce(0, +)
            // The kinds take turns, and the first round is of marked frames.
            let expected = receivers.compactMap { result in
                result.rounds.map { $0.count { $0.isMultiple(of: 2) == (kind == .marked) } }
            }.reduce(0, +)
            return ProbeTally(
                kind, sent: sent, delivered: receivers.map { $0.arrived[kind, default: 0] }.reduce(0, +),
                expected: expected, drops: dropped)
        }
        let rounds = receivers.compactMap { $0.rounds?.count }.reduce(0, +)
        let asked = lanes.contains { $0.solicitation != nil } ? [solicitations(results)] : []
        guard lanes.contains(where: { !$0.streams.isEmpty }) else { return plain + asked }
        return plain + asked + [
            ProbeTally(
                .segment, sent: senders.map(\.segmentsSent).reduce(0, +),
                delivered: receivers.map { $0.arrived[.segment, default: 0] }.reduce(0, +),
                expected: rounds * CrossingOrder.SegmentStream.count,
                corrupt: receivers.map(\.segmentsCorrupt).reduce(0, +), drops: dropped)
        ]
    }

    /// Each guest of this host is asked by its neighbour's name.
    func askGuests() async -> [GuestFinding] {
        var found: [GuestFinding] = []
        for end in near {
            guard let port = port(of: end), let own = end.guest, let other = other(than: end).guest else { continue }
            let questions = GuestQuestions(own: own, other: other, nonce: task.nonce, mtu: segment?.mtu)
            do throws(NodeError) {
                let before = (await drops([port]), try await probing.survey.refusedFrames(at: port))
                var finding = questions.finding(try await probing.guests.ask(questions.frames, at: port))
                if !looksCloser { finding.answersTo = nil }
                finding.drops = Self.growth(before.0, await drops([port]))
                let refused = try await probing.survey.refusedFrames(at: port)
                // A port that was made anew counts from the beginning.
                finding.refused += Int(clamping: refused > before.1 ? refused - before.1 : 0)
                found.append(finding)
            } catch { continue }  // no carrier, or no port: seen as a device
        }
        return found
    }

    /// What has been added.
    static func growth(_ before: [String: Int], _ after: [String: Int]) -> [String: Int] {
        after.filter { $0.value > before[$0.key, default: 0] }
            .reduce(into: [:]) { $0[$1.key] = $1.value - before[$1.key, default: 0] }
    }

    func port(of end: PathEnd) -> InterfaceName? {
        end.guest.flatMap { snapshot.attachments[$0.attachment]?.portName }
    }

    private func other(than end: PathEnd) -> PathEnd { end == task.from ? task.to : task.from }
}
