import Addressing
import Frames
import NFTables
import Testing

@testable import NetworkPlanning

/// What the evaluator knows of nf_tables, one thing at a time; ``DifferentialTests`` asks the kernel.
@Suite struct EvaluatorTests {
    static let packet = IPv6Packet(
        from: IPv6Address(high: 0xfd01 << 48, low: 1), to: IPv6Address(high: 0xfd01 << 48, low: 2),
        .udp(UDPDatagram(from: 1000, to: 53, [1, 2, 3, 4])))

    static func frame(_ packet: IPv6Packet = packet, tags: [VLANTag] = [], cut: Int = 0) throws -> EvaluatedFrame {
        let frame = EthernetFrame(to: MACAddress(2), from: MACAddress(0x0200_0000_0001), tags: tags, .ipv6(packet))
        return try #require(EvaluatedFrame(frame.bytes.dropLast(cut)))
    }

    /// Runs rules at prerouting over a frame; whatever they do not decide is dropped.
    static func run(
        _ rules: [Rule], _ chains: [Chain] = [], sets: [NamedSet] = [], _ elements: [Elements] = [],
        on frame: EvaluatedFrame? = nil, now: UInt64 = 0, state: inout EvaluationState
    ) throws -> Evaluation {
        let base = Chain("base", hook: Hook(.prerouting, priority: 0, policy: .drop), rules: rules)
        let evaluator = FrameEvaluator(Table(.bridge, "kc", sets: sets, chains: [base] + chains), elements)
        return evaluator.evaluate(
            try frame ?? Self.frame(), at: .prerouting, input: .init(try InterfaceName("kcta"), index: 7), output: nil,
            now: now, state: &state)
    }

    static func verdict(_ rules: [Rule], _ chains: [Chain] = [], _ frame: EvaluatedFrame? = nil) throws -> String {
        var state = EvaluationState()
        let result = try run(rules, chains, on: frame, state: &state)
        return "\(result.verdict) by \(try #require(result.decidedBy))"
    }

    @Test func `a load past the end of the frame ends the rule, also of a comparison that denies`() throws {
        let last = Field.network(8 * 51, 8)
        let next = Field.network(8 * 51, 16)
        #expect(try Self.verdict([Rule(.isPresent(last), then: .accept)]) == "accept by base rule 1")
        #expect(try Self.verdict([Rule(.isPresent(next), then: .accept)]) == "drop by base policy")
        #expect(try Self.verdict([Rule(.notEqual(next, .number(7)), then: .accept)]) == "drop by base policy")
    }

