import Addressing
import NFTables
package import NetworkModel
package import Resources

/// Makes words of a prediction.
package struct TraceWriter {
    let predictor: WayPredictor
    let names: [ResourceID: String]

    /// - Parameter names: of attachments, segments, gateways, policies and hosts, as far as they are known; the rest is
    ///   called by its id.
    package init(_ predictor: WayPredictor, names: [ResourceID: String]) {
        self.predictor = predictor
        self.names = names
    }

    package func trace(_ prediction: WayPrediction, revision: Revision) -> Trace {
        let question = prediction.question
        var steps: [TraceStep] = []
        for hop in prediction.hops {
            let direction: TraceStep.Direction = hop.isBack ? .back : .there
            if hop.isBack, steps.last?.direction != .back {
                steps.append(TraceStep(direction, .guest, .passes, "the answer: \(packetText(hop.packet))"))
            }
            steps.append(step(hop, direction))
        }
        if let first = prediction.hops.first, !first.packet.source.isUnspecified {
            steps.insert(TraceStep(.there, .guest, .passes, packetText(first.packet)), at: 0)
        }
        return Trace(
            revision: revision, from: end(question.from), to: end(question.to), flow: question.flow,
            verdict: prediction.verdict, steps: steps, notes: notes(prediction))
    }

    func name(_ id: ResourceID) -> String { names[id] ?? id.description }

    private func end(_ end: WayQuestion.End) -> Trace.End {
        switch end {
        case .attachment(let id, let address):
            Trace.End(name: name(id), address: Self.text(address), host: predictor.host(of: id).map(name))
        case .outside(let address): Trace.End(name: nil, address: Self.text(address), host: nil)
        case .outsideIPv4(let address): Trace.End(name: nil, address: "\(address)", host: nil)
        }
    }

    /// An IPv4 address in its own form.
    static func text(_ address: IPv6Address) -> String { address.ipv4.map { "\($0)" } ?? "\(address)" }

    private func packetText(_ packet: WayPacket) -> String {
        let (source, destination) = (Self.text(packet.source), Self.text(packet.destination))
        return switch packet.content {
        case .tcp(let from, let to, let isAnswer):
            "tcp \(isAnswer ? "SYN-ACK" : "SYN") from \(source) port \(from) to \(destination) port \(to)"
        case .udp(let from, let to): "udp from \(source) port \(from) to \(destination) port \(to)"
        case .icmpv6(let type): "icmpv6 \(Self.icmpName(type)) from \(source) to \(destination)"
        case .icmp(type: 8): "icmp echo request from \(source) to \(destination)"
        case .icmp(type: 0): "icmp echo reply from \(source) to \(destination)"
        case .icmp(let type): "icmp type \(type) from \(source) to \(destination)"
        }
    }

    private static func icmpName(_ type: UInt8) -> String {
        switch type {
        case 1: "destination unreachable"
        case 2: "packet too big"
        case 3: "time exceeded"
        case 4: "parameter problem"
        case 128: "echo request"
        case 129: "echo reply"
        default: "type \(type)"
        }
    }

    /// What the prediction takes for granted on this very way.
    private func notes(_ prediction: WayPrediction) -> [String] {
        var notes = ["limits have room, and the guests have found their neighbours"]
        if prediction.hops.contains(where: { if case .delivered = $0.kind { true } else { false } }) {
            notes.append("whether a guest listens, and what its own firewall does, KC does not know")
        }
        if prediction.hops.contains(where: {
            switch $0.kind {
            case .out, .in: true
            default: false
            }
        }) {
            notes.append("what routes and filters outside KC do, KC does not know")
        }
        for id in Set(prediction.hops.compactMap(\.host)).sorted() {
            if predictor.snapshot(of: id)?.host.isPaused == true {
                notes.append("a host of the way is paused, and may still have an older plan")
            }
        }
        return notes
    }
}
