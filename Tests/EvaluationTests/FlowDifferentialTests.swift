import Addressing
import LinuxProcesses
import NFTables
import NetworkModel
import NodePorts
import Resources
import SeededRandomness
import TestNamespaces
import Testing

@testable import NetworkPlanning

/// Whole ways between two ports of one host, policies in both directions, and the answers: what is predicted from the
/// snapshot is what frames meet in the kernel.
@Suite(.serialized) struct FlowDifferentialTests {
    @Test(.timeLimit(.minutes(10)))
    func `a flow and its answer go where the plan says, under drawn policies`() async throws {
        var seeds = SeededGenerator(printedFor: "a flow and its answer go where the plan says")
        var total = FlowTally()
        // The ports are the same in all worlds.
        let laboratory = try FlowRound.laboratory(for: FlowWorld(SeededGenerator(seed: 1)))
        for _ in 0..<12 * DifferentialTests.seeds {
            var round = FlowRound(try FlowWorld(SeededGenerator(seed: seeds.next())), laboratory)
            try await round.run(frames: 900)
            total.add(round.tally)
        }
        print(total)
        #expect(total.frames >= 10_000 * DifferentialTests.seeds)
        #expect(total.answers > 1_000 * DifferentialTests.seeds)
        #expect(total.legacy > 2_000 * DifferentialTests.seeds)
        #expect(total.legacyDelivered > 500 * DifferentialTests.seeds)
        for reason in ["policy", "spoofed-ip", "rogue-ra", "icmp-type", "redirect"] {
            #expect(total.reasons[reason] ?? 0 > 0, "never dropped for \(reason)")
        }
    }
}

struct FlowTally: CustomStringConvertible {
    var frames = 0
    var delivered = 0
    var answers = 0
    /// Of IPv4.
    var legacy = 0
    var legacyDelivered = 0
    var reasons: [String: UInt64] = [:]

    mutating func add(_ other: FlowTally) {
        frames += other.frames
        delivered += other.delivered
        answers += other.answers
        legacy += other.legacy
        legacyDelivered += other.legacyDelivered
        reasons.merge(other.reasons, uniquingKeysWith: +)
    }

    var description: String {
        let drops = reasons.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return
            "\(frames) frames compared, \(answers) of them answers, \(legacy) of IPv4, \(delivered) delivered; dropped: \(drops)"
    }
}

/// One drawn world under the rules of its plan.
struct FlowRound {
    private var flows: FlowWorld
    private let laboratory: Laboratory
    private let predictor: WayPredictor
    private let ports: [ResourceID: Int]
    private var fromPort: UInt16 = 10_000
    var tally = FlowTally()

    private struct Sent {
        var sender: Int
        var bytes: [UInt8]
        var receiver: Int?
        var story: String
    }

    init(_ flows: FlowWorld, _ laboratory: Laboratory) {
        self.flows = flows
        self.laboratory = laboratory
        ports = Dictionary(uniqueKeysWithValues: flows.attachments.enumerated().map { ($1.id, $0) })
        predictor = WayPredictor([flows.snapshot])
    }

    static func laboratory(for flows: FlowWorld) throws -> Laboratory {
        var world = try World()
        world.ports = flows.attachments.enumerated().map { number, attachment in
            World.Port(
                kind: .member, name: attachment.portName, peer: "peer\(number)", mac: attachment.mac,
                addresses: attachment.addresses.map(\.value))
        }
        return try Laboratory(prepared: world)
    }

    mutating func run(frames wanted: Int) async throws {
        let table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        try Laboratory.load(Ruleset([table]).text(with: flows.elements), in: laboratory.namespace)
        while tally.frames < wanted {
            var sent: [Sent] = []
            while sent.count < 100 { sent += draw() }
            let frames = sent.map { (sender: $0.sender, bytes: $0.bytes) }
            let heard = try await laboratory.wire.run { wire throws(NodeError) in try wire.exchange(frames) }
            try compare(sent, heard)
        }
        let sets = table.sets.filter { $0.name.text.hasPrefix("dropped-") }
        let kernel = try await laboratory.wire.run { _ throws(NodeError) in try KernelSets(sets) }
        for set in sets {
            let counted = (kernel.elements[set.name] ?? [:]).values.reduce(0, +)
            let reason = String(set.name.text.dropFirst("dropped-".count))
            #expect(counted == tally.reasons[reason] ?? 0, "drops for \(reason)")
        }
    }

