import Addressing
import Glibc
import LinuxProcesses
import NFTables
import NetworkModel
import NodePorts
import Resources
import SeededRandomness
import TestNamespaces
import Testing
import Waiting

@testable import NetworkPlanning

/// One drawn set of policies.
struct GatewayRound {
    private let namespace: GatewayNamespace
    private let router: GatewayRouter
    private var random: SeededGenerator
    private var fromPort: UInt16
    private let segments: [ResourceID]
    var tally = FlowTally()

    private struct Sent {
        var input: Int
        var packet: WayPacket
        var output: Int?
        var story: String
    }

    init(_ namespace: GatewayNamespace, _ random: SeededGenerator, fromPort: UInt16) throws {
        self.namespace = namespace
        self.fromPort = fromPort
        // Policies are drawn as those of ports.
        let world = try FlowWorld(random)
        self.random = world.random
        var snapshot = world.snapshot
        let gateway = try FlowWorld.id(4, 1)
        segments = try [1, 2].map { try FlowWorld.id(5, $0) }
        var ports: [ResourceID: ResourceID] = [:]
        for (number, segment) in segments.enumerated() {
            let prefix = GatewayNamespace.prefixes[number]
            snapshot.segments[segment] = DesiredSegment(
                id: segment, generation: 1, vni: try VNI(0x12c + number), group: MulticastGroups.standard.base,
                mtu: try MTU(1430), ipam: .automatic, prefix: prefix, replication: .multicast)
            let port = DesiredAttachment(
                id: try FlowWorld.id(6, number + 1), generation: 1, segment: segment,
                mac: GatewayNamespace.routerMACs[number],
                addresses: [AttachmentAddress(IPv6Address(high: prefix.address.high, low: 0xff), origin: .assigned)],
                port: .gateway(gateway))
            snapshot.attachments[port.id] = port
            ports[segment] = port.id
            for guest in GatewayNamespace.guests(number) {
                snapshot.bindings[segment, default: [:]][guest] = Binding(
                    address: guest, attachment: try FlowWorld.id(7, 1), host: snapshot.host.id, origin: .assigned,
                    since: Revision(1))
            }
        }
        // The members' addresses are those of its guests.
        for id in snapshot.policies.keys {
            snapshot.members[id] = [GatewayNamespace.outside[0], GatewayNamespace.outside[1]]
        }
        let count = self.random.chance(25) ? 0 : 2
        let policies = snapshot.policies.keys.sorted().prefix(count).map { PolicyUse.policy($0) }
        let desired = DesiredGateway(
            id: gateway, generation: 1, ports: ports, resolvers: [], uplink: GatewayUplink(.routed),
            policies: policies, limits: GatewayLimits(newFlowsPerSource: 1_000_000))
        snapshot.gateways[gateway] = desired
        let observed = ObservedHost()
        router = GatewayRouter(
            desired,
            PlanContext(
                desired: snapshot, observed: observed, wanted: DesiredIndex(snapshot), seen: ObservedIndex(observed),
                structure: KCRuleset.structure(vxlanPort: 4789)))
    }

