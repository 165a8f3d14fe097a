import Addressing
import Frames
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// The frames of guests: as they would send them, and as their neighbours ask them.
extension PathMeasurement {
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
    func cross() async -> (tallies: [ProbeTally], failures: [String]) {
        guard let segment, task.from.guest != nil, task.to.guest != nil else { return ([], []) }
        let frames = FlowFrames(flow: task.flow, nonce: task.nonce)
        var lanes: [CrossingOrder.Lane] = []
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
        }
        guard lanes.count == near.count else { return ([], ["no port for an end of the way"]) }
        let ports = Set(near.compactMap(port))
        let before = await drops(ports)
        do throws(NodeError) {
            let results = try await probing.crossing.cross(
                CrossingOrder(nonce: task.nonce, offset: frames.offset, lanes: lanes))
            return (tallies(results, lanes, Self.growth(before, await drops(ports))), [])
        } catch { return ([], [Self.words(error)]) }
    }

    /// Of two ends on one host the sums are of both directions.
    private func tallies(
        _ results: [CrossingResult], _ lanes: [CrossingOrder.Lane], _ dropped: [String: Int]
    ) -> [ProbeTally] {
        [ProbeTally.Kind.marked, .largeMarked].map { kind in
            let sent = zip(results, lanes).map { result, lane in
                kind == .marked ? (result.sent + 1) / 2 : result.sent / 2
            }.reduce(0, +)
            // The kinds take turns, and the first round is of marked frames.
            let expected = results.compactMap { result in
                result.rounds.map { $0.count { $0.isMultiple(of: 2) == (kind == .marked) } }
            }.reduce(0, +)
            return ProbeTally(
                kind, sent: sent, delivered: results.map { $0.arrived[kind, default: 0] }.reduce(0, +),
                expected: expected, drops: dropped)
        }
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
