import Addressing
import NFTables
import NetworkModel
import Resources

/// One frame on its way, and the answer behind it.
struct WayRun {
    let predictor: WayPredictor
    let isRecording: Bool
    var hops: [WayHop] = []
    /// What the frame has left behind in sets that packets fill, by host.
    private var states: [ResourceID: EvaluationState] = [:]
    /// The gateways that have let the connection through.
    var connections: Set<ResourceID> = []
    var isBack = false
    /// Where the frame left all gateways, for the answer.
    var exit: ResourceID?
    /// What a guest got.
    private var delivered: WayPacket?

    /// No way is longer: it went round.
    private static let maximumHops = 64

    init(predictor: WayPredictor, isRecording: Bool) {
        self.predictor = predictor
        self.isRecording = isRecording
    }

    /// How a way, or a part of it, ends.
    enum End: Equatable {
        /// A guest has it.
        case delivered(ResourceID)
        /// A gateway itself has it.
        case taken(ResourceID)
        /// It is outside.
        case outside
        case ended
    }

    mutating func predict(_ question: WayQuestion) {
        for case let id? in [question.from.attachment, question.to.attachment] where predictor.places[id] == nil {
            return obstruct(.unplaced(id))
        }
        guard let packet = packet(question) else { return }
        for case .attachment(let id, .unspecified) in [question.from, question.to] where question.isIPv4 {
            return obstruct(.noLegacy(id))
        }
        let end = begin(question.from, packet, towards: question.to)
        // What was translated on the way is answered as it came.
        guard end != .ended, let answer = (delivered ?? packet).answer else { return }
        isBack = true
        switch end {
        case .delivered(let attachment): _ = send(answer, from: attachment)
        // The gateway answers as it was asked; nothing judges what it sends but the ports behind it.
        case .taken(let gateway): _ = sendFromGateway(gateway, answer)
        case .outside:
            if let exit { _ = enter(exit, answer) }
        case .ended: break
        }
    }

    private mutating func packet(_ question: WayQuestion) -> WayPacket? {
        guard let source = address(question.from, question), let destination = address(question.to, question) else {
            return nil
        }
        return WayPacket(question.flow, fromPort: question.fromPort, from: source, to: destination)
    }

    /// An IPv4 address outside is that of the other end's gateway's prefix.
    private mutating func address(_ end: WayQuestion.End, _ question: WayQuestion) -> IPv6Address? {
        switch end {
        case .attachment(_, let address), .outside(let address): return address
        case .outsideIPv4(let ipv4):
            let other = question.from == end ? question.to : question.from
            guard let attachment = other.attachment, let segment = predictor.attachment(attachment)?.segment else {
                obstruct(other.attachment.map { .unplaced($0) } ?? .bothOutside)
                return nil
            }
            guard let gateway = predictor.gateway(of: segment) else {
                obstruct(.noRouter(segment: segment))
                return nil
            }
            guard let nat64 = predictor.hosts[gateway.host]?.snapshot.gateways[gateway.id]?.nat64 else {
                obstruct(.noIPv4(gateway: gateway.id))
                return nil
            }
            return NAT64(prefix: nat64.prefix).embedding(ipv4)
        }
    }

    private mutating func begin(_ from: WayQuestion.End, _ packet: WayPacket, towards to: WayQuestion.End) -> End {
        switch from {
        case .attachment(let id, _): return send(packet, from: id)
        case .outside, .outsideIPv4:
            guard let attachment = to.attachment, let segment = predictor.attachment(attachment)?.segment else {
                obstruct(to.attachment.map { .unplaced($0) } ?? .bothOutside, packet)
                return .ended
            }
            guard let gateway = predictor.gateway(of: segment) else {
                obstruct(.noRouter(segment: segment), packet)
                return .ended
            }
            if case .outside(let address) = from, address.isIPv4Mapped {
                obstruct(.nobody(address, segment: segment), packet)
                return .ended
            }
            exit = gateway.id
            return enter(gateway.id, packet)
        }
    }

    // MARK: Segments

