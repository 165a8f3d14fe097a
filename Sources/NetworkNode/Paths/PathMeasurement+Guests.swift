import Addressing
import Frames
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// The frames of guests: as they would send them, and as their neighbours ask them.
extension PathMeasurement {
    /// What the guards of this host dropped in all, at the ports of the ends.
    func drops() async -> [String: Int] {
        let ports = Set(near.compactMap(port))
        // Without a ruleset there is nothing to count: the crossing says what that means.
        guard let counts = try? await droppedFrames() else { return [:] }
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
                    frames: (0..<CrossingOrder.rounds).map { round in
                        let mark = ProbeMark(
                            round.isMultiple(of: 2) ? .marked : .largeMarked, isFirst: isFirst, number: UInt16(round))
                        return frames.frame(mark, from: own, to: other, mtu: segment.mtu)
                    }))
        }
        guard lanes.count == near.count else { return ([], ["no port for an end of the way"]) }
        let before = await drops()
        do throws(NodeError) {
            let results = try await probing.crossing.cross(
                CrossingOrder(nonce: task.nonce, offset: frames.offset, lanes: lanes))
            let after = await drops()
            let dropped = after.compactMapValues { $0 }.filter { $0.value > before[$0.key, default: 0] }
                .reduce(into: [:]) { $0[$1.key] = $1.value - before[$1.key, default: 0] }
            return (tallies(results, lanes, dropped), [])
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
            return ProbeTally(
                kind, sent: sent, delivered: results.map { $0.arrived[kind, default: 0] }.reduce(0, +), drops: dropped)
        }
    }

    /// Each guest of this host is asked by its neighbour's name.
    func askGuests() async -> [GuestFinding] {
        var found: [GuestFinding] = []
        for end in near {
            guard let port = port(of: end), let own = end.guest, let other = other(than: end).guest else { continue }
            let questions = GuestQuestions(own: own, other: other, nonce: task.nonce)
            do throws(NodeError) {
                let answers = try await probing.guests.ask(questions.frames, at: port)
                found.append(questions.finding(answers))
            } catch { continue }  // no carrier, or no port: seen as a device
        }
        return found
    }

    func port(of end: PathEnd) -> InterfaceName? {
        end.guest.flatMap { snapshot.attachments[$0.attachment]?.portName }
    }

    private func other(than end: PathEnd) -> PathEnd { end == task.from ? task.to : task.from }
}

/// Frames of a flow, each with a probe's mark.
struct FlowFrames {
    let flow: PathFlow
    let nonce: ProbeNonce

    /// Where the mark begins: behind Ethernet and IPv6, and the header of the flow.
    var offset: Int { 14 + 40 + (isTCP ? 20 : 8) }
    private var isTCP: Bool { if case .tcp = flow { true } else { false } }
    /// No guard looks at checksums. Should a filter have gone before the last frame, the guest drops it all the same: one
    /// in 65,536 nonces makes this the right one.
    private static let spoilt = Checksum.wrong(0x6b63)
    /// Out of the dynamic ports (RFC 6335 section 6).
    private var sourcePort: UInt16 { 0xc000 | UInt16(truncatingIfNeeded: nonce.low >> 16) & 0x3fff }

    func frame(_ mark: ProbeMark, from own: PathEnd.Guest, to other: PathEnd.Guest, mtu: MTU) -> [UInt8] {
        var data = mark.bytes(nonce)
        if mark.kind == .largeMarked {
            data += [UInt8](repeating: 0, count: max(0, mtu.bytes - (offset - 14) - data.count))
        }
        let content: IPv6Packet.Content =
            switch flow {
            case .echo:
                .icmpv6(
                    ICMPv6Message(
                        .echo(
                            isReply: false, identifier: UInt16(truncatingIfNeeded: nonce.low), sequence: mark.number,
                            data: data), checksum: Self.spoilt))
            case .udp(let port): .udp(UDPDatagram(from: sourcePort, to: port, data, checksum: Self.spoilt))
            case .tcp(let port):
                .tcp(
                    TCPSegment(
                        from: sourcePort, to: port, .syn, sequence: UInt32(mark.number), data, checksum: Self.spoilt))
            }
        return EthernetFrame(
            to: other.mac, from: own.mac, .ipv6(IPv6Packet(from: own.address, to: other.address, content))
        ).bytes
    }
}

/// What a guest is asked at its port, and what its answers say.
struct GuestQuestions {
    let own: PathEnd.Guest
    let other: PathEnd.Guest
    let nonce: ProbeNonce

    /// Is the address there, is anybody there, does an echo come back, and has it taken the other's address?
    var frames: [[UInt8]] {
        // Not the nonce: what has it is taken out at ports.
        func ask(_ target: IPv6Address, from source: IPv6Address, number: UInt16) -> [UInt8] {
            let echo = ICMPv6Message(
                .echo(
                    isReply: false, identifier: UInt16(truncatingIfNeeded: nonce.low), sequence: number,
                    data: nonce.bytes.map { ~$0 }))
            return EthernetFrame(
                to: own.mac, from: other.mac, .ipv6(IPv6Packet(from: source, to: target, .icmpv6(echo)))
            ).bytes
        }
        return [
            solicitation(own.address, from: other.address), solicitation(.linkLocal(own.mac), from: other.address),
            // As somebody who looks whether the address is free: its holder would defend it (RFC 4862 section 5.4.3).
            solicitation(other.address, from: .unspecified),
            ask(own.address, from: other.address, number: 0),
            ask(.linkLocal(own.mac), from: .linkLocal(other.mac), number: 1),
        ]
    }

    private func solicitation(_ target: IPv6Address, from source: IPv6Address) -> [UInt8] {
        // ff02::1:ff00:0/104 (RFC 4291 section 2.7.1), 33:33 and its last four bytes (RFC 2464 section 7).
        let group = IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | target.low & 0xff_ffff)
        let mac = MACAddress(0x3333_0000_0000 | group.low & 0xffff_ffff)
        let message = ICMPv6Message(
            .neighbourSolicitation(
                target: target, source.isUnspecified ? [] : [.sourceLinkLayer(other.mac)]))
        return EthernetFrame(
            to: mac, from: other.mac, .ipv6(IPv6Packet(from: source, to: group, hopLimit: 255, .icmpv6(message)))
        ).bytes
    }

    func finding(_ answers: [[UInt8]]) -> GuestFinding {
        var finding = GuestFinding(attachment: own.attachment, isNeighbour: false, answersEcho: false)
        for bytes in answers {
            // What else it sends meanwhile is not about these questions.
            guard let frame = try? EthernetFrame(parsing: bytes), case .ipv6(let packet) = frame.payload,
                case .icmpv6(let message) = packet.content
            else { continue }
            switch message.body {
            case .neighbourAdvertisement(_, let target, _):
                if target == own.address { finding.isNeighbour = true }
                if target == other.address { finding.claimsOther = true }
                if target == own.address || target == .linkLocal(own.mac) { finding.isPresent = true }
            case .echo(isReply: true, let identifier, let number, _):
                guard identifier == UInt16(truncatingIfNeeded: nonce.low) else { continue }
                if number == 0 { finding.answersEcho = true }
                finding.isPresent = true
            default: continue
            }
            if frame.source != own.mac { finding.foreignMAC = frame.source }
        }
        return finding
    }
}
