import Addressing
import Glibc
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing

@testable import LinuxNetlink

/// The gates of ports: there with the port, counting, noticed when somebody takes them, on new kernels and old.
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

    @Test func `what it dropped is counted on by an agent that starts later`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            try Self.send(30, marked: false, space)
            let first = try await Self.closed(space)
            let threads = try NamespaceThreads()
            let later = try await threads.thread(for: space.name).run { context throws(NodeError) in
                let work = LinkWork(context: context)
                // It finds the gate that is there, and makes no second one.
                do throws(KernelError) { try work.closeGate(of: Self.port) } catch {
                    throw error.error("close", "port")
                }
                return try work.closedFrames()[Self.port] ?? 0
            }
            #expect(later >= first && first >= 30)
        }
    }

    @Test func `a port that somebody took the gate from counts as none of its bridge until it is closed again`()
        async throws
    {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            _ = try shell("ip netns exec \(space.name.text) python3 -c '\(PortGateOpener.script)'")
            #expect(try await space.settings().links[Self.port]?.settings.master == nil)
            try await space.apply([.change(Self.port, LinkChange(master: .bridge(Self.bridge)))])
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            let before = try Self.received(space)
            try Self.send(10, marked: false, space)
            #expect(try Self.received(space) == before)
        }
    }

    @Test func `on kernels that know programs in queues alone the queue does the same`() async throws {
        try await KernelNamespace.with { space in
            try await Self.makePort(space)
            _ = try shell("ip netns exec \(space.name.text) python3 -c '\(PortGateOpener.script)'")
            try await Self.work(space) { work throws(NodeError) in
                let index = try work.index(Self.port, for: "close", Self.port)
                do throws(KernelError) { try work.closeByQueue(index) } catch { throw error.error("close", "port") }
            }
            #expect(try await space.settings().links[Self.port]?.settings.master == Self.bridge)
            let before = try Self.received(space)
            try Self.send(30, marked: false, space)
            #expect(try Self.received(space) == before)
            try Self.send(20, marked: true, space)
            #expect(try Self.received(space) == before + 20)
            #expect(try await Self.closed(space) >= 30)
        }
    }
}
