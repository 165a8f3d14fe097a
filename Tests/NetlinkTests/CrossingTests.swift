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