    @Test func `jumps come back, gotos do not, and a return from the base is its policy`() throws {
        let chains = [
            Chain("back", rules: [Rule(then: .return)]), Chain("onward", rules: [Rule(then: .goto("back"))]),
            Chain("decides", rules: [Rule(then: .accept)]),
        ]
        #expect(
            try Self.verdict([Rule(then: .jump("onward")), Rule(then: .jump("decides"))], chains)
                == "accept by decides rule 1")
        #expect(try Self.verdict([Rule(then: .goto("onward")), Rule(then: .accept)], chains) == "drop by base policy")
        #expect(try Self.verdict([Rule(then: .return), Rule(then: .accept)]) == "drop by base policy")
    }

    @Test func `a map that has nothing goes on with the next rule`() throws {
        let choice = Statement.choose(.transportProtocol, [.init(6, verdict: .drop), .init(17, verdict: .accept)])
        #expect(try Self.verdict([Rule([choice])]) == "accept by base rule 1")
        let other = Statement.choose(.transportProtocol, [.init(6, verdict: .drop)])
        #expect(try Self.verdict([Rule([other]), Rule(then: .accept)]) == "accept by base rule 2")
    }

    @Test func `a VLAN tag is out of the way of the network header and back in the link header`() throws {
        let tagged = try Self.frame(tags: [VLANTag(7), VLANTag(9)])
        #expect(tagged.networkProtocol == 0x8100)
        let once = try Self.frame(tags: [VLANTag(7)])
        #expect(
            try Self.verdict(
                [
                    Rule(
                        .equal(.link(96, 16), .number(0x8100)), .equal(.ipv6Source, .address(Self.packet.source)),
                        .equal(.transport(16, 16), .number(53)), then: .accept)
                ], [], once) == "accept by base rule 1")
    }

    @Test func `the transport header is where the kernel's walk ends`() throws {
        func number(_ extensions: [ExtensionHeader], cut: Int = 0) throws -> String {
            var packet = Self.packet
            packet.extensions = extensions
            let transport = try Self.frame(packet, cut: cut).transport
            return transport.map { "\($0.number) at \($0.offset)\($0.isLaterFragment ? " later" : "")" } ?? "none"
        }
        #expect(try number([]) == "17 at 40")
        #expect(try number([.hopByHop(.padding(16)), .destinationOptions(.padding(8))]) == "17 at 64")
        #expect(try number([.routing(type: 4, segmentsLeft: 1, data: [0, 0, 0, 0])]) == "17 at 48")
        #expect(try number([.fragment(offset: 0, more: true, identification: 1)]) == "17 at 48")
        #expect(try number([.fragment(offset: 2, more: true, identification: 1)]) == "17 at 0 later")
        #expect(
            try number([.fragment(offset: 2, more: true, identification: 1), .destinationOptions(.padding(8))])
                == "none")
        #expect(try number([.authentication(parameters: 1, sequence: 1, check: [])]) == "51 at 40")
        #expect(try number([], cut: 1) == "none")
    }

    @Test func `a later fragment's short aligned loads read the IPv6 header, others break`() throws {
        var packet = Self.packet
        packet.flowLabel = 53
        packet.extensions = [.fragment(offset: 2, more: false, identification: 1)]
        let frame = try Self.frame(packet)
        #expect(
            try Self.verdict([Rule(.equal(.transport(16, 16), .number(53)), then: .accept)], [], frame)
                == "accept by base rule 1")
        #expect(
            try Self.verdict([Rule(.isPresent(.transport(8, 16)), then: .accept)], [], frame) == "drop by base policy")
        #expect(
            try Self.verdict([Rule(.isPresent(.transport(0, 64)), then: .accept)], [], frame) == "drop by base policy")
    }

    @Test func `a full set ends the rule, and elements that are over make room only once they are found again`() throws
    {
        let set = NamedSet("few", of: [.transport(0, 16)], filling: .byPackets(seconds: 5, size: 1))
        var state = EvaluationState()
        func send(_ port: UInt16, seconds: UInt64) throws -> [Evaluation.Change.Kind] {
            var packet = Self.packet
            packet.content = .udp(UDPDatagram(from: port, to: 53, []))
            return try Self.run(
                [Rule([.add(set.key, set.name), .verdict(.accept)])], sets: [set], on: Self.frame(packet),
                now: seconds * 1_000_000_000, state: &state
            ).changes.map(\.kind)
        }
        #expect(try send(1, seconds: 0) == [.added])
        #expect(try send(1, seconds: 4) == [.refreshed])
        #expect(try send(2, seconds: 4) == [.refused])
        #expect(try send(1, seconds: 6) == [.added])
        state.collect(now: 20_000_000_000)
        #expect(try send(2, seconds: 20) == [.added])
    }

    @Test func `add leaves an element's time alone, update renews it`() throws {
        let set = NamedSet("flows", of: [.transport(0, 16)], filling: .byPackets(seconds: 5, size: 9))
        for (renews, alive) in [(false, false), (true, true)] {
            var state = EvaluationState()
            let touch: Statement = renews ? .update(set.key, set.name) : .add(set.key, set.name)
            for second in [0, 4] as [UInt64] {
                _ = try Self.run([Rule([touch])], sets: [set], now: second * 1_000_000_000, state: &state)
            }
            let found = try Self.run(
                [Rule(.inSet(set.key, set.name), then: .accept)], sets: [set], now: 8_000_000_000, state: &state)
            #expect((found.verdict == .accept) == alive)
        }
    }

    @Test func `a bucket fills with time and never above its burst`() throws {
        var state = EvaluationState()
        func passes(_ milliseconds: UInt64) throws -> Bool {
            try Self.run(
                [Rule([.limit(Limit(10, burst: 2)), .verdict(.accept)])], now: milliseconds * 1_000_000, state: &state
            ).verdict == .accept
        }
        #expect(try [0, 0, 0, 99, 100, 150, 200].map(passes) == [true, true, false, false, true, false, true])
        #expect(try [10_000, 10_000, 10_000].map(passes) == [true, true, false])
    }

    @Test func `boxes are found by every part of their key`() throws {
        let map = NamedSet(
            "ingress", of: [.mark, .transportProtocol, .transport(16, 16), .ipv6Source], value: .mark, interval: true)
        let prefix = try #require(IPv6Prefix("fd01::/64"))
        let box = map.box(
            .only(.number(0)), .only(.number(17)), .numbers(50...60), .prefix(prefix), value: .mark(9))
        var state = EvaluationState()
        func mark(_ source: IPv6Address, _ port: UInt16) throws -> UInt32 {
            let packet = IPv6Packet(from: source, to: Self.packet.destination, .udp(UDPDatagram(from: 1, to: port, [])))
            return try Self.run(
                [Rule([.lookUpMark(map.key, map.name)])], sets: [map], [Elements(.bridge, "kc", map, [box])],
                on: Self.frame(packet), state: &state
            ).mark
        }
        #expect(try mark(Self.packet.source, 50) == 9)
        #expect(try mark(Self.packet.source, 60) == 9)
        #expect(try mark(Self.packet.source, 61) == 0)
        #expect(try mark(IPv6Address(high: 0xfd01_0000_0000_0001, low: 1), 55) == 0)
    }
}