    /// A guest, or a gateway's port, sends a packet to where its own routes lead.
    /// - Parameter hop: the next hop of a gateway's route; nil: the destination itself, or the segment's router.
    mutating func send(_ packet: WayPacket, from sender: ResourceID, nextHop hop: IPv6Address? = nil) -> End {
        guard hops.count < Self.maximumHops else { return stop(.loop, packet) }
        guard let place = predictor.places[sender], let host = predictor.hosts[place],
            let attachment = host.snapshot.attachments[sender],
            let segment = host.snapshot.segments[attachment.segment]
        else { return stop(.unplaced(sender), packet) }
        let target: ResourceID
        let mac: MACAddress
        switch neighbour(hop ?? packet.destination, of: attachment, on: segment, host, isForced: hop != nil) {
        case .found(let id, let address): (target, mac) = (id, address)
        case .obstacle(let obstacle): return stop(obstacle, packet, on: place)
        }
        let bytes = packet.frame(to: mac, from: attachment.mac)
        guard let frame = EvaluatedFrame(bytes) else { return .ended }
        let left = evaluate(frame, on: place, .prerouting, input: host.interface(of: attachment))
        note(.leaves(sender, to: target, left), packet, on: place)
        guard left.verdict == .accept else { return .ended }
        guard let targetPlace = predictor.places[target] else { return stop(.unplaced(target), packet) }
        guard targetPlace != place else {
            note(.bridged(segment: segment.id, to: target), packet, on: place)
            return arrive(packet, frame, left.mark, at: target, on: place)
        }
        return tunnel(packet, frame, left.mark, on: segment, from: place, to: target, at: targetPlace)
    }

    private enum Neighbour {
        case found(ResourceID, MACAddress)
        case obstacle(WayObstacle)
    }

    private func neighbour(
        _ address: IPv6Address, of sender: DesiredAttachment, on segment: DesiredSegment, _ host: WayHost,
        isForced: Bool
    ) -> Neighbour {
        if let legacy = address.ipv4 { return neighbour(legacy, of: sender, on: segment) }
        let isOnLink = isForced || address.isLinkLocal || segment.prefix?.contains(address) == true
        if isOnLink {
            if address == .segmentRouter, let router = predictor.router(of: segment.id) {
                return found(router)
            }
            guard let holder = host.snapshot.bindings[segment.id]?[address]?.attachment, holder != sender.id else {
                return .obstacle(.nobody(address, segment: segment.id))
            }
            return found(holder)
        }
        // Without a prefix nothing says what is on the link but who holds the address there.
        if segment.prefix == nil, let holder = host.snapshot.bindings[segment.id]?[address]?.attachment {
            return found(holder)
        }
        if address.isMulticast { return .obstacle(.scope) }
        if let router = predictor.router(of: segment.id), router != sender.id { return found(router) }
        guard let mac = segment.gateways.first(where: { $0 != sender.mac }) else {
            return .obstacle(.noRouter(segment: segment.id))
        }
        guard let router = predictor.owner(of: mac, on: segment.id) else {
            return .obstacle(.routerUnplaced(segment: segment.id))
        }
        return .found(router, mac)
    }

    /// By ARP, which guards look at as they do at Neighbour Discovery.
    private func neighbour(
        _ address: IPv4Address, of sender: DesiredAttachment, on segment: DesiredSegment
    ) -> Neighbour {
        guard let legacy = segment.ipv4, legacy.prefix.contains(address) else {
            return .obstacle(.legacyScope(segment: segment.id))
        }
        if address == legacy.router, let router = predictor.router(of: segment.id) { return found(router) }
        guard let holder = predictor.holder(of: address, on: segment.id), holder != sender.id else {
            return .obstacle(.nobody(address.mapped, segment: segment.id))
        }
        return found(holder)
    }

    private func found(_ id: ResourceID) -> Neighbour {
        guard let attachment = predictor.attachment(id) else { return .obstacle(.unplaced(id)) }
        return .found(id, attachment.mac)
    }

