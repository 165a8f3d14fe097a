import Addressing
import LinuxBPF
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing

/// Stock clients on both sides of the translator.
@Suite(.serialized) struct GatewayTranslatorTests {
    @Test func `a mapped guest and the IPv4 world reach each other, and see the right addresses`() async throws {
        let lab = try await TranslatorLab()
        try lab.guest.run("ping", "-c2", "-i0.2", "-W2", "-I", "fd00:1::10", TranslatorLab.serverSeen)
        try lab.outside.run("ping", "-c2", "-i0.2", "-W2", "203.0.113.10")
        for mode in ["tcp", "udp"] {
            let size = mode == "tcp" ? 300_000 : 1000
            let out = try lab.talk(
                mode, from: lab.guest, to: TranslatorLab.serverSeen, size: size, by: "fd00:1::10", server: lab.outside,
                at: TranslatorLab.server)
            #expect(out.hasPrefix("back \(size)"), "\(mode): \(out)")
            let back = try lab.talk(
                mode, from: lab.outside, to: "203.0.113.10", size: size, server: lab.guest, at: "fd00:1::10")
            #expect(back.hasPrefix("back \(size)"), "\(mode): \(back)")
        }
        let statistics = try #require(try await lab.translators.statistics(in: lab.gateway.name))
        let traffic = try #require(statistics.traffic[IPv4Address(0xcb00_710a)])
        #expect(traffic.sentPackets > 10 && traffic.receivedPackets > 10, "\(statistics)")
        #expect(statistics.counts[.shortCut, default: 0] > 0, "\(statistics)")
    }

    @Test func `senders without a mapping share the gateway's address`() async throws {
        let lab = try await TranslatorLab()
        try lab.guest.run("ping", "-c2", "-i0.2", "-W2", "-I", "fd00:1::66", TranslatorLab.serverSeen)
        let out = try lab.talk(
            "tcp", from: lab.guest, to: TranslatorLab.serverSeen, size: 300_000, by: "fd00:1::66", server: lab.outside,
            at: TranslatorLab.server)
        #expect(out.hasPrefix("back 300000"), "\(out)")
    }

    @Test func `two mapped guests reach each other by their IPv4 addresses`() async throws {
        let lab = try await TranslatorLab()
        let seen = TranslatorLab.prefix + "203.0.113.11"
        try lab.guest.run("ping", "-c2", "-i0.2", "-W2", "-I", "fd00:1::10", seen)
        let out = try lab.talk(
            "tcp", from: lab.guest, to: seen, size: 300_000, by: "fd00:1::10", server: lab.guest, at: "fd00:1::11")
        #expect(out.hasPrefix("back 300000"), "\(out)")
    }

    @Test func `datagrams without a checksum and datagrams in fragments arrive`() async throws {
        let lab = try await TranslatorLab()
        let plain = try lab.talk(
            "udp-plain", from: lab.outside, to: "203.0.113.10", size: 900, server: lab.guest, at: "fd00:1::10")
        #expect(plain.hasPrefix("back 900"), "\(plain)")
        for size in [3000, 1440, 8000] {
            let inward = try lab.talk(
                "udp-fragments", from: lab.outside, to: "203.0.113.10", size: size, server: lab.guest, at: "fd00:1::10")
            #expect(inward.hasPrefix("back \(size)"), "\(inward)")
            let outward = try lab.talk(
                "udp", from: lab.guest, to: TranslatorLab.serverSeen, size: size, by: "fd00:1::10", server: lab.outside,
                at: TranslatorLab.server)
            #expect(outward.hasPrefix("back \(size)"), "\(outward)")
        }
    }

