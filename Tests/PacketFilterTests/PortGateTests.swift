import Addressing
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing

/// The gate in front of ports, with frames: two guests on one bridge.
@Suite(.serialized) struct PortGateTests {
    let host: TestNamespace
    let guests: [TestNamespace]
    let ports: [InterfaceName]
    let filter: NFTPacketFilter

    init() throws {
        host = try TestNamespace("kcpf")
        guests = [try TestNamespace("kcpf"), try TestNamespace("kcpf")]
        ports = try ["kctaaaaa1", "kctaaaaa2"].map { try InterfaceName($0) }
        filter = NFTPacketFilter(namespace: host.name, worker: worker)
        try host.run("ip", "link", "add", "kcb000001", "type", "bridge", "mcast_snooping", "0")
        try host.run("ip", "link", "set", "kcb000001", "up")
        for (number, (guest, port)) in zip(guests, ports).enumerated() {
            try host.run(
                "ip", "link", "add", port.text, "type", "veth", "peer", "name", "eth0", "address",
                "02:00:00:00:00:0\(number + 1)", "netns", guest.name.text)
            try host.run("ip", "link", "set", port.text, "master", "kcb000001", "up")
            try guest.run("ip", "address", "add", "fd01::\(number + 1)/64", "dev", "eth0", "nodad")
            try guest.run("ip", "link", "set", "eth0", "up")
        }
    }

    func canTalk() -> Bool { guests[0].succeeds("ping", "-6", "-q", "-c", "1", "-W", "1", "fd01::2") }

    func learned() throws -> Bool {
        try host.run("bridge", "fdb", "show").contains("02:00:00:00:00:01 dev kctaaaaa1 master")
    }

    @Test func `without our tables the wire works`() async throws {
        try await eventually { canTalk() }
    }

    @Test func `a port forwards nothing until both ends are ready, and nothing after`() async throws {
        try await filter.apply([.install(KCRuleset.structure(vxlanPort: 4789), ready: [], vteps: [])])
        #expect(!canTalk())
        #expect(try host.counts("bridge", "from-port")[0] > 0)

        try await filter.apply([.addReady(ports[0])])
        let before = try host.counts("bridge", "to-port")[0]
        #expect(!canTalk())
        #expect(try host.counts("bridge", "to-port")[0] > before)

        try await filter.apply([.addReady(ports[1])])
        try await eventually { canTalk() }

        try await filter.apply([.removeReady(ports[0])])
        #expect(!canTalk())
    }

    @Test func `an installation with its elements interrupts nobody`() async throws {
        let structure = KCRuleset.structure(vxlanPort: 4789)
        try await filter.apply([.install(structure, ready: Set(ports), vteps: [])])
        try await eventually { canTalk() }
        // A second of pings, while the whole structure is replaced ten times.
        async let pings = guests[0].run("ping", "-6", "-q", "-c", "500", "-i", "0.002", "-W", "1", "fd01::2")
        for round in 0..<10 {
            let other = KCRuleset.structure(vxlanPort: UInt16(4789 + round))
            try await filter.apply([.install(other, ready: Set(ports), vteps: [])])
        }
        let report = try await pings
        #expect(report.contains(" 0% packet loss"), "\(report)")
    }

    @Test func `a port that is not ready teaches the bridge nothing, not even by a link-local group`() async throws {
        // The group of 802.1X skips the prerouting hook (br_handle_frame), yet the bridge would learn its source.
        let send = """
            import socket
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
            for group in (b"\\x01\\x80\\xc2\\x00\\x00\\x03", b"\\xff" * 6):
                s.send(group + b"\\x02\\x00\\x00\\x00\\x00\\x01" + b"\\x88\\x8e" + bytes(50))
            """
        try await filter.apply([.install(KCRuleset.structure(vxlanPort: 4789), ready: [], vteps: [])])
        // What it learned before there was a gate.
        try host.run("ip", "link", "set", ports[0].text, "type", "bridge_slave", "fdb_flush")
        try guests[0].run("python3", "-c", send)
        #expect(try host.counts("bridge", "from-port-local")[0] > 0)
        #expect(try !learned())
        try await filter.apply([.addReady(ports[0])])
        try guests[0].run("python3", "-c", send)
        #expect(try learned())
    }
}
