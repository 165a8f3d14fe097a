import Addressing
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing

/// Frames that are put in at a port and taken out at another, by the kernel.
@Suite struct CrossingTests {
    static let nonce = ProbeNonce(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
    static let offset = 62

    /// An ethertype for experiments: what says that it is IPv6 br_netfilter looks into.
    /// Two ports of a bridge, `kcta` and `kctb`, with guests `ga` and `gb`; nobody speaks IPv6 by itself.
    static func bridge(_ space: KernelNamespace) throws {
        _ = try space.run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1")
        _ = try space.run("ip link add br0 type bridge mcast_snooping 0")
        for side in ["a", "b"] {
            _ = try space.run("ip link add kct\(side) type veth peer name g\(side)")
            _ = try space.run("ip link set kct\(side) master br0 up")
            _ = try space.run("ip link set g\(side) up")
            _ = try space.run("tc qdisc add dev kct\(side) clsact")
        }
        _ = try space.run("ip link set br0 up")
    }

    static func lane(_ side: String, isFirst: Bool, nonce: ProbeNonce = nonce) throws -> CrossingOrder.Lane {
        let macs: [UInt8] = isFirst ? [2, 1] : [1, 2]
        let header: [UInt8] = [2, 0, 0, 0, 0, macs[0], 2, 0, 0, 0, 0, macs[1], 0x88, 0xb5]
        return CrossingOrder.Lane(
            port: try InterfaceName("kct\(side)"), isFirst: isFirst,
            frames: (0..<CrossingOrder.maximumRounds).map { round in
                header + [UInt8](repeating: 0, count: offset - header.count)
                    + ProbeMark(.marked, isFirst: isFirst, number: UInt16(round)).bytes(nonce)
            })
    }

    static func received(_ device: String, _ space: KernelNamespace) throws -> Int {
        let text = try space.run("cat /sys/class/net/\(device)/statistics/rx_packets")
        return try #require(Int(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    }

    @Test func `frames of both directions cross the bridge, no guest gets one, and nothing is left`() async throws {
        try await KernelNamespace.with { space in
            try Self.bridge(space)
            let before = try space.run("ip -o link").split(separator: "\n").count
            let crossing = TapCrossing(threads: space.threads, namespace: space.name)
            let order = CrossingOrder(
                nonce: Self.nonce, offset: Self.offset,
                lanes: [try Self.lane("a", isFirst: true), try Self.lane("b", isFirst: false)])
            let results = try await crossing.cross(order)
            #expect(results.map(\.sent) == [CrossingOrder.rounds, CrossingOrder.rounds])
            #expect(results.map { $0.arrived[.marked] } == [CrossingOrder.rounds, CrossingOrder.rounds])
            #expect(try Self.received("ga", space) == 0)
            #expect(try Self.received("gb", space) == 0)
            #expect(try space.run("ip -o link").split(separator: "\n").count == before)
            for port in ["kcta", "kctb"] {
                #expect(try space.run("tc filter show dev \(port) egress").isEmpty)
            }
        }
    }

    /// Three segments of 1,000 bytes in one frame, with nothing but the sum of the pseudo-header for a checksum.
    static func stream(_ round: Int, isFirst: Bool) -> CrossingOrder.SegmentStream {
        let (segment, macs): (Int, [UInt8]) = (1000, isFirst ? [2, 1] : [1, 2])
        let length = 20 + 3 * segment
        var bytes: [UInt8] = [2, 0, 0, 0, 0, macs[0], 2, 0, 0, 0, 0, macs[1], 0x86, 0xdd, 0x60, 0, 0, 0]
        bytes += [UInt8(length >> 8), UInt8(length & 0xff), 6, 64]
        let addresses = [UInt8](repeating: 0, count: 15) + [1] + [UInt8](repeating: 0, count: 15) + [2]
        let sum = UInt16(1 + 2 + 6 + length)
        bytes += addresses + [0xc0, 0, 0, 9, 0, 0, UInt8(round), 0, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff]
        bytes += [UInt8(sum >> 8), UInt8(sum & 0xff), 0, 0]
        for place in 0..<3 {
            let mark = ProbeMark(.segment, isFirst: isFirst, number: UInt16(round * 3 + place)).bytes(nonce)
            bytes += mark + [UInt8](repeating: UInt8(place), count: segment - mark.count)
        }
        return CrossingOrder.SegmentStream(bytes: bytes, segment: segment)
    }

    @Test(arguments: [false, true]) func `segments come cut and summed, and wrong sums are counted`(
        isBroken: Bool
    ) async throws {
        try await KernelNamespace.with { space in
            try Self.bridge(space)
            var lanes = [try Self.lane("a", isFirst: true), try Self.lane("b", isFirst: false)]
            for index in lanes.indices {
                lanes[index].streams = (0..<CrossingOrder.maximumRounds).map {
                    Self.stream($0, isFirst: index == 0)
                }
            }
            if isBroken {
                _ = try space.run("nft add table bridge broken")
                _ = try space.run("nft add chain bridge broken sums '{ type filter hook forward priority 0; }'")
                _ = try space.run("nft add rule bridge broken sums oifname kctb tcp checksum set 0xdead")
            }
            let results = try await TapCrossing(threads: space.threads, namespace: space.name).cross(
                CrossingOrder(nonce: Self.nonce, offset: Self.offset, lanes: lanes))
            let whole = 3 * CrossingOrder.rounds
            #expect(results.map(\.segmentsSent) == [whole, whole])
            #expect(results.map { $0.arrived[.segment] } == [whole, whole])
            #expect(results.map(\.segmentsCorrupt) == [0, isBroken ? whole : 0])
            #expect(try Self.received("ga", space) == 0)
            #expect(try Self.received("gb", space) == 0)
        }
    }

    @Test func `what is called is sent twice, and answers are taken out`() async throws {
        try await KernelNamespace.with { space in
            try Self.bridge(space)
            // The guest of the other side is the one who answers: what it sends to `a` has the mark.
            var lane = try Self.lane("a", isFirst: true)
            let mark = ProbeNonce(high: 7, low: 8)
            lane.answers = CrossingOrder.AnswerMark(nonce: mark, offset: 75, count: 1)
            lane.calls = [
                [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb6] + [UInt8](repeating: 0, count: 61) + mark.bytes
            ]
            var other = try Self.lane("b", isFirst: false)
            other.calls = [[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] + lane.calls[0].dropFirst(12)]
            let results = try await TapCrossing(threads: space.threads, namespace: space.name).cross(
                CrossingOrder(nonce: Self.nonce, offset: Self.offset, lanes: [lane, other]))
            #expect(results.map(\.answers) == [[other.calls[0]], []])
            #expect(try Self.received("gb", space) == 2)
            #expect(try Self.received("ga", space) == 0)
        }
    }

    @Test func `frames with another nonce go to the guest`() async throws {
        try await KernelNamespace.with { space in
            try Self.bridge(space)
            let foreign = try Self.lane("a", isFirst: true, nonce: ProbeNonce(high: 1, low: 2))
            let results = try await TapCrossing(threads: space.threads, namespace: space.name).cross(
                CrossingOrder(
                    nonce: Self.nonce, offset: Self.offset, lanes: [foreign, try Self.lane("b", isFirst: false)]))
            #expect(results[1].arrived == [:])
            #expect(try Self.received("gb", space) == CrossingOrder.rounds)
            #expect(try Self.received("ga", space) == 0)
        }
    }

    @Test func `what a killed agent left at a port is taken away, and the gate stays`() async throws {
        try await KernelNamespace.with { space in
            try Self.bridge(space)
            let crossing = TapCrossing(threads: space.threads, namespace: space.name)
            for priority in [100, 101] {
                _ = try space.run(
                    "tc filter add dev kcta egress pref \(priority) bpf bytecode '1,6 0 0 4294967295,' "
                        + "action mirred egress redirect dev gb")
            }
            await crossing.clear([try InterfaceName("kcta"), try InterfaceName("kctzz")])
            let left = try space.run("tc filter show dev kcta egress")
            #expect(left.contains("pref 100"))
            #expect(!left.contains("pref 101"))
        }
    }

    @Test func `a port that is not there is an error, and leaves nothing`() async throws {
        try await KernelNamespace.with { space in
            try Self.bridge(space)
            let before = try space.run("ip -o link").split(separator: "\n").count
            let order = CrossingOrder(
                nonce: Self.nonce, offset: Self.offset,
                lanes: [try Self.lane("a", isFirst: true), try Self.lane("zz", isFirst: false)])
            await #expect(throws: NodeError.self) {
                try await TapCrossing(threads: space.threads, namespace: space.name).cross(order)
            }
            #expect(try space.run("ip -o link").split(separator: "\n").count == before)
            #expect(try space.run("tc filter show dev kcta egress").isEmpty)
        }
    }
}
