import Addressing
import Frames
import NFTables
import NetworkModel
import NetworkPlanning
import SeededRandomness
import Testing

/// The guard's rules themselves, run by the evaluator: nothing that a neighbour must not get reaches one, and what
/// guests honestly send does.
@Suite struct SafetyTests {
    /// - Parameter change: what becomes of the guard's table before it is used.
    static func model(_ change: (inout Table) -> Void = { _ in }) throws -> BridgeModel {
        var world = try World()
        for number in world.ports.indices { world.ports[number].index = UInt32(100 + number) }
        var table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        change(&table)
        return BridgeModel(world: world, evaluator: FrameEvaluator(table, world.elements))
    }

    @Test func `nothing that is delivered speaks for somebody else, however it is wrapped`() throws {
        var model = try Self.model()
        var generator = FrameGenerator(
            world: model.world, random: SeededGenerator(printedFor: "nothing that is delivered"))
        var judge = Judge(model.world)
        var delivered = 0
        for number in 0..<20_000 * DifferentialTests.seeds {
            if number % 2_000 == 0 {
                model.state = EvaluationState()
                judge = Judge(model.world)
            }
            let draw = generator.draw()
            let outcome = model.send(draw.bytes, from: draw.sender, now: UInt64(number) * 1_000)
            guard !outcome.delivered.isEmpty else { continue }
            delivered += 1
            if let complaint = judge.complaint(draw.bytes, from: draw.sender) {
                let hex = draw.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                Issue.record(
                    """
                    \(complaint) from \(model.world.ports[draw.sender].name): \(hex)
                    \(outcome.story.joined(separator: "\n"))
                    """)
            }
        }
        #expect(delivered > 3_000)
    }

    /// - Parameter change: what becomes of the guard's table before it is used.
    static func modelWithIPv4(_ change: (inout Table) -> Void = { _ in }) throws -> BridgeModel {
        let planned = try PlannedWorld(ipv4: SegmentIPv4(prefix: try IPv4Prefix(parsing: "10.0.0.0/24")))
        var world = planned.world
        for number in world.ports.indices { world.ports[number].index = UInt32(100 + number) }
        var table = try #require(KCRuleset.tables(vxlanPort: 4789).first { $0.family == .bridge })
        change(&table)
        return BridgeModel(world: world, evaluator: FrameEvaluator(table, planned.elements))
    }

    /// How often a neighbour gets what it must not, and how many frames of IPv4 are delivered at all.
    private static func breaches(_ model: BridgeModel, _ random: SeededGenerator, frames: Int) -> (
        complaints: [String], delivered: Int
    ) {
        var model = model
        var generator = FrameGenerator(world: model.world, random: random)
        var judge = Judge(model.world)
        var complaints: [String] = []
        var delivered = 0
        for number in 0..<frames {
            let draw = generator.draw()
            let outcome = model.send(draw.bytes, from: draw.sender, now: UInt64(number) * 1_000)
            guard !outcome.delivered.isEmpty else { continue }
            guard [0x0800, 0x0806].contains(Int(draw.bytes[12]) << 8 | Int(draw.bytes[13])) else { continue }
            delivered += 1
            if let complaint = judge.complaint(draw.bytes, from: draw.sender) {
                complaints.append("\(complaint) from \(model.world.ports[draw.sender].name)")
            }
        }
        return (complaints, delivered)
    }

    @Test func `with IPv4 nobody speaks for somebody else by ARP, IPv4 or DHCPv4 either`() throws {
        let random = SeededGenerator(printedFor: "with IPv4 nobody speaks")
        let found = Self.breaches(try Self.modelWithIPv4(), random, frames: 20_000 * DifferentialTests.seeds)
        #expect(found.complaints.isEmpty, "\(found.complaints.prefix(5))")
        #expect(found.delivered > 2_000)
    }

    @Test(
        arguments: [
            ("from-arp", .goto("pass")), ("check-ipv4-udp", .return), ("check-ipv4-icmp", .return),
            ("check-ipv4-fragment", .return), ("from-ipv4", .goto("pass")),
        ] as [(Identifier, Verdict)])
    func `without one of its chains for IPv4 the guard is seen through`(chain: Identifier, verdict: Verdict) throws {
        let model = try Self.modelWithIPv4 { table in
            for number in table.chains.indices where table.chains[number].name == chain {
                table.chains[number].rules = [Rule(then: verdict)]
            }
        }
        // What a fragment in the middle of nothing hides, no judge sees: that chain is shown by what it lets through.
        let (open, closed) = (
            Self.breaches(model, SeededGenerator(seed: 3), frames: 8_000),
            Self.breaches(try Self.modelWithIPv4(), SeededGenerator(seed: 3), frames: 8_000)
        )
        #expect(!open.complaints.isEmpty || open.delivered > closed.delivered)
        #expect(closed.complaints.isEmpty)
    }

    @Test func `the judge sees what an open bridge would let through`() throws {
        let world = try World()
        var generator = FrameGenerator(world: world, random: SeededGenerator(seed: 7))
        var judge = Judge(world)
        var complaints: [String: Int] = [:]
        for _ in 0..<8_000 {
            let draw = generator.draw()
            guard let complaint = judge.complaint(draw.bytes, from: draw.sender) else { continue }
            let kind = complaint.split(separator: " ").prefix(3).joined(separator: " ")
            complaints[kind, default: 0] += 1
        }
        for kind in [
            "a router advertisement", "a redirect", "an MLD query", "an advertisement of", "a claim of",
            "a link-layer address", "to a DHCPv6", "a VLAN tag", "802.3 framing", "a foreign source",
            "in fragments,",
        ] {
            #expect(complaints.contains { $0.key.hasPrefix(kind) }, "\(kind): never in \(complaints.keys.sorted())")
        }
    }