    private mutating func tunnel(
        _ packet: WayPacket, _ frame: EvaluatedFrame, _ mark: UInt32, on segment: DesiredSegment,
        from place: ResourceID, to target: ResourceID, at far: ResourceID
    ) -> End {
        guard let host = predictor.hosts[place], let other = predictor.hosts[far],
            let there = other.snapshot.segments[segment.id]
        else { return stop(.unplaced(target), packet) }
        let out = evaluate(frame, on: place, .postrouting, output: host.tunnel(of: segment), mark: mark)
        note(.tunnelled(segment: segment.id, to: far, out), packet, on: place)
        guard out.verdict == .accept else { return .ended }
        if let fault = fault(segment, there, host.snapshot, other.snapshot) {
            return stop(.tunnel(fault, to: far), packet, on: place)
        }
        let came = evaluate(frame, on: far, .prerouting, input: other.tunnel(of: there))
        note(.untunnelled(segment: segment.id, came), packet, on: far)
        guard came.verdict == .accept else { return .ended }
        note(.bridged(segment: segment.id, to: target), packet, on: far)
        return arrive(packet, frame, came.mark, at: target, on: far)
    }

    private func fault(
        _ here: DesiredSegment, _ there: DesiredSegment, _ sender: HostSnapshot, _ receiver: HostSnapshot
    ) -> WayTunnelFault? {
        if here.vni != there.vni { return .vni }
        if sender.underlay.port != receiver.underlay.port { return .port }
        if !receiver.vteps.contains(sender.host.vtep) { return .unlistedEndpoint }
        if here.replication == .unicast { return here.peers.contains(receiver.host.vtep) ? nil : .notFlooded }
        return here.group == there.group ? nil : .group
    }

    /// A frame leaves the bridge by a port.
    private mutating func arrive(
        _ packet: WayPacket, _ frame: EvaluatedFrame, _ mark: UInt32, at target: ResourceID, on place: ResourceID
    ) -> End {
        guard let host = predictor.hosts[place], let attachment = host.snapshot.attachments[target] else {
            return stop(.unplaced(target), packet)
        }
        let result = evaluate(
            frame, on: place, .postrouting, output: host.interface(of: attachment), mark: mark)
        note(.arrives(target, result), packet, on: place)
        guard result.verdict == .accept else { return .ended }
        if case .gateway(let gateway) = attachment.port {
            guard !packet.isIPv4 else { return stop(.legacyGateway(gateway: gateway), packet, on: place) }
            return route(packet, at: gateway, on: place, from: .segment(attachment.segment))
        }
        let isHolder =
            packet.destination.ipv4.map { $0 == attachment.ipv4 }
            ?? (host.snapshot.bindings[attachment.segment]?[packet.destination]?.attachment == target)
        guard isHolder || attachment.allowedAddresses.contains(where: { $0.contains(packet.destination) }) else {
            return stop(.foreignRouter(target), packet, on: place)
        }
        note(.delivered(target), packet, on: place)
        delivered = delivered ?? packet
        return .delivered(target)
    }

    // MARK: Telling

    private mutating func evaluate(
        _ frame: EvaluatedFrame, on host: ResourceID, _ point: Hook.Point, input: FrameEvaluator.Interface? = nil,
        output: FrameEvaluator.Interface? = nil, mark: UInt32 = 0
    ) -> Evaluation {
        guard let evaluator = predictor.hosts[host]?.evaluator else { return Evaluation(verdict: .drop) }
        var state = states.removeValue(forKey: host) ?? EvaluationState()
        let result = evaluator.evaluate(
            frame, at: point, input: input, output: output, mark: mark, now: 0, state: &state, recording: isRecording)
        states[host] = state
        return result
    }

    mutating func note(_ kind: WayHop.Kind, _ packet: WayPacket, on host: ResourceID? = nil) {
        hops.append(WayHop(isBack: isBack, host: host, packet: packet, kind: kind))
    }

    mutating func stop(_ obstacle: WayObstacle, _ packet: WayPacket, on host: ResourceID? = nil) -> End {
        note(.obstacle(obstacle), packet, on: host)
        return .ended
    }

    private mutating func obstruct(_ obstacle: WayObstacle, _ packet: WayPacket? = nil) {
        note(.obstacle(obstacle), packet ?? .nothing)
    }
}
