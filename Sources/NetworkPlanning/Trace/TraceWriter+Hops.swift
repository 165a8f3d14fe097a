import Addressing
import NFTables
import NetworkModel
import Resources

extension TraceWriter {
    func step(_ hop: WayHop, _ direction: TraceStep.Direction) -> TraceStep {
        let host = hop.host.map(name)
        switch hop.kind {
        case .obstacle(let obstacle): return step(obstacle, hop, direction)
        case .leaves(let id, _, let evaluation), .arrives(let id, let evaluation):
            return port(id, evaluation, hop, direction)
        case .bridged(let segment, let target):
            let vni = segmentOf(segment, hop)?.vni
            return TraceStep(
                direction, .bridge, .passes, "segment \(name(segment)) to \(name(target))", host: host,
                device: vni.map { "kcb\($0.hex)" },
                detail: ["to the port alone once the bridge has heard \(name(target)), until then to all ports"])
        case .tunnelled(let segment, let far, let evaluation):
            return tunnel(segment, far, evaluation, hop, direction)
        case .untunnelled(let segment, let evaluation):
            let vni = segmentOf(segment, hop)?.vni
            var step = TraceStep(
                direction, .tunnel, hop.verdict, "out of the tunnel", host: host, device: vni.map { "kcx\($0.hex)" },
                table: "bridge kc", detail: ["inet kc lets VXLAN in from this endpoint"])
            explain(&step, evaluation, hop)
            return step
        case .delivered(let id):
            return TraceStep(direction, .guest, .passes, "\(name(id)) has it", host: host)
        case .routed(let gateway, let choice): return routed(gateway, choice, hop, direction)
        case .filtered(let gateway, let judgement):
            let advice = judgement.reason.flatMap { GatewayDropExplanation(rawValue: $0.rawValue) }?.advice
            return TraceStep(
                direction, .firewall, hop.verdict, "gateway \(name(gateway)): \(judgement.rule)",
                reason: judgement.reason?.rawValue, mend: advice, host: host, table: "inet kc",
                detail: ["chain \(judgement.chain) in the gateway's namespace"])
        case .toIPv4(let gateway, let source, let destination, let isShared):
            let sender = isShared ? "\(source), which senders without a mapping share," : "\(source), by its mapping,"
            return TraceStep(
                direction, .translator, .passes, "gateway \(name(gateway)): from \(sender) to \(destination)",
                host: host, device: "nat0")
        case .toIPv6(let gateway):
            return TraceStep(
                direction, .translator, .passes,
                "gateway \(name(gateway)): from \(hop.packet.source) to \(hop.packet.destination)", host: host,
                device: "nat0")
        case .out(let gateway, let nextHop):
            return TraceStep(
                direction, .outside, .passes, "out by the uplink of gateway \(name(gateway))", host: host,
                device: "up0", detail: nextHop.map { ["next hop \($0)"] } ?? [])
        case .in(let gateway):
            return TraceStep(
                direction, .outside, .passes, "in by the uplink of gateway \(name(gateway))", host: host,
                device: "up0")
        }
    }

    func segmentOf(_ id: ResourceID, _ hop: WayHop) -> DesiredSegment? {
        hop.host.flatMap { predictor.snapshot(of: $0)?.segments[id] }
    }

    private func tunnel(
        _ id: ResourceID, _ far: ResourceID, _ evaluation: Evaluation, _ hop: WayHop,
        _ direction: TraceStep.Direction
    ) -> TraceStep {
        var step = TraceStep(
            direction, .tunnel, hop.verdict, "to \(name(far))", host: hop.host.map(name), table: "bridge kc")
        if let segment = segmentOf(id, hop), let here = hop.host.flatMap({ predictor.snapshot(of: $0) }),
            let there = predictor.snapshot(of: far)
        {
            step.device = "kcx\(segment.vni.hex)"
            let floods =
                segment.replication == .multicast
                ? "the group \(segment.group)" : "\(segment.peers.count) endpoints, this one among them"
            step.detail = [
                "VXLAN, VNI \(segment.vni.hex), UDP \(here.underlay.port), \(here.host.vtep) → \(there.host.vtep) once the "
                    + "address is learned, until then to \(floods)"
            ]
        }
        explain(&step, evaluation, hop)
        return step
    }