    /// What the judge would not miss, nobody would miss: each of these chains is needed.
    @Test(
        arguments: [
            ("check-icmp", .return), ("check-na", .return), ("check-ns", .return), ("check-rs", .return),
            ("check-udp", .return), ("check-fragment", .return), ("check-first-fragment", .return),
            ("check-report", .return), ("guest", .goto("pass")), ("claim", .goto("pass")), ("from-other", .accept),
        ] as [(Identifier, Verdict)])
    func `without one of its chains the guard is seen through`(chain: Identifier, verdict: Verdict) throws {
        var model = try Self.model { table in
            for number in table.chains.indices where table.chains[number].name == chain {
                table.chains[number].rules = [Rule(then: verdict)]
            }
        }
        var generator = FrameGenerator(world: model.world, random: SeededGenerator(seed: 3))
        var judge = Judge(model.world)
        for number in 0..<30_000 {
            let draw = generator.draw()
            let outcome = model.send(draw.bytes, from: draw.sender, now: UInt64(number) * 1_000)
            if !outcome.delivered.isEmpty, judge.complaint(draw.bytes, from: draw.sender) != nil { return }
        }
        Issue.record("nothing bad came through without \(chain)")
    }

    @Test func `honest frames reach the neighbour`() throws {
        var model = try Self.model()
        let world = model.world
        for sender in [0, 1, 2] {
            let port = world.ports[sender]
            let peer = world.ports[(sender + 1) % 3]
            func packet(_ source: IPv6Address, _ destination: IPv6Address, _ hops: UInt8, _ content: IPv6Packet.Content)
                -> IPv6Packet
            { IPv6Packet(from: source, to: destination, hopLimit: hops, content) }
            let group = IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | peer.addresses[0].low & 0xff_ffff)
            // An error tells of a packet that its sender got: from the neighbour, to itself.
            let quoted =
                [UInt8](repeating: 0, count: 8) + peer.addresses[0].bytes + port.addresses[0].bytes
                + [UInt8](repeating: 0, count: 60)
            var frames: [IPv6Packet] = [
                packet(.unspecified, group, 255, .icmpv6(.init(.neighbourSolicitation(target: port.linkLocal, [])))),
                packet(
                    .unspecified, group, 255,
                    .icmpv6(
                        .init(
                            .neighbourSolicitation(
                                target: IPv6Address(high: World.segment.high, low: 0x1234_5678 + UInt64(sender)),
                                [.nonce([1, 2, 3, 4, 5, 6])])))),
                packet(
                    port.linkLocal, IPv6Address(high: 0xff02 << 48, low: 2), 255,
                    .icmpv6(.init(.routerSolicitation([.sourceLinkLayer(port.mac)])))),
                packet(
                    port.addresses[0], group, 255,
                    .icmpv6(
                        .init(.neighbourSolicitation(target: peer.addresses[0], [.sourceLinkLayer(port.mac)])))),
                packet(
                    port.addresses[0], peer.addresses[0], 255,
                    .icmpv6(
                        .init(
                            .neighbourAdvertisement(
                                [.solicited, .override], target: port.addresses[0], [.targetLinkLayer(port.mac)])))),
                packet(
                    port.addresses[0], peer.addresses[0], 64,
                    .icmpv6(.init(.echo(isReply: false, identifier: 1, sequence: 1, data: [1, 2, 3])))),
                packet(
                    port.addresses[0], peer.addresses[0], 64,
                    .icmpv6(.init(.failure(type: 2, parameter: 1280, invoking: quoted)))),
                packet(port.addresses[0], peer.addresses[0], 64, .tcp(TCPSegment(from: 40_000, to: 80, .syn))),
                packet(port.addresses[0], peer.addresses[0], 64, .udp(UDPDatagram(from: 40_000, to: 53, [1]))),
                packet(
                    port.linkLocal, IPv6Address(high: 0xff02 << 48, low: 0x1_0002), 1,
                    .udp(UDPDatagram(from: 546, to: 547, DHCPv6Header(type: 1, transaction: 1).bytes))),
            ]
            var report = packet(
                port.linkLocal, IPv6Address(high: 0xff02 << 48, low: 0x16), 1,
                .icmpv6(.init(.listenerReport([.init(type: 4, group: group)]))))
            report.extensions = [.hopByHop(HeaderOptions([.routerAlert(0)]))]
            frames.append(report)
            let long = packet(
                port.addresses[0], peer.addresses[0], 64,
                .udp(UDPDatagram(from: 40_000, to: 53, [UInt8](repeating: 7, count: 3_000))))
            frames += long.fragments(of: 1_400, identification: 99)
            for frame in frames {
                let destination =
                    frame.destination.isMulticast
                    ? MACAddress(0x3333_0000_0000 | frame.destination.low & 0xffff_ffff) : peer.mac
                let bytes = EthernetFrame(to: destination, from: port.mac, .ipv6(frame)).bytes
                let outcome = model.send(bytes, from: sender, now: 0)
                #expect(outcome.delivered.contains((sender + 1) % 3), "\(frame)\n\(outcome.story)")
            }
        }
    }
}