    @Test func `a smaller path is found from both sides`() async throws {
        let lab = try await TranslatorLab()
        // The IPv6 side: what does not fit the segment is answered with an IPv4 error.
        let tooBig = lab.outside.succeeds("ping", "-c1", "-W1", "-M", "do", "-s", "1440", "203.0.113.10")
        #expect(!tooBig)
        let learned = try lab.outside.run("ip", "route", "get", "203.0.113.10")
        #expect(learned.contains("mtu 1402") || learned.contains("mtu 1410"), "\(learned)")
        // The IPv4 side: a router behind the gateway whose next link is small.
        let far = try TestNamespace("kxf")
        try lab.outside.run(
            "ip", "link", "add", "far", "mtu", "1280", "type", "veth", "peer", "name", "eth0", "mtu", "1280", "netns",
            far.name.text)
        try lab.outside.run("ip", "link", "set", "far", "up")
        try lab.outside.run("ip", "address", "add", "192.168.9.1/24", "dev", "far")
        try lab.outside.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        try lab.gateway.run("ip", "route", "add", "192.168.9.0/24", "via", "198.51.100.2")
        try far.run("ip", "link", "set", "eth0", "up")
        try far.run("ip", "address", "add", "192.168.9.2/24", "dev", "eth0")
        try far.run("ip", "route", "add", "default", "via", "192.168.9.1")
        let seen = TranslatorLab.prefix + "192.168.9.2"
        let answer = try lab.guest.run(
            "sh", "-c", "ping -c2 -W1 -s 1370 -M do -I fd00:1::10 \(seen) 2>&1 || true")
        #expect(answer.contains("Packet too big: mtu=1300"), "\(answer)")
        try lab.guest.run("ping", "-c1", "-W1", "-s", "1240", "-M", "do", "-I", "fd00:1::10", seen)
    }

    @Test func `the gateway is one hop of a path, either way`() async throws {
        let lab = try await TranslatorLab()
        // TIME EXCEEDED comes from the gateway with the first hop, the answer with the second.
        #expect(!lab.guest.succeeds("ping", "-c1", "-W1", "-t1", "-I", "fd00:1::10", TranslatorLab.serverSeen))
        #expect(lab.guest.succeeds("ping", "-c1", "-W1", "-t2", "-I", "fd00:1::10", TranslatorLab.serverSeen))
        #expect(!lab.outside.succeeds("ping", "-c1", "-W1", "-t1", "203.0.113.10"))
        #expect(lab.outside.succeeds("ping", "-c1", "-W1", "-t2", "203.0.113.10"))
        let refused = try lab.outside.run("sh", "-c", "ping -c1 -W1 -t1 203.0.113.10 || true")
        #expect(refused.contains("From 198.51.100.1"), "\(refused)")
    }

    @Test func `asked again it changes nothing, and what is missing comes back`() async throws {
        let lab = try await TranslatorLab()
        let spec = try TranslatorLab.spec()
        #expect(try await lab.translators.observe(in: lab.gateway.name) == spec)
        try lab.guest.run("ping", "-c1", "-W2", "-I", "fd00:1::10", TranslatorLab.serverSeen)
        let before = try lab.gateway.run("tc", "filter", "show", "dev", "nat0", "egress")
        try await lab.translators.ensure(spec, in: lab.gateway.name)
        #expect(try lab.gateway.run("tc", "filter", "show", "dev", "nat0", "egress") == before)
        let statistics = try await lab.translators.statistics(in: lab.gateway.name)
        #expect(statistics?.traffic[IPv4Address(0xcb00_710a)]?.sentPackets == 1)

        let damages = [
            ["tc", "qdisc", "delete", "dev", "nat0", "clsact"], ["tc", "qdisc", "delete", "dev", "up0", "clsact"],
            ["ip", "link", "delete", "nat0"], ["ip", "route", "delete", "203.0.113.10"],
            ["ip", "-6", "route", "delete", TranslatorLab.prefix + "/96"],
        ]
        for words in damages {
            try lab.gateway.run(words)
            #expect(try await lab.translators.observe(in: lab.gateway.name) == nil, "\(words)")
            try await lab.translators.ensure(spec, in: lab.gateway.name)
            #expect(try await lab.translators.observe(in: lab.gateway.name) == spec, "\(words)")
            try lab.guest.run("ping", "-c1", "-W2", "-I", "fd00:1::10", TranslatorLab.serverSeen)
        }

        var other = spec
        other.mappings = [IPv4Address(0xcb00_710c): try IPv6Address(parsing: "fd00:1::10")]
        try await lab.translators.ensure(other, in: lab.gateway.name)
        #expect(try await lab.translators.observe(in: lab.gateway.name) == other)
        try lab.outside.run("ping", "-c1", "-W2", "203.0.113.12")
        #expect(!lab.outside.succeeds("ping", "-c1", "-W1", "203.0.113.10"))

        try await lab.translators.remove(in: lab.gateway.name)
        #expect(try await lab.translators.observe(in: lab.gateway.name) == nil)
        #expect(!lab.gateway.succeeds("ip", "link", "show", "nat0"))
        #expect(try !lab.gateway.run("tc", "filter", "show", "dev", "up0", "ingress").contains("nat64"))
    }
}
