import Addressing
import NetworkModel

/// As much as the segment carries, from guest to guest.
extension PathJudge {
    var data: Finding {
        guard world.segment != nil, world.hosts.contains(where: { $0.tally(.largeMarked).sent > 0 }) else {
            return .skip("no frames could be put in at the ports")
        }
        let bytes = world.segment?.mtu.bytes ?? 0
        let directions = world.isLocal ? [] : ends.prefix(world.flow == .echo ? 2 : 1)
        for (from, to) in directions {
            let (arrived, sent) = count(.largeMarked, from, to)
            guard arrived * 2 < sent else { continue }
            return .fail(
                PathFault(
                    .data, "large frames", on: from.host.name,
                    "\(arrived) of \(sent) frames of \(bytes) bytes from \(from.name) come to \(to.name), small ones do",
                    mend: "look for a limit of size between the ports: filters, offloading (`ethtool -k`)"))
        }
        for (from, to) in world.isLocal ? [(world.from, world.to)] : Array(directions) {
            if let fault = segmentFault(from, to) { return .fail(fault) }
        }
        return .ok([Evidence("frames of \(bytes) bytes pass", for: .project)] + segmentEvidence)
    }

    /// Segments of TCP that arrived, of how many that should have; nil when none was sent, or guards stop them.
    private func segments(_ from: PathWorld.End, _ to: PathWorld.End) -> (arrived: Int, sent: Int)? {
        let counted = count(.segment, from, to)
        return from.host.tally(.segment).sent > 0 && counted.sent > 0 ? counted : nil
    }

    /// Reasons for which guards dropped TCP that was not asked about: whom policies let in is no fault of devices.
    private func isStopped(_ from: PathWorld.End, _ to: PathWorld.End) -> Bool {
        if case .tcp = world.flow { return false }
        return [from, to].contains { !$0.host.tally(.segment).drops.isEmpty }
    }

    private func segmentFault(_ from: PathWorld.End, _ to: PathWorld.End) -> PathFault? {
        guard let (arrived, sent) = segments(from, to) else { return nil }
        let corrupt = to.host.tally(.segment).corrupt
        let device =
            world.segment.map { segment in
                (world.isLocal ? InterfaceName.bridge(segment.vni) : .vxlan(segment.vni)).text
            } ?? "its port"
        let look =
            "ethtool -K \(from.host.interface) tx off tso off gso off on \(from.host.name), and the same for \(device); "
            + "then look for who changes packets: `tc filter show dev \(device) egress`, `nft list ruleset`"
        if corrupt > 0 {
            return PathFault(
                .data, "TCP checksum", on: from.host.name,
                "\(corrupt) of \(arrived) full segments of TCP from \(from.name), finished by devices, come to \(to.name) "
                    + "with a wrong checksum: echoes pass and connections stall", mend: look)
        }
        guard arrived * 2 < sent, !isStopped(from, to) else { return nil }
        return PathFault(
            .data, "TCP segments", on: from.host.name,
            "\(arrived) of \(sent) full segments of TCP from \(from.name), cut by devices, come to \(to.name); frames of "
                + "the same size that are finished already do", mend: look)
    }

    private var segmentEvidence: [Evidence] {
        let ways = world.isLocal ? Array(ends.prefix(1)) : Array(ends.prefix(world.flow == .echo ? 2 : 1))
        let counts = ways.compactMap { from, to -> String? in
            guard let (arrived, sent) = segments(from, to) else { return nil }
            if arrived * 2 < sent {
                return "no TCP from \(from.name) to \(to.name): policies stop it (--port tcp/PORT)"
            }
            return "\(from.name) → \(to.name) \(arrived) of \(sent) full segments of TCP, checksums right"
        }
        return counts.map { Evidence($0, for: .project) }
    }
}
