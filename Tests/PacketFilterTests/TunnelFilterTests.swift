import Addressing
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing
import Waiting

/// The filter of tunnel endpoints, with packets: two hosts on one underlay, VXLAN between them.
@Suite(.serialized) struct TunnelFilterTests {
    let near: TestNamespace
    let far: TestNamespace
    let filter: NFTPacketFilter
    let structure = KCRuleset.structure(vxlanPort: 4789)
    let farVTEP: IPv6Address

    init() throws {
        near = try TestNamespace("kcpf")
        far = try TestNamespace("kcpf")
        farVTEP = try IPv6Address(parsing: "fd00:aa::2")
        filter = NFTPacketFilter(namespace: near.name, worker: worker)
        try near.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far.name.text)
        for (number, host) in [near, far].enumerated() {
            try host.run("ip", "link", "set", "eth0", "address", "02:00:00:00:01:0\(number + 1)", "up")
            try host.run("ip", "address", "add", "fd00:aa::\(number + 1)/64", "dev", "eth0", "nodad")
            try host.run("ip", "address", "add", "10.0.0.\(number + 1)/24", "dev", "eth0")
            try host.run(
                "ip", "link", "add", "kcx000001", "type", "vxlan", "id", "1", "dstport", "4789", "local",
                "fd00:aa::\(number + 1)", "remote", "fd00:aa::\(2 - number)")
            try host.run("ip", "link", "set", "kcx000001", "up")
            try host.run("ip", "address", "add", "fd02::\(number + 1)/64", "dev", "kcx000001", "nodad")
        }
    }

    func canTalk() -> Bool { far.succeeds("ping", "-6", "-q", "-c", "1", "-W", "1", "fd02::1") }

    @Test func `VXLAN comes only from known endpoints`() async throws {
        try await eventually { canTalk() }
        try await filter.apply([.install(structure, FilterContent())])
        #expect(!canTalk())
        #expect(try near.counts("inet", "to-tunnel")[0] > 0)
        try await filter.apply([.add(farVTEP)])
        try await eventually { canTalk() }
        try await filter.apply([.remove(farVTEP)])
        #expect(!canTalk())
        // All else of the underlay is none of our business.
        #expect(far.succeeds("ping", "-6", "-q", "-c", "1", "-W", "1", "fd00:aa::1"))
    }

    @Test func `VXLAN over IPv4 is dropped, from whomever, and other UDP is not`() async throws {
        try await filter.apply([.install(structure, content([], [farVTEP]))])
        try far.run("bash", "-c", "echo x > /dev/udp/10.0.0.1/4789; echo x > /dev/udp/10.0.0.1/4790")
        #expect(try near.counts("inet", "to-tunnel") == [0, 1])
    }

    /// A first fragment that ends before the UDP header, so that no rule on the port sees it; the rest follows.
    static let split = """
        import socket, struct
        src, dst = (socket.inet_pton(socket.AF_INET6, a) for a in ("fd00:aa::2", "fd00:aa::1"))
        inner = b"\\xff" * 6 + b"\\x02\\x00\\x00\\x00\\x02\\x01" + b"\\x88\\xb5" + bytes(50)
        vxlan = struct.pack(">II", 0x08000000, 1 << 8) + inner
        def udp(checksum): return struct.pack(">HHHH", 50000, 4789, 8 + len(vxlan), checksum) + vxlan
        pseudo = src + dst + struct.pack(">II", 8 + len(vxlan), 17) + udp(0)
        total = sum(struct.unpack(">%dH" % (len(pseudo) // 2), pseudo))
        while total >> 16: total = (total & 0xffff) + (total >> 16)
        packet = bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(~total & 0xffff)
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
        for offset, more, part in ((0, 1, packet[:8]), (1, 0, packet[8:])):
            fragment = struct.pack(">BBHI", 60, 0, offset << 3 | more, 0x4b43) + part
            head = struct.pack(">IHBB", 6 << 28, len(fragment), 44, 64) + src + dst
            s.send(b"\\x02\\x00\\x00\\x00\\x01\\x01" + b"\\x02\\x00\\x00\\x00\\x01\\x02" + b"\\x86\\xdd" + head + fragment)
        """

    @Test func `a header hidden behind a tiny first fragment does not pass`() async throws {
        // Without the filter the trick works, or the test would prove nothing.
        let before = try near.received("kcx000001")
        try far.run("python3", "-c", Self.split)
        try await eventually { try near.received("kcx000001") > before }

        try await filter.apply([.install(structure, FilterContent())])
        let unfiltered = try near.received("kcx000001")
        try far.run("python3", "-c", Self.split)
        try await eventually { try near.counts("inet", "first-fragment") == [1] }
        #expect(try near.received("kcx000001") == unfiltered)

        // An honest fragmented packet still comes through, and a known endpoint may do as it likes.
        #expect(far.succeeds("ping", "-6", "-q", "-c", "1", "-W", "1", "-s", "3000", "fd00:aa::1"))
        try await filter.apply([.add(farVTEP)])
        try far.run("python3", "-c", Self.split)
        try await eventually { try near.received("kcx000001") > unfiltered }
    }
}
