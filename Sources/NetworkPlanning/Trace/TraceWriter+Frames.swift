package import Addressing
import Frames
import NFTables
package import NetworkModel
package import Resources

/// A frame that was dropped at a port, looked at again under the plan.
extension TraceWriter {
    /// - Parameters:
    ///   - bytes: from the Ethernet header on; may be cut short.
    ///   - length: of the whole frame.
    ///   - reason: that it was dropped for: of several ways to the port the one that ends so is told.
    /// - Returns: nil when no plan has the attachment, or the bytes are no frame.
    package func step(
        ofFrame bytes: [UInt8], length: Int, at attachment: ResourceID, isSender: Bool, reason: String
    ) -> TraceStep? {
        // What is cut off is not looked at by rules, but its length is.
        let padded = bytes + [UInt8](repeating: 0, count: max(0, min(length, 65_549) - bytes.count))
        guard let host = predictor.host(of: attachment), let view = predictor.hosts[host],
            let desired = view.snapshot.attachments[attachment], let frame = EvaluatedFrame(padded)
        else { return nil }
        let port = view.interface(of: desired)
        // A frame to a port has the mark of a member or of somebody else.
        let marks = isSender ? [0] : [KCRuleset.FrameMark.member, KCRuleset.FrameMark.outside]
        var found: Evaluation?
        for mark in marks {
            var state = EvaluationState()
            let result = view.evaluator.evaluate(
                frame, at: isSender ? .prerouting : .postrouting, input: isSender ? port : nil,
                output: isSender ? nil : port, mark: mark, now: 0, state: &state, recording: true)
            let isBetter = result.verdict == .drop && found?.logged?.prefix.text != reason
            if found == nil || isBetter { found = result }
        }
        guard let evaluation = found else { return nil }
        let packet = WayPacket(frame: padded)
        let hop = WayHop(
            isBack: false, host: host, packet: packet ?? .nothing,
            kind: isSender ? .leaves(attachment, to: attachment, evaluation) : .arrives(attachment, evaluation))
        var step = self.step(hop, .there)
        if evaluation.verdict == .accept, let known = DropExplanation(rawValue: reason), known.isNotInFrames {
            step.text = known.rule
            step.mend = known.advice(for: name(attachment))
        } else if evaluation.verdict == .accept {
            step.text =
                "the plan of now lets it pass: a limit was reached, a flow was over, or the plan was another one"
        } else if packet == nil {
            step.mend = DropExplanation(rawValue: step.reason ?? "")?.advice(for: name(attachment))
        }
        return step
    }
}

extension WayPacket {
    static let nothing = WayPacket(.icmpv6(type: 128), fromPort: 0, from: .unspecified, to: .unspecified)

    /// What a frame carries; nil when it is nothing that ways are predicted for.
    package init?(frame bytes: [UInt8]) {
        // Whatever cannot be read is none.
        guard case .ipv6(let packet)? = try? EthernetFrame(parsing: bytes).payload else { return nil }
        self.init(.icmpv6(type: 128), fromPort: 0, from: packet.source, to: packet.destination)
        switch packet.content {
        case .tcp(let segment):
            content = .tcp(
                from: segment.sourcePort, to: segment.destinationPort,
                isAnswer: segment.flags.contains([.syn, .ack]))
        case .udp(let datagram): content = .udp(from: datagram.sourcePort, to: datagram.destinationPort)
        case .icmpv6(let message): content = .icmpv6(type: message.body.type)
        case .none, .raw: return nil
        }
    }

    /// Who a frame says it is from, or speaks for by Neighbour Discovery; nil when it says neither.
    package static func claim(inFrame bytes: [UInt8]) -> IPv6Address? {
        // Whatever cannot be read is none.
        guard case .ipv6(let packet)? = try? EthernetFrame(parsing: bytes).payload else { return nil }
        if case .icmpv6(let message) = packet.content {
            switch message.body {
            case .neighbourAdvertisement(_, let target, _): return target
            case .neighbourSolicitation(let target, _) where packet.source.isUnspecified: return target
            default: break
            }
        }
        return packet.source.isUnspecified ? nil : packet.source
    }
}