    private func routed(
        _ gateway: ResourceID, _ choice: GatewayRouter.Choice, _ hop: WayHop, _ direction: TraceStep.Direction
    ) -> TraceStep {
        let text: String
        var device: String?
        var detail: [String] = []
        switch choice {
        case .local: text = "the address is the gateway's own"
        case .none: text = "no route"
        case .unreachable(let prefix): text = "\(prefix) is unreachable"
        case .interface(let output, let nextHop, let prefix):
            switch output {
            case .segment(let id):
                text = "\(prefix) is segment \(name(id))"
                device = segmentOf(id, hop).map { "seg\($0.vni.hex)" }
            case .uplink: (text, device) = (prefix.length == 0 ? "the default route" : "\(prefix) by the uplink", "up0")
            case .translator: (text, device) = ("\(prefix) is the IPv4 world", "nat0")
            }
            if let nextHop { detail = ["next hop \(nextHop)"] }
        }
        return TraceStep(
            direction, .router, .passes, "gateway \(name(gateway)): \(text)", host: hop.host.map(name), device: device,
            detail: detail)
    }

    private func port(
        _ id: ResourceID, _ evaluation: Evaluation, _ hop: WayHop, _ direction: TraceStep.Direction
    ) -> TraceStep {
        let isSender = if case .leaves = hop.kind { true } else { false }
        var step = TraceStep(
            direction, .port, hop.verdict, "", host: hop.host.map(name),
            device: predictor.attachment(id)?.portName.text, table: "bridge kc")
        let reason = evaluation.logged.flatMap { DropExplanation(rawValue: $0.prefix.text) }
        let policy = predictor.attachment(id).flatMap { attachment in
            hop.host.flatMap { predictor.snapshot(of: $0) }.map {
                PolicyReading(
                    attachment: attachment, snapshot: $0, packet: hop.packet, isSender: isSender, writer: self)
            }
        }
        let who = "\(isSender ? "from" : "for") \(name(id))"
        let oversize = predictor.attachment(id).flatMap { attachment in
            hop.host.flatMap { predictor.hosts[$0] }?.oversize(of: attachment)
        }
        if evaluation.verdict == .drop, let oversize {
            step.reason = DropExplanation.notReady.rawValue
            step.text = "\(who): \(OversizedPolicies.message(oversize))"
            step.mend = "kcnet attachment show \(name(id))"
        } else if evaluation.verdict == .drop {
            step.reason = reason?.rawValue ?? evaluation.logged?.prefix.text
            let isPolicy = reason == .policy
            let why = isPolicy ? policy?.refusal ?? DropExplanation.policy.rule : reason?.rule ?? "no rule lets it pass"
            step.text = "\(who): \(why)"
            step.mend = isPolicy ? policy?.mend : reason.map { ready($0, hop.packet, id) }
        } else {
            step.text = "\(who): \(policy?.permission(evaluation) ?? "passes")"
        }
        explain(&step, evaluation, hop)
        return step
    }

    /// A command with all its words, where there is one that lets just this through.
    private func ready(_ reason: DropExplanation, _ packet: WayPacket, _ id: ResourceID) -> String {
        if reason == .spoofedIP, let address = packet.source.ipv4 {
            return "an attachment has one IPv4 address: kcnet attachment update \(name(id)) --ipv4 \(address)"
        }
        guard reason == .spoofedIP, !packet.source.isUnspecified, !packet.source.isMulticast else {
            return reason.advice(for: name(id))
        }
        return
            "for a router or a virtual address: kcnet attachment update \(name(id)) --allow-address \(packet.source)/128"
    }

    /// The rules that were met, and what was not there.
    func explain(_ step: inout TraceStep, _ evaluation: Evaluation, _ hop: WayHop) {
        guard let evaluator = hop.host.flatMap({ predictor.hosts[$0]?.evaluator }) else { return }
        for place in evaluation.trail.rules {
            step.rules.append(
                TraceRule(
                    chain: place.chain.text, number: (place.rule ?? -1) + 1, text: evaluator.text(of: place) ?? "policy"
                ))
        }
        guard evaluation.verdict == .drop else { return }
        step.missing = evaluation.decisiveMisses.map(evaluator.text(of:))
    }
}

extension Evaluation {
    /// The looks that would have let the frame pass had they found something: those of agents' sets. Limits are found
    /// when they are over; what packets fill is not for anybody to add.
    var decisiveMisses: [Look] {
        let allowing = Set(
            [
                GuardSet.ready, .fast, .own, .ports, .layer2, .externals, .targets, .allowed, .allowedTargets, .macs,
                .claimable, .to, .admitted, .ingressProfiles, .egressProfiles, .ingress, .egress, .held,
            ].map(\.set.name))
        var seen: Set<Identifier> = []
        return trail.missed.filter { allowing.contains($0.set) && seen.insert($0.set).inserted }
    }
}