    private mutating func compare(_ sent: [Sent], _ heard: [[[UInt8]]]) throws {
        for number in flows.attachments.indices {
            let expected = sent.filter { $0.receiver == number }.map(\.bytes)
            tally.delivered += expected.count
            guard heard[number] != expected else { continue }
            for one in sent where (one.receiver == number) != heard[number].contains(one.bytes) {
                Issue.record(
                    "port \(number), predicted \(one.receiver == number ? "" : "not ")to be heard: \(one.story)")
            }
            try #require(heard[number] == expected, "the frames at port \(number)")
        }
        tally.frames += sent.count
    }

    /// One flow, and its answer where there is one.
    private mutating func draw() -> [Sent] {
        let sender = flows.pick(flows.attachments)
        let receiver = flows.pick(flows.attachments.filter { $0.id != sender.id })
        let isFromRouter = sender.id == flows.router.id
        fromPort = fromPort == .max ? 10_000 : fromPort + 1
        if flows.random.chance(35) { return drawLegacy(from: sender, to: receiver) }
        var source = sender.addresses[0].value
        if flows.random.chance(isFromRouter ? 70 : 15) {
            source = flows.pick(
                FlowWorld.outside + [
                    receiver.addresses[0].value, .linkLocal(sender.mac),
                    IPv6Address(high: 0x2001_0db8_0000_0077, low: 3),
                ])
        }
        var destination = receiver.addresses[0].value
        if receiver.id == flows.router.id { destination = flows.pick(FlowWorld.outside) }
        let flow: TraceFlow =
            switch Int.random(in: 0..<10, using: &flows.random) {
            case 0...4: .tcp(flows.pick(FlowWorld.ports))
            case 5...7: .udp(flows.pick(FlowWorld.ports))
            default: .icmpv6(type: flows.pick(FlowWorld.types))
            }
        let packet = WayPacket(flow, fromPort: fromPort, from: source, to: destination)
        var run = WayRun(predictor: predictor, isRecording: false)
        _ = run.send(packet, from: sender.id, nextHop: isFromRouter ? destination : nil)
        var sent = note(&run, packet)
        guard sent.last?.receiver != nil, let answer = packet.answer else { return sent }
        run.isBack = true
        run.hops = []
        _ = run.send(
            answer, from: receiver.id, nextHop: receiver.id == flows.router.id ? answer.destination : nil)
        let back = note(&run, answer)
        tally.answers += back.count
        sent += back
        return sent
    }

    /// One flow of IPv4 inside the segment, and its answer.
    private mutating func drawLegacy(from sender: DesiredAttachment, to receiver: DesiredAttachment) -> [Sent] {
        guard var source = sender.ipv4, let destination = receiver.ipv4 else { return [] }
        if flows.random.chance(15) { source = flows.pick([receiver.ipv4 ?? source, IPv4Address(0x0a09_0001)]) }
        let flow: TraceFlow =
            switch Int.random(in: 0..<10, using: &flows.random) {
            case 0...4: .tcp(flows.pick(FlowWorld.ports))
            case 5...7: .udp(flows.pick(FlowWorld.ports))
            default: .icmp(type: flows.pick(FlowWorld.legacyTypes))
            }
        let packet = WayPacket(flow, fromPort: fromPort, from: source.mapped, to: destination.mapped)
        var run = WayRun(predictor: predictor, isRecording: false)
        _ = run.send(packet, from: sender.id)
        var sent = note(&run, packet)
        // A forged source's answer would go to somebody else.
        if source == sender.ipv4, sent.last?.receiver != nil, let answer = packet.answer {
            run.isBack = true
            run.hops = []
            _ = run.send(answer, from: receiver.id)
            let back = note(&run, answer)
            tally.answers += back.count
            sent += back
        }
        tally.legacy += sent.count
        tally.legacyDelivered += sent.count { $0.receiver != nil }
        return sent
    }

    private mutating func note(_ run: inout WayRun, _ packet: WayPacket) -> [Sent] {
        guard case .leaves(let sender, let target, _)? = run.hops.first?.kind, let from = ports[sender],
            let to = ports[target]
        else { return [] }
        var receiver: Int?
        var story = "\(packet) from port \(from)"
        for hop in run.hops {
            switch hop.kind {
            case .arrives(let id, let evaluation) where evaluation.verdict == .accept: receiver = ports[id]
            default: break
            }
            switch hop.kind {
            case .leaves(_, _, let evaluation), .arrives(_, let evaluation):
                let place = evaluation.decidedBy.map { "\($0)" } ?? "nothing"
                story += "; \(evaluation.verdict) by \(place)"
                if evaluation.verdict == .drop, let reason = evaluation.logged?.prefix.text {
                    tally.reasons[reason, default: 0] += 1
                }
            default: break
            }
        }
        let bytes = packet.frame(to: flows.attachments[to].mac, from: flows.attachments[from].mac)
        return [Sent(sender: from, bytes: bytes, receiver: receiver, story: story)]
    }
}
