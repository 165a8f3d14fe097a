import Addressing
import Glibc
import LinuxPackets
import NetworkModel
import NodePorts
import TestNamespaces
import Testing
import Waiting

/// What the kernel copies for a capture, and what it leaves: drawn frames on a wire that carries other tenants' frames.
@Suite struct CaptureFilterTests {
    let host: TestNamespace
    let other: TestNamespace

    init() throws {
        host = try TestNamespace("kcca")
        other = try TestNamespace("kcca")
        try host.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", other.name.text)
        for space in [host, other] {
            // Silent but for what the test sends.
            try space.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1")
            try space.run("ip", "link", "set", "eth0", "up")
        }
    }

    private static let mac = MACAddress(0x02_6b_63_00_00_01)
    private static let own = "026b63000001"
    private static let foreign = "026b63000002"

    /// Python that makes `frames`, a list of names and bytes; the names of those that are meant begin with `+`.
    private static let cases:
        [(what: String, frames: CaptureOrder.Frames, flow: String?, peer: String?, make: String)] = [
            (
                "of a VNI and a flow inside of VXLAN", .inTunnel(mac, vni(300), port: 4789), "tcp/443", nil,
                """
                web = ip6(6, A, B, ports(50000, 443))
                frames = [
                    ("+to 443", tunnel(300, ether(own, foreign, 0x86dd, web))),
                    ("+from 443", tunnel(300, ether(foreign, own, 0x86dd, ip6(6, B, A, ports(443, 50000))))),
                    ("+to a group", tunnel(300, ether(foreign, "333300000001", 0x86dd, web))),
                    ("+IPv4 with options", tunnel(300, ether(own, foreign, 0x0800, ip4(6, V, W, ports(1, 443), 7)))),
                    ("another tenant's VNI", tunnel(301, ether(own, foreign, 0x86dd, web))),
                    ("a VNI whose upper bits are the same", tunnel(300 | 1 << 16, ether(own, foreign, 0x86dd, web))),
                    ("another guest's frame", tunnel(300, ether(foreign, "026b63000003", 0x86dd, web))),
                    ("another port", tunnel(300, ether(own, foreign, 0x86dd, ip6(6, A, B, ports(50000, 444))))),
                    ("UDP", tunnel(300, ether(own, foreign, 0x86dd, ip6(17, A, B, ports(50000, 443))))),
                    ("a later fragment", tunnel(300, ether(own, foreign, 0x0800, ip4(6, V, W, ports(1, 443), 5, 9)))),
                    ("another UDP port", tunnel(300, ether(own, foreign, 0x86dd, web), port=4790)),
                    ("no VNI flag", tunnel(300, ether(own, foreign, 0x86dd, web), flags=0)),
                    ("not in a tunnel", ether(own, foreign, 0x86dd, web)),
                    ("cut short", tunnel(300, ether(own, foreign, 0x86dd, web))[:100]),
                ]
                """
            ),
            (
                "of a MAC and a peer", .of(mac), nil, "2001:db8::b",
                """
                frames = [
                    ("+to it", ether(own, foreign, 0x86dd, ip6(59, A, B, b""))),
                    ("+from it", ether(foreign, own, 0x86dd, ip6(17, B, A, ports(1, 2)))),
                    ("another peer", ether(own, foreign, 0x86dd, ip6(17, A, A, ports(1, 2)))),
                    ("half of the address", ether(own, foreign, 0x86dd, ip6(17, A, "2001:db8::1:b", ports(1, 2)))),
                    ("a group", ether(foreign, "333300000001", 0x86dd, ip6(17, B, A, ports(1, 2)))),
                    ("ARP", ether(own, foreign, 0x0806, bytes(28))),
                ]
                """
            ),
            (
                "of an IPv4 peer and UDP at a port", .all, "udp", "::ffff:192.0.2.2",
                """
                frames = [
                    ("+to it", ether(foreign, foreign, 0x0800, ip4(17, V, W, ports(1, 2)))),
                    ("+from it", ether(foreign, foreign, 0x0800, ip4(17, W, V, ports(1, 2)))),
                    ("TCP", ether(own, foreign, 0x0800, ip4(6, V, W, ports(1, 2)))),
                    ("another", ether(own, foreign, 0x0800, ip4(17, V, V, ports(1, 2)))),
                    ("IPv6", ether(own, foreign, 0x86dd, ip6(17, A, B, ports(1, 2)))),
                ]
                """
            ),
            (
                "of a type of ICMPv6, with groups", .ofAndGroups(mac), "icmpv6/134", nil,
                """
                frames = [
                    ("+an advertisement", ether(foreign, "333300000001", 0x86dd, ip6(58, A, B, bytes([134] + [0] * 15)))),
                    ("a solicitation", ether(foreign, "333300000001", 0x86dd, ip6(58, A, B, bytes([133] + [0] * 15)))),
                    ("another guest's", ether(foreign, "026b63000003", 0x86dd, ip6(58, A, B, bytes([134] + [0] * 15)))),
                    ("IPv4", ether(own, foreign, 0x0800, ip4(58, V, W, bytes([134] + [0] * 15)))),
                ]
                """
            ),
            (
                "of a port, whatever it is", .all, nil, nil,
                """
                frames = [("+IPv6", ether(own, foreign, 0x86dd, ip6(17, A, B, ports(1, 2)))),
                    ("+ARP", ether(foreign, own, 0x0806, bytes(28))), ("+short", ether(own, foreign, 0x1234, b"x"))]
                """
            ),
        ]

