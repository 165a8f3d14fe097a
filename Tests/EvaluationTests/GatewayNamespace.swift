import Addressing
import Glibc
import LinuxProcesses
import NFTables
import NetworkModel
import NodePorts
import Resources
import SeededRandomness
import TestNamespaces
import Testing
import Waiting

@testable import NetworkPlanning

/// Two segments and a way out, as veths whose far ends are heard.
struct GatewayNamespace {
    let namespace: TestNamespace
    let wire: NamespaceThread<Wire>
    let world: World

    static let prefixes = [1, 2].map {
        IPv6Prefix(containing: IPv6Address(high: 0xfd01_0000_0000_0000 + UInt64($0), low: 0), length: 64)
    }
    static let routerMACs = (0..<3).map { MACAddress(0x0200_0000_00f0 + UInt64($0)) }
    static let outside = [0x2001_0db8_0000_0001, 0x2001_0db8_00ff_0000].map { IPv6Address(high: $0, low: 9) }

    static func guests(_ segment: Int) -> [IPv6Address] {
        (1...3).map { IPv6Address(high: prefixes[segment].address.high, low: UInt64(0x100 + $0)) }
    }

    init() throws {
        namespace = try TestNamespace("kcgw")
        var world = try World()
        world.ports = try ["seg00012c", "seg00012d", "up0"].enumerated().map { number, name in
            World.Port(
                kind: .gateway, name: try InterfaceName(name), peer: "peer\(number)", mac: Self.routerMACs[number],
                addresses: [])
        }
        self.world = world
        try namespace.run("sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")
        try namespace.run("ip", "link", "add", World.bridge, "type", "bridge")
        for port in world.ports {
            let name = port.name.text
            try namespace.run(
                "ip", "link", "add", name, "address", port.mac.description, "type", "veth", "peer", "name", port.peer)
            try namespace.run("ip", "link", "set", name, "addrgenmode", "none")
            for (key, value) in [("disable_ipv6", 0), ("accept_dad", 0), ("forwarding", 1)] {
                try namespace.run("sysctl", "-q", "-w", "net.ipv6.conf.\(name).\(key)=\(value)")
            }
            try namespace.run("ip", "link", "set", port.peer, "up")
            try namespace.run("ip", "link", "set", name, "up")
        }
        try namespace.run("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
        try namespace.run("ip", "link", "set", World.bridge, "up")
        for (number, prefix) in Self.prefixes.enumerated() {
            let name = world.ports[number].name.text
            let own = IPv6Address(high: prefix.address.high, low: 0xff)
            for address in ["fe80::1/64", "\(own)/64"] {
                try namespace.run("ip", "address", "add", address, "dev", name, "nodad")
            }
            try namespace.run("ip", "-6", "route", "add", "unreachable", "\(prefix)", "metric", "4294967294")
            for guest in Self.guests(number) { try Self.neighbour(guest, name, namespace) }
        }
        try namespace.run("ip", "address", "add", "fe80::2/64", "dev", "up0", "nodad")
        try Self.neighbour(.segmentRouter, "up0", namespace)
        try namespace.run("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "up0")
        wire = NamespaceThread("kc-wire", in: namespace.name) { [world] () throws(NodeError) -> Wire in
            try Wire(world)
        }
    }

    private static func neighbour(_ address: IPv6Address, _ device: String, _ namespace: TestNamespace) throws {
        try namespace.run(
            "ip", "neighbour", "add", "\(address)", "lladdr", "02:00:00:00:0e:0e", "dev", device, "nud", "permanent")
    }

    /// Puts a filter without policies here.
    func load(newFlowsPerSource: UInt64) throws {
        let segments = zip(world.ports, Self.prefixes).map { port, prefix in
            GatewayRuleset.Segment(interface: port.name, prefix: prefix)
        }
        let filter = GatewayRuleset(segments: segments, newFlowsPerSource: newFlowsPerSource)
        let known = GatewayRuleset.change(add: true, Self.guests(0) + Self.guests(1))
        try Laboratory.load(filter.ruleset.text + known, in: namespace)
    }

    /// How many UDP packets, one from each of these ports, come from a guest of one segment to one of the other.
    func forwarded(fromPorts ports: [UInt16]) async throws -> Int {
        let (guest, other) = (Self.guests(0)[0], Self.guests(1)[0])
        let frames = ports.map { port in
            (
                sender: 0,
                bytes: WayPacket(.udp(9), fromPort: port, from: guest, to: other)
                    .frame(to: Self.routerMACs[0], from: MACAddress(0x0200_0000_0e0e))
            )
        }
        let heard = try await wire.run { wire throws(NodeError) in try wire.exchange(frames) }
        return heard[1].filter { $0.count > 54 && $0[20] == 17 }.count
    }

    /// What the filter has dropped, by reason.
    func drops() throws -> [String: UInt64] {
        let text = try namespace.run("nft", "-j", "list", "counters", "table", "inet", "kc")
        var drops: [String: UInt64] = [:]
        guard case .array(let items)? = try JSONParser.parse(Array(text.utf8))["nftables"]?.content else { return [:] }
        for item in items {
            guard let counter = item["counter"], let name = counter["name"]?.string, name.hasPrefix("drop-") else {
                continue
            }
            drops[String(name.dropFirst(5))] = counter["packets"].flatMap { UInt64($0.excerpt) }
        }
        return drops
    }
}
