import Addressing
import Glibc
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing

@testable import LinuxNetlink

/// The gates of ports: there with the port, counting, noticed when somebody takes them.
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
    private static func send(_ frames: Int, marked: Bool, _ space: KernelNamespace) throws {
        let script = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("\(port.text)", 0))
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

    private static func closed(_ space: KernelNamespace) async throws -> UInt64 {
        try await work(space) { work throws(NodeError) in try work.closedFrames()[port] ?? 0 }
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
            #expect(try await Self.closed(space) >= 30)
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
            #expect(try await Self.closed(space) >= 30)
        }
    }

    @Test
    func `with the program of all ports gone every port counts as open, and the first that is closed puts it back`()
        async throws
    {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            _ = try space.run("tc filter del block \(RequestBuffer.gateBlock) pref 100")
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
}
