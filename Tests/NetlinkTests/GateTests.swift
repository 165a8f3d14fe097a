import Addressing
import CMnl
import Foundation
import Glibc
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing
import Waiting

@testable import LinuxNetlink

/// The gates of ports and tunnels: there with them, counting, noticed when somebody takes them.
@Suite struct GateTests {
    private static let port: InterfaceName = .device("kctaaaaaaaaaa")
    private static let bridge: InterfaceName = .device("kcb000001")

    /// A port that is a veth end, so that frames can be sent out by it: `kctaaaaaaaaaa`, with `guest` at its other end.
    private static func makePort(_ space: KernelNamespace) async throws {
        try await space.apply([
            .create(NewLink(name: bridge, kind: .bridge, settings: LinkSettings(mtu: 1500, isUp: true)))
        ])
        _ = try space.run("ip link add \(port.text) type veth peer name guest")
        _ = try space.run("ip link set guest up")
        try await space.apply([.change(port, LinkChange(master: .bridge(bridge), isUp: true))])
    }

    /// Sends so many frames out by the port, without the mark of the guard or with it.
    private static func send(
        _ frames: Int, by device: InterfaceName = port, marked: Bool, _ space: KernelNamespace
    ) throws {
        let script = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("\(device.text)", 0))
            s.setsockopt(socket.SOL_SOCKET, 36, \(marked ? 0x6b63_00ff : 0))
            for _ in range(\(frames)):
                try: s.send(bytes([2, 0, 0, 0, 0, 9]) * 2 + bytes.fromhex("88b5") + bytes(46))
                except OSError: pass
            """
        _ = try space.run("python3 -c '\(script)'")
    }

    private static func received(_ space: KernelNamespace) throws -> Int {
        let text = try space.run("cat /sys/class/net/guest/statistics/rx_packets")
        return try #require(Int(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    }

    private static func work<Value: Sendable>(
        _ space: KernelNamespace, _ body: @escaping @Sendable (LinkWork) throws(NodeError) -> Value
    ) async throws -> Value {
        try await space.threads.thread(for: space.name).run { context throws(NodeError) in
            try body(LinkWork(context: context))
        }
    }

    private static func closed(_ device: InterfaceName, _ space: KernelNamespace) async throws -> UInt64 {
        try await work(space) { work throws(NodeError) in try work.closedFrames()[device] ?? 0 }
    }

    @Test func `a port lets out what has the mark, and drops and counts all else`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            let before = try Self.received(space)
            try Self.send(30, marked: false, space)
            #expect(try Self.received(space) == before)
            try Self.send(20, marked: true, space)
            #expect(try Self.received(space) == before + 20)
            // The kernel itself sends some of its own by a new device, which are dropped as well.
            #expect(try await Self.closed(Self.port, space) >= 30)
        }
    }

    @Test func `a port that somebody took the gate from counts as none of its bridge until it is closed again`()
        async throws
    {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            _ = try space.run("tc qdisc del dev \(Self.port.text) clsact")
            #expect(try await space.settings().links[Self.port]?.settings.master == nil)
            try await space.apply([.change(Self.port, LinkChange(master: .bridge(Self.bridge)))])
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            let before = try Self.received(space)
            try Self.send(10, marked: false, space)
            #expect(try Self.received(space) == before)
        }
    }

    @Test func `a port of an earlier version, with a queue of its own, stays closed and is counted`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            _ = try space.run("tc qdisc del dev \(Self.port.text) clsact")
            _ = try space.run("tc qdisc add dev \(Self.port.text) clsact")
            try await space.apply([.change(Self.port, LinkChange(master: .bridge(Self.bridge)))])
            #expect(try space.run("tc filter show dev \(Self.port.text) egress").contains("bytecode"))
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            let before = try Self.received(space)
            try Self.send(30, marked: false, space)
            #expect(try Self.received(space) == before)
            try Self.send(20, marked: true, space)
            #expect(try Self.received(space) == before + 20)
            #expect(try await Self.closed(Self.port, space) >= 30)
        }
    }

    @Test
    func `with the program of all ports gone every port counts as open, and the first that is closed puts it back`()
        async throws
    {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            _ = try space.run("tc filter del block \(GateBlocks(.port).sending) pref 100")
            #expect(try await space.settings().links[Self.port]?.settings.master == nil)
            try await space.apply([.change(Self.port, LinkChange(master: .bridge(Self.bridge)))])
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            let before = try Self.received(space)
            try Self.send(10, marked: false, space)
            #expect(try Self.received(space) == before)
        }
    }

    @Test func `with the last port the program goes, and with the next one it comes`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            try await space.apply([.delete(Self.port), .delete(Self.bridge)])
            try await Self.makePort(space)
            let before = try Self.received(space)
            try Self.send(10, marked: false, space)
            #expect(try Self.received(space) == before)
        }
    }

    // MARK: Tunnels

    private static let tunnel: InterfaceName = .device("kcx000001")

    /// `kcx000001` in `bridge` over an underlay, whose other end of the cable is in the same namespace.
    private static func makeTunnel(_ space: KernelNamespace) async throws {
        try space.underlay()
        _ = try space.run("ip -6 neigh add fd00::2 lladdr 02:00:00:00:00:02 dev \(InterfaceName.underlay)")
        let kind = LinkKind.vxlan(
            VXLANSettings(
                vni: try VNI(1), group: nil, local: try IPv6Address(parsing: "fd00::1"), link: .underlay, port: 4789,
                hopLimit: 64))
        try await space.apply([
            .create(NewLink(name: bridge, kind: .bridge, settings: LinkSettings(mtu: 1430, isUp: true))),
            .create(
                NewLink(
                    name: tunnel, kind: kind,
                    settings: LinkSettings(
                        alias: "kc:segment/1", mtu: 1430, master: bridge, isUp: true, ipv6Disabled: true))),
            .addFlood(tunnel, try IPv6Address(parsing: "fd00::2")),
        ])
    }

    /// A frame from 02:00:00:00:00:77 to everybody, in VXLAN from fd00::2, as the cable brings it.
    private static func receive(_ space: KernelNamespace) throws {
        let script = """
            import socket, struct
            src, dst = (socket.inet_pton(socket.AF_INET6, a) for a in ("fd00::2", "fd00::1"))
            inner = bytes([255] * 6 + [2, 0, 0, 0, 0, 0x77, 0x88, 0xb5]) + bytes(50)
            vxlan = struct.pack(">II", 0x08000000, 1 << 8) + inner
            def udp(checksum): return struct.pack(">HHHH", 50000, 4789, 8 + len(vxlan), checksum) + vxlan
            pseudo = src + dst + struct.pack(">II", 8 + len(vxlan), 17) + udp(0)
            total = sum(struct.unpack(">%dH" % (len(pseudo) // 2), pseudo))
            while total >> 16: total = (total & 0xffff) + (total >> 16)
            packet = struct.pack(">IHBB", 6 << 28, 8 + len(vxlan), 17, 64) + src + dst + udp(~total & 0xffff)
            mac = bytes.fromhex(open("/sys/class/net/\(InterfaceName.underlay)/address").read().strip().replace(":", ""))
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("\(InterfaceName.underlay)-p", 0))
            s.send(mac + bytes([2, 0, 0, 0, 0, 2, 0x86, 0xdd]) + packet)
            """
        _ = try space.run("python3 -c '\(script)'")
    }

    /// Whether the bridge knows who sent the frame of `receive`.
    private static func hasLearned(_ space: KernelNamespace) throws -> Bool {
        try space.run("bridge fdb show br \(bridge)").contains("02:00:00:00:00:77 dev \(tunnel) master")
    }

    private static func rule(_ rule: String, _ space: KernelNamespace) throws {
        _ = try space.run("nft '\(rule)'")
    }

    /// What the first rule of a chain counted.
    private static func counted(_ chain: String, _ space: KernelNamespace) throws -> Int {
        let text = try space.run("nft list chain inet t \(chain)")
        return try #require(text.firstMatch(of: /packets (\d+)/).flatMap { Int($0.1) })
    }

    @Test func `a tunnel sends what has the mark, without it in the outer packet, and counts all else`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makeTunnel(space)
            try Self.rule("add table inet t", space)
            for chain in ["every", "marked"] {
                try Self.rule("add chain inet t \(chain) { type filter hook output priority 0 ; }", space)
            }
            try Self.rule("add rule inet t every udp dport 4789 counter", space)
            try Self.rule("add rule inet t marked udp dport 4789 meta mark != 0 counter", space)
            try Self.send(30, by: Self.tunnel, marked: false, space)
            #expect(try Self.counted("every", space) == 0)
            try Self.send(20, by: Self.tunnel, marked: true, space)
            #expect(try Self.counted("every", space) == 20)
            #expect(try Self.counted("marked", space) == 0)
            #expect(try await Self.closed(Self.tunnel, space) >= 30)
        }
    }

    @Test func `what comes out of a tunnel passes only with the mark of known endpoints, and teaches nothing else`()
        async throws
    {
        try await KernelNamespace.with { space in
            try await Self.makeTunnel(space)
            try Self.receive(space)
            #expect(try !Self.hasLearned(space))
            #expect(try await Self.closed(Self.tunnel, space) >= 1)
            try Self.rule("add table inet t", space)
            try Self.rule("add chain inet t in { type filter hook input priority 0 ; }", space)
            try Self.rule("add rule inet t in udp dport 4789 meta mark set 0x6b6300fe", space)
            try Self.receive(space)
            #expect(try Self.hasLearned(space))
            // Without the gate and without rules the bridge learns it too: the first look could have failed.
            try Self.rule("delete table inet t", space)
            _ = try space.run("ip link set \(Self.tunnel) type bridge_slave fdb_flush")
            try Self.receive(space)
            #expect(try !Self.hasLearned(space))
            _ = try space.run("tc filter del block \(GateBlocks(.tunnel).receiving) pref 100")
            try Self.receive(space)
            #expect(try Self.hasLearned(space))
        }
    }

    @Test(arguments: [
        "tc qdisc del dev \(tunnel) clsact", "tc filter del block \(GateBlocks(.tunnel).receiving) pref 100",
        "tc filter del block \(GateBlocks(.tunnel).sending) pref 100",
        // A queue of its own, as somebody else may have made it.
        "sh -c 'tc qdisc del dev \(tunnel) clsact; tc qdisc add dev \(tunnel) clsact'",
    ])
    func `a tunnel without its gates counts as none of its bridge until it is closed again`(_ opening: String)
        async throws
    {
        try await KernelNamespace.with { space in
            try await Self.makeTunnel(space)
            #expect(try await space.settings().links[Self.tunnel]?.settings.master == Self.bridge)
            _ = try space.run(opening)
            #expect(try await space.settings().links[Self.tunnel]?.settings.master == nil)
            try await space.apply([.change(Self.tunnel, LinkChange(master: .bridge(Self.bridge)))])
            #expect(try await space.settings().links[Self.tunnel]?.settings.master == Self.bridge)
            try Self.receive(space)
            #expect(try !Self.hasLearned(space))
            let before = try Self.sent(space)
            try Self.send(30, by: Self.tunnel, marked: false, space)
            #expect(try Self.sent(space) == before)
        }
    }

    /// Packets that went out by the tunnel.
    private static func sent(_ space: KernelNamespace) throws -> Int {
        let text = try space.run("cat /sys/class/net/\(tunnel)/statistics/tx_packets")
        return try #require(Int(text.split(whereSeparator: \.isWhitespace).first ?? ""))
    }

    // MARK: Tunnels that carry frames already

    @Test func `a tunnel that carries frames is closed without losing one`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makeTunnel(space)
            // As a version left it that gave tunnels no gates.
            _ = try space.run("tc qdisc del dev \(Self.tunnel) clsact")
            try Self.rule("add table inet t", space)
            try Self.rule("add chain inet t every { type filter hook output priority 0 ; }", space)
            // 8 bytes of UDP, 8 of VXLAN, 514 of each frame: the kernel sends shorter ones of its own.
            try Self.rule("add rule inet t every udp dport 4789 udp length 530 counter", space)
            let end = "/tmp/\(space.name.text).end"
            defer { unlink(end) }
            async let sending = Self.sendBeside(until: end, space)
            try await eventually("the first frames") { try Self.counted("every", space) > 1000 }
            try await space.apply([.change(Self.tunnel, LinkChange(master: .bridge(Self.bridge)))])
            let now = try Self.counted("every", space)
            try await eventually("further frames") { try Self.counted("every", space) > now + 1000 }
            _ = try space.run("touch \(end)")
            let sent = try await sending
            #expect(try Self.counted("every", space) == sent)
            #expect(try await space.settings().links[Self.tunnel]?.settings.master == Self.bridge)
            #expect(try !space.run("tc qdisc show dev \(Self.tunnel)").contains("clsact"))
        }
    }

    /// Sends marked frames by the tunnel, on a thread of its own, until a file is there.
    /// - Returns: how many.
    private static func sendBeside(until file: String, _ space: KernelNamespace) async throws -> Int {
        let script = """
            import os, socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("\(tunnel.text)", 0))
            s.setsockopt(socket.SOL_SOCKET, 36, 0x6b6300ff)
            sent = 0
            while not os.path.exists("\(file)"):
                for _ in range(50): sent += s.send(bytes([2, 0, 0, 0, 0, 9]) * 2 + bytes.fromhex("88b5") + bytes(500)) > 0
            print(sent)
            """
        return try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int, any Error>) in
            Thread.detachNewThread {
                done.resume(
                    with: Result {
                        let text = try space.run("python3 -c '\(script)'")
                        return try #require(Int(text.split(whereSeparator: \.isWhitespace).first ?? ""))
                    })
            }
        }
    }

    @Test func `gates without a queue hold as those in queues do, and come but once`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makeTunnel(space)
            _ = try space.run("tc qdisc del dev \(Self.tunnel) clsact")
            #expect(try await space.settings().links[Self.tunnel]?.settings.master == nil)
            for _ in 0..<2 {
                try await space.apply([.change(Self.tunnel, LinkChange(master: .bridge(Self.bridge)))])
                #expect(try await space.settings().links[Self.tunnel]?.settings.master == Self.bridge)
            }
            // A later agent is another process, with programs of its own.
            let later = try NamespaceThreads()
            let table = NetlinkLinkTable(threads: later, main: space.name)
            #expect(try await table.observe(in: space.name).links[Self.tunnel]?.settings.master == Self.bridge)
            for outcome in await table.apply(
                [.change(Self.tunnel, LinkChange(master: .bridge(Self.bridge)))], in: space.name)
            {
                try outcome.get()
            }
            let attached = try await Self.work(space) { work throws(NodeError) in
                let index = try work.index(Self.tunnel, for: "test", Self.tunnel)
                var programs = [UInt32](repeating: 0, count: 64)
                return [CMNL_TCX_INGRESS, CMNL_TCX_EGRESS].map {
                    cmnl_query_classifiers(index, UInt32($0), &programs, 64)
                }
            }
            #expect(attached == [1, 1])
            try Self.rule("add table inet t", space)
            for chain in ["every", "marked"] {
                try Self.rule("add chain inet t \(chain) { type filter hook output priority 0 ; }", space)
            }
            try Self.rule("add rule inet t every udp dport 4789 counter", space)
            try Self.rule("add rule inet t marked udp dport 4789 meta mark != 0 counter", space)
            try Self.send(30, by: Self.tunnel, marked: false, space)
            #expect(try Self.counted("every", space) == 0)
            try Self.send(20, by: Self.tunnel, marked: true, space)
            #expect(try Self.counted("every", space) == 20)
            #expect(try Self.counted("marked", space) == 0)
            try Self.receive(space)
            #expect(try !Self.hasLearned(space))
            try Self.rule("add chain inet t in { type filter hook input priority 0 ; }", space)
            try Self.rule("add rule inet t in udp dport 4789 meta mark set 0x6b6300fe", space)
            try Self.receive(space)
            #expect(try Self.hasLearned(space))
        }
    }
}
