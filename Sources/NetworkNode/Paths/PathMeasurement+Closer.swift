import Addressing
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import Synchronization

/// That the frames of a way have crossed.
final class CrossingEnd: Sendable {
    private let isOver = Atomic(false)

    func note() { isOver.store(true, ordering: .relaxed) }
    var hasCome: Bool { isOver.load(ordering: .relaxed) }
}

/// What lies between the ports of two hosts.
extension PathMeasurement {
    /// nil when nobody asked, both ends are on this host, or there is no tunnel.
    func listenAtTunnel(_ offset: Int, until end: CrossingEnd) async -> PassageFinding? {
        guard looksCloser, !task.isLocal, let segment else { return nil }
        do throws(NodeError) {
            return try await probing.tunnels.listen(
                for: task.nonce, offset: offset, at: .vxlan(segment.vni)
            ) { end.hasCome }
        } catch {
            // Without the device nothing crosses; the look at the devices says so.
            return nil
        }
    }

    /// How the kernel's guards differ from those that are wanted for the ports here; nil when they do not, or nobody asked.
    func whatGuardsLack() async -> GuardFinding? {
        guard looksCloser else { return nil }
        let observed: ObservedFilter
        do throws(NodeError) { observed = try await ports.filter.observe() } catch { return nil }
        guard let digest = observed.digest else { return GuardFinding(isGone: true) }
        let wanted = HostPlanner.guardElements(of: Set(near.compactMap { $0.guest?.attachment }), for: snapshot)
        let present = Set(wanted.compactMap(\.owner)).reduce(into: [GuardOwner: Set<GuardElement>]()) {
            $0[$1] = observed.content[$1]
        }
        let missing = wanted.filter { element in
            element.owner.map { present[$0]?.contains(element) == false } ?? false
        }
        var finding = GuardFinding(isChanged: !HostPlanner.admits(structure: digest, for: snapshot))
        for element in missing.sorted().prefix(GuardFinding.maximumElements) {
            finding.missing[element.set.set.name.text, default: []].append("\(element)")
        }
        return finding.isChanged || !finding.missing.isEmpty ? finding : nil
    }

    /// Of two ends on one host the sums are of both directions.
    func solicitations(_ results: [CrossingResult]) -> ProbeTally {
        // In the rounds of which something was heard, every second one.
        let expected = results.compactMap { $0.rounds?.count { $0.isMultiple(of: 2) } }.reduce(0, +)
        return ProbeTally(
            .solicitation, sent: results.map(\.solicitationsSent).reduce(0, +),
            delivered: results.map(\.solicitationsHeard).reduce(0, +), expected: expected)
    }
}