    mutating func run(packets wanted: Int) async throws {
        try Laboratory.load(
            router.ruleset.ruleset.text + GatewayRuleset.change(add: true, router.known.sorted()),
            in: namespace.namespace)
        while tally.frames < wanted {
            var sent: [Sent] = []
            while sent.count < 60 { sent += draw() }
            let frames = sent.map {
                (
                    sender: $0.input,
                    bytes: $0.packet.frame(
                        to: GatewayNamespace.routerMACs[$0.input], from: MACAddress(0x0200_0000_0e0e))
                )
            }
            let heard = try await namespace.wire.run { wire throws(NodeError) in try wire.exchange(frames) }
            for number in 0..<3 {
                let expected = sent.filter { $0.output == number }
                let got = heard[number].compactMap(Self.forwarded)
                tally.delivered += expected.count
                for one in sent where (one.output == number) != got.contains(Self.content(one.packet.bytes)) {
                    Issue.record("by \(number), predicted \(one.output == number ? "" : "not ")to go out: \(one.story)")
                }
                try #require(got.count == expected.count, "packets by \(number)")
            }
            tally.frames += sent.count
        }
        let drops = try namespace.drops()
        for reason in GatewayRuleset.Reason.allCases {
            #expect(
                drops[reason.rawValue] ?? 0 == tally.reasons[reason.rawValue] ?? 0, "drops for \(reason.rawValue)")
        }
    }

    /// Without what a router changes; nil for what the router itself sends.
    private static func forwarded(_ frame: [UInt8]) -> [UInt8]? {
        guard frame.count >= 54, frame[12] == 0x86, frame[13] == 0xdd else { return nil }
        let packet = Array(frame[14...])
        let source = IPv6Address(bytes: packet[8..<24])
        if source?.isLinkLocal == true || source?.low == 0xff { return nil }
        return content(packet)
    }

    private static func content(_ packet: [UInt8]) -> [UInt8] { Array(packet[8...]) }

    // MARK: Drawing

    private mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &random)]
    }

    private func addresses(_ input: Int) -> [IPv6Address] {
        input == 2 ? GatewayNamespace.outside : GatewayNamespace.guests(input)
    }

    private mutating func draw() -> [Sent] {
        let input = pick([0, 1, 2, 2])
        let output = pick([0, 1, 2].filter { $0 != input || random.chance(20) })
        fromPort = fromPort == .max ? 10_000 : fromPort + 1
        let source = random.chance(15) ? pick(addresses(pick([0, 1, 2]))) : pick(addresses(input))
        var destination = pick(addresses(output))
        if random.chance(6) { destination = IPv6Address(high: GatewayNamespace.prefixes[0].address.high, low: 0xff) }
        guard source != destination else { return [] }
        let flow: TraceFlow =
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4: .tcp(pick(FlowWorld.ports))
            case 5...7: .udp(pick(FlowWorld.ports))
            // Queries have no ports to tell one from another, and connections outlive a round; these begin none.
            default: .icmpv6(type: pick([129, 160, 200]))
            }
        var packet = WayPacket(flow, fromPort: fromPort, from: source, to: destination)
        // An answer to nothing.
        if random.chance(8), let answer = packet.answer, flow.hasPorts { packet.content = answer.content }
        var sent = [predict(packet, input, isKnown: false)]
        guard let out = sent[0].output, flow.hasPorts, let answer = packet.answer, random.chance(70) else {
            return sent
        }
        tally.answers += 1
        var back = predict(answer, out, isKnown: true)
        back.story = "\(sent[0].story), answered: \(back.story)"
        sent.append(back)
        return sent
    }

    private mutating func predict(_ packet: WayPacket, _ input: Int, isKnown: Bool) -> Sent {
        var sent = Sent(input: input, packet: packet, output: nil, story: "\(packet) by \(input)")
        func judged(_ judgement: GatewayRouter.Judgement) -> Bool {
            sent.story += "; \(judgement.chain): \(judgement.rule)"
            if let reason = judgement.reason { tally.reasons[reason.rawValue, default: 0] += 1 }
            return judgement.reason == nil
        }
        let from = interface(input)
        if let judgement = router.source(packet, from: from) {
            _ = judged(judgement)
            return sent
        }
        switch router.choice(packet.destination) {
        case .local: _ = judged(router.input(packet, from: from, isKnown: isKnown))
        case .interface(let to, _, _):
            if judged(router.forward(packet, from: from, to: to, isKnown: isKnown)) {
                sent.output = [0, 1, 2].first { interface($0) == to }
            }
        case .unreachable, .none: break
        }
        return sent
    }

    private func interface(_ number: Int) -> GatewayRouter.Interface {
        number == 2 ? .uplink : .segment(segments[number])
    }
}
