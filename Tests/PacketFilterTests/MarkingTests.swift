import Addressing
import Glibc
import LinuxPacketFilter
import LinuxProcesses
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing
import Waiting

/// The program before the guard, with frames: what it lets past the looks of the guard ends with the change that ends it.
@Suite(.serialized) struct MarkingTests {
    var lab: GuardLab

    init() throws {
        lab = try GuardLab()
        try lab.addSegment()
        try lab.addGuest(1)
        try lab.addGuest(2)
    }

    private func received() throws -> Int {
        let text = try lab.guest(2).run("cat", "/sys/class/net/eth0/statistics/rx_packets")
        return try #require(Int(text.filter(\.isNumber)))
    }

    /// How many frames have come by the port to the bridge.
    private func sent() throws -> Int {
        let text = try lab.host.run("cat", "/sys/class/net/\(lab.port(1))/statistics/rx_packets")
        return try #require(Int(text.filter(\.isNumber)))
    }

    /// Waits for so many frames of the flood.
    private func pass(_ count: Int = 300) async throws {
        let now = try sent()
        try await eventually { try sent() > now + count }
    }

    @Test func `a frame that the program marks is accepted by the first rule, and none without its group`() async throws
    {
        try await lab.install()
        try lab.host.run(
            "nft", "insert rule bridge kc from-port meta mark & 0xfffffffe == 0x6b630000 counter comment \"marked\"")
        func marked() throws -> Int {
            let text = try lab.host.run("nft", "list", "chain", "bridge", "kc", "from-port")
            return try #require(text.firstMatch(of: /counter packets (\d+)/).flatMap { Int($0.1) })
        }
        let honest = "send('udp', 1, 2, frame(mac(1), mac(2), packet(gua(1), gua(2), 17, udp(gua(1), gua(2), 9, 9))))"
        #expect(try lab.arrivals(honest) == ["udp"])
        #expect(try marked() == 1)
        // In another's name, behind another header, to a DHCPv6 client, with a tag: not the program's to judge.
        #expect(
            try lab.arrivals(
                """
                body = udp(gua(3), gua(2), 9, 9)
                send("spoofed", 1, 2, frame(mac(1), mac(2), packet(gua(3), gua(2), 17, body)))
                send("mac", 1, 2, frame(mac(3), mac(2), packet(gua(1), gua(2), 17, udp(gua(1), gua(2), 9, 9))))
                send("dhcp", 1, 2, frame(mac(1), mac(2), packet(gua(1), gua(2), 17, udp(gua(1), gua(2), 547, 546))))
                send("tag", 1, 2, frame(mac(1), mac(2), struct.pack(">HH", 7, 0x86dd) +
                    packet(gua(1), gua(2), 17, udp(gua(1), gua(2), 9, 9)), 0x8100))
                """) == [])
        #expect(try marked() == 1)
        // Somebody's own mark is taken away, and a device of another group is looked at as before.
        try lab.host.run("ip", "link", "set", lab.port(1).text, "group", "0")
        #expect(try lab.arrivals(honest) == ["udp"])
        #expect(try marked() == 2)
    }

    @Test func `a right that is taken under a flood ends with the call that takes it, and comes back`() async throws {
        try await lab.install()
        try lab.guest(1).run("ip", "neigh", "replace", "fd01::2", "lladdr", "\(GuardLab.mac(2))", "dev", "eth0")
        let flood = try ChildProcess.spawn(
            "/usr/sbin/ip", ["netns", "exec", lab.guest(1).name.text, "python3", "-c", Self.flood])
        defer {
            kill(flood, SIGKILL)
            _ = ChildProcess.wait(flood)
        }
        let owner = GuardOwner.port(lab.port(1))
        let elements = lab.content[owner].sorted()
        let simple = elements.filter { [.fast, .own].contains($0.set) }
        var arrived = 0
        for round in 0..<30 {
            let before = try received()
            try await eventually { try received() > before + 200 }
            switch round % 3 {
            case 0: try await lab.filter.apply([.close(lab.port(1), elements)])
            case 1: try await lab.filter.apply([.change(owner, remove: simple, add: [])])
            default:
                // A new structure without the guest.
                try await lab.filter.apply([.install(lab.structure, FilterContent(lab.content[.port(lab.port(2))]))])
            }
            // What was on its way.
            try await pass()
            let now = try received()
            try await pass()
            arrived += try received() - now
            try await lab.filter.apply([
                round % 3 == 1 ? .change(owner, remove: [], add: simple) : .change(owner, remove: [], add: elements)
            ])
        }
        #expect(arrived == 0)
    }

    private static let flood = """
        import socket
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        while True:
            try: s.sendto(b"x" * 8, ("fd01::2", 9))
            except OSError: pass
        """

    @Test func `with the rules gone nothing is marked any more`() async throws {
        try await lab.install()
        try await lab.filter.apply([.uninstall])
        try lab.host.run("nft", "add table bridge t; add chain bridge t c { type filter hook prerouting priority 0; }")
        try lab.host.run("nft", "add rule bridge t c meta mark != 0 counter")
        let honest = "send('udp', 1, 2, frame(mac(1), mac(2), packet(gua(1), gua(2), 17, udp(gua(1), gua(2), 9, 9))))"
        #expect(try lab.arrivals(honest) == ["udp"])
        #expect(try lab.host.run("nft", "list", "table", "bridge", "t").contains("packets 0 "))
    }
}