    private static func vni(_ value: UInt32) -> VNI {
        do { return try VNI(value) } catch { preconditionFailure("\(error)") }
    }

    /// Frames are padded to 200 bytes with their name at the end, but those that shall be short.
    private static let prelude = """
        import socket, sys
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
        own, foreign, A, B, V, W = "\(own)", "\(foreign)", "2001:db8::a", "2001:db8::b", "192.0.2.1", "192.0.2.2"
        n = lambda value, size: value.to_bytes(size, "big")
        ports = lambda source, target: n(source, 2) + n(target, 2) + bytes(16)
        ip6 = lambda next, source, target, data: (b"\\x60\\0\\0\\0" + n(len(data), 2) + bytes([next, 64])
            + socket.inet_pton(10, source) + socket.inet_pton(10, target) + data)
        ip4 = lambda next, source, target, data, words=5, offset=0: (bytes([0x40 | words, 0]) + n(words * 4 + len(data), 2)
            + bytes(2) + n(offset, 2) + bytes([64, next, 0, 0]) + socket.inet_aton(source) + socket.inet_aton(target)
            + bytes(words * 4 - 20) + data)
        ether = lambda source, target, kind, data: bytes.fromhex(target) + bytes.fromhex(source) + n(kind, 2) + data
        tunnel = lambda vni, data, port=4789, flags=8: ether("020000000009", "020000000008", 0x86dd,
            ip6(17, "fd0a::2", "ff15::1", n(1234, 2) + n(port, 2) + bytes(4) + bytes([flags, 0, 0, 0]) + n(vni, 3) + bytes(1) + data))
        """

    @Test(arguments: cases.indices)
    func `the kernel copies what is meant and nothing else`(_ index: Int) async throws {
        let (what, meant, flow, peer, make) = Self.cases[index]
        let order = CaptureOrder(
            places: [CaptureOrder.Place(try InterfaceName("eth0"), meant)], flow: flow.flatMap { CaptureFlow($0) },
            peer: try peer.map { try IPv6Address(parsing: $0) }, snapLength: 400)
        let script = """
            \(Self.prelude)
            \(make)
            for name, frame in frames * 3:
                s.send(frame if name == "cut short" else frame.ljust(200, b"\\0") + name.encode())
            print("\\n".join(name for name, _ in frames))
            """
        let heard = Heard()
        async let outcome = FrameCapture(namespace: host.name).capture(order) { heard.take($0) }
        try await eventually("listens") { heard.hasBegun }
        let names = try other.run("python3", "-c", script).split(separator: "\n").map(String.init)
        let wanted = names.filter { $0.hasPrefix("+") }
        try await eventually("hears \(what)") { heard.names.count >= wanted.count * 3 }
        heard.end()
        let result = try await outcome
        #expect(result == [CapturePlaceOutcome()])
        #expect(heard.names.sorted() == (wanted + wanted + wanted).sorted(), "\(what)")
        let frames = heard.frames
        #expect(frames.allSatisfy { !$0.isOutgoing && $0.nanoseconds > 1_700_000_000_000_000_000 && $0.device == 0 })
    }

    @Test func `of a long frame as many bytes are copied as are wanted, and its length is known`() async throws {
        let heard = Heard()
        let order = CaptureOrder(
            places: [
                CaptureOrder.Place(try InterfaceName("eth0"), .all),
                CaptureOrder.Place(try InterfaceName("eth9"), .all),
            ], snapLength: 64)
        async let outcome = FrameCapture(namespace: host.name).capture(order) { heard.take($0) }
        try await eventually("listens") { heard.hasBegun }
        try other.run(
            "python3", "-c", Self.prelude + "\ns.send(ether(own, foreign, 0x1234, bytes(1000)))")
        try host.run("python3", "-c", Self.prelude + "\ns.send(ether(own, foreign, 0x1235, bytes(50)))")
        try await eventually("hears both") { heard.frames.count == 2 }
        heard.end()
        let frames = heard.frames.sorted { $0.length > $1.length }
        #expect(frames.map(\.length) == [1014, 64] && frames.map(\.bytes.count) == [64, 64])
        #expect(frames.map(\.isOutgoing) == [false, true])
        let result = try await outcome
        #expect(result.map { $0.failure?.code } == [nil, .errno(ENODEV)])
    }
}
