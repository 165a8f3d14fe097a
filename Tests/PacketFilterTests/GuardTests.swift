import Addressing
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import TestNamespaces
import Testing

/// The guards of ports against the kernel, with forged frames: what passes, what does not, and why.
@Suite(.serialized) struct GuardTests {
    var lab: GuardLab

    init() throws {
        lab = try GuardLab()
        try lab.addSegment()
        try lab.addGuest(1)
        try lab.addGuest(2)
    }

    /// From guest 1, all its own.
    static let honest = """
        own, other = gua(1), gua(2)
        def say(name, number, body, src=own, dst=other, hops=64, to=mac(2)):
            send(name, 1, 2, frame(mac(1), to, packet(src, dst, number, body, hops)))
        say("ping", 58, icmp(own, other, 128, bytes(20)))
        say("ping-ll", 58, icmp(lla(1), lla(2), 128, bytes(20)), lla(1), lla(2))
        say("udp", 17, udp(own, other, 1000, 2000))
        say("dhcp-client", 17, udp(lla(1), "ff02::1:2", 546, 547), lla(1), "ff02::1:2", to=group)
        say("tcp", 6, tcp(own, other, 1000, 2000, 2))
        say("sctp", 132, bytes(20))
        say("too-big", 58, icmp(own, other, 2, struct.pack(">I", 1280) + packet(other, own, 17, bytes(8))))
        say("unreachable", 58, icmp(own, other, 1, bytes(4) + packet(other, own, 17, bytes(8))))
        say("first-fragment", 44, fragment(17, 0, 1, udp(own, other, 1, 2, bytes(40))))
        say("later-fragment", 44, fragment(17, 6, 0, bytes(40)))
        say("solicitation", 58, icmp(own, "ff02::1:ff00:2", 135, bytes(4) + ip(other) + b"\\1\\1" + mac(1)), own,
            "ff02::1:ff00:2", 255, group)
        say("probe", 58, icmp(lla(1), other, 135, bytes(4) + ip(other) + b"\\1\\1" + mac(1)), lla(1), other, 255)
        say("advertisement", 58, icmp(own, other, 136, b"\\x60\\0\\0\\0" + ip(own) + b"\\2\\1" + mac(1)), hops=255)
        say("dad", 58, icmp("::", "ff02::1:ff00:1", 135, bytes(4) + ip(own)), "::", "ff02::1:ff00:1", 255, group)
        say("dad-nonce", 58, icmp("::", "ff02::1:ff00:1", 135, bytes(4) + ip(own) + b"\\x0e\\1abcdef"), "::",
            "ff02::1:ff00:1", 255, group)
        say("router-solicitation", 58, icmp("::", "ff02::2", 133, bytes(4)), "::", "ff02::2", 255, group)
        say("router-solicitation-ll", 58, icmp(lla(1), "ff02::2", 133, bytes(4) + b"\\1\\1" + mac(1)), lla(1),
            "ff02::2", 255, group)
        alert = b"\\x3a\\0\\5\\2\\0\\0\\1\\0"
        say("mld", 0, alert + icmp(lla(1), "ff02::16", 143, bytes(24)), lla(1), "ff02::16", 1, group)
        say("mld-unspecified", 0, alert + icmp("::", "ff02::16", 143, bytes(24)), "::", "ff02::16", 1, group)
        """
    static let honestNames: Set = [
        "ping", "ping-ll", "udp", "dhcp-client", "tcp", "sctp", "too-big", "unreachable", "first-fragment",
        "later-fragment", "solicitation", "probe", "advertisement", "dad", "dad-nonce", "router-solicitation",
        "router-solicitation-ll", "mld", "mld-unspecified",
    ]

    @Test func `what an honest guest sends arrives in full`() async throws {
        try await lab.install()
        let arrived = try lab.arrivals(Self.honest)
        #expect(arrived == Self.honestNames, "missing: \(Self.honestNames.subtracting(arrived).sorted())")
        #expect(try await lab.filter.droppedFrames()[lab.port(1)] ?? [:] == [:])
    }

    @Test func `a port of the group of those open to members is not looked up, and only for what members send`()
        async throws
    {
        try await lab.install()
        #expect(lab.canPing(1, "fd01::2"))
        let port = lab.port(2)
        let element = try #require(GuardSet.to.set.text(of: GuardElement.members(port).element))
        try lab.host.run("nft", "delete element bridge kc to { \(element) }")
        #expect(!lab.canPing(1, "fd01::2"))
        try lab.host.run("ip", "link", "set", port.text, "group", "\(KCRuleset.DeviceGroup.members)")
        #expect(lab.canPing(1, "fd01::2"))
        // The host itself is no member.
        try lab.host.run("sysctl", "-q", "net.ipv6.conf.kcb000001.disable_ipv6=0")
        try lab.host.run("ip", "address", "add", "fd01::99/64", "dev", "kcb000001", "nodad")
        #expect(!lab.host.succeeds("ping", "-6", "-q", "-c", "1", "-W", "1", "fd01::2"))
        try lab.host.run("ip", "link", "set", port.text, "group", "0")
        #expect(!lab.canPing(1, "fd01::2"))
    }

    /// From guest 1, each with the reason it is dropped for: `reason/name`.
    static let forged = """
        own, other, alien = gua(1), gua(2), "2001:db8::9"
        def say(name, number, body, src=own, dst=other, hops=64, to=mac(2), source=mac(1), kind=0x86dd, before=b""):
            send(name, 1, 2, frame(source, to, before + packet(src, dst, number, body, hops), kind))
        say("spoofed-ip/alien", 17, udp(alien, other, 1, 2), alien)
        say("spoofed-ip/multicast", 58, icmp("ff02::1", other, 128, bytes(9)), "ff02::1")
        say("spoofed-ip/unspecified", 17, udp("::", "ff02::1", 1, 2), "::", "ff02::1", to=group)
        say("unlearned-ip/neighbour", 17, udp(gua(3), other, 1, 2), gua(3))
        say("foreign-nd/na", 58, icmp(own, other, 136, b"\\x60\\0\\0\\0" + ip(other) + b"\\2\\1" + mac(1)), hops=255)
        say("foreign-nd/na-router", 58, icmp(own, other, 136, b"\\xe0\\0\\0\\0" + ip(own) + b"\\2\\1" + mac(1)), hops=255)
        say("foreign-nd/na-option", 58, icmp(own, other, 136, b"\\x60\\0\\0\\0" + ip(own) + b"\\2\\1" + mac(9)), hops=255)
        say("foreign-nd/ns-option", 58, icmp(own, other, 135, bytes(4) + ip(other) + b"\\1\\1" + mac(9)), hops=255)
        say("foreign-nd/ns-two", 58,
            icmp(own, other, 135, bytes(4) + ip(other) + b"\\1\\1" + mac(1) + b"\\1\\1" + mac(9)), hops=255)
        say("foreign-nd/hops", 58, icmp(own, other, 135, bytes(4) + ip(other)), hops=254)
        ra = struct.pack(">BBHII", 64, 0, 1800, 0, 0)
        say("rogue-ra/plain", 58, icmp(lla(1), "ff02::1", 134, ra), lla(1), "ff02::1", 255, group)
        say("redirect/plain", 58, icmp(lla(1), other, 137, bytes(36)), lla(1), hops=255)
        say("rogue-mld/query", 58, icmp(lla(1), "ff02::1", 130, bytes(20)), lla(1), "ff02::1", 1, group)
        alert = b"\\x3a\\0\\5\\2\\0\\0\\1\\0"
        say("rogue-mld/alert", 0, alert + icmp(lla(1), "ff02::1", 130, bytes(20)), lla(1), "ff02::1", 1, group)
        say("rogue-dhcp/reply", 17, udp(lla(1), lla(2), 547, 546), lla(1), lla(2))
        say("icmp-type/138", 58, icmp(own, other, 138, bytes(20)))
        empty = b"\\x3a\\0\\1\\4\\0\\0\\0\\0"
        say("header-chain/hop-by-hop", 0, empty + icmp(lla(1), "ff02::1", 134, ra), lla(1), "ff02::1", 255, group)
        say("header-chain/options", 60, empty + icmp(lla(1), "ff02::1", 134, ra), lla(1), "ff02::1", 255, group)
        say("header-chain/routing", 43, empty + icmp(own, other, 128, bytes(9)))
        say("header-chain/none", 59, bytes(20))
        say("header-chain/unknown", 253, bytes(20))
        say("fragment/group", 44, fragment(58, 0, 0, icmp(lla(1), "ff02::1", 134, ra)), lla(1), "ff02::1", 255, group)
        say("fragment/link-local", 44, fragment(58, 0, 0, icmp(lla(1), lla(2), 134, ra)), lla(1), lla(2), 255)
        say("fragment/nd", 44, fragment(58, 0, 0, icmp(own, other, 136, bytes(4) + ip(other))), hops=255)
        say("fragment/tiny", 44, fragment(6, 0, 1, bytes(8)))
        say("fragment/later", 44, fragment(17, 6, 0, bytes(40), 99))
        say("rogue-dhcp/fragment", 44, fragment(17, 0, 0, udp(own, other, 547, 546)))
        say("ethertype/vlan", 17, udp(own, other, 1, 2), kind=0x8100, before=b"\\0\\5\\x86\\xdd")
        say("ethertype/vlan0", 58, icmp(lla(1), "ff02::1", 134, ra), lla(1), "ff02::1", 255, group, kind=0x8100,
            before=b"\\0\\0\\x86\\xdd")
        say("ethertype/arp", 17, b"", kind=0x0806)
        say("ethertype/snap", 58, icmp(lla(1), "ff02::1", 134, ra), lla(1), "ff02::1", 255, group, kind=100,
            before=b"\\xaa\\xaa\\3\\0\\0\\0\\x86\\xdd")
        say("spoofed-mac/udp", 17, udp(own, other, 1, 2), source=mac(3))
        """
    static let forgedCount = 32

    @Test func `what a forger sends arrives nowhere, and counts under its reason`() async throws {
        // Without the guard it all arrives, or the test would prove nothing.
        let unguarded = try lab.arrivals(Self.forged)
        #expect(unguarded.count == Self.forgedCount, "\(unguarded.sorted())")

        try await lab.install()
        #expect(try lab.arrivals(Self.forged) == [])
        var expected: [String: UInt64] = [:]
        for name in unguarded { expected[String(name.prefix { $0 != "/" }), default: 0] += 1 }
        let counts = try await lab.filter.droppedFrames()[lab.port(1)] ?? [:]
        #expect(counts == expected)
    }

    @Test func `a claim passes, but not of what another holds or asks for; a learned address may then send`()
        async throws
    {
        var lab = lab
        try lab.addGuest(3)
        let held = try IPv6Address(parsing: "fd01::77")
        lab.desired.bindings[GuardLab.id(1, 1)] = [
            held: Binding(
                address: held, attachment: GuardLab.id(2, 2), host: nil, origin: .learned, since: .init(1))
        ]
        try await lab.install()
        let before = lab.content
        let claims = """
            def claim(name, source, target, address):
                send(name, source, target, frame(mac(source), group,
                    packet("::", "ff02::1:ff00:1", 58, icmp("::", "ff02::1:ff00:1", 135, bytes(4) + ip(address)), 255)))
            claim("free", 1, 2, "fd01::aa")
            claim("again", 1, 2, "fd01::aa")
            claim("rival", 3, 2, "fd01::aa")
            claim("held", 3, 2, "fd01::77")
            claim("foreign", 3, 2, "2001:db8::1")
            claim("own-ll", 3, 2, "fe80::1234")
            send("early", 1, 2, frame(mac(1), mac(2), packet("fd01::aa", gua(2), 17, udp("fd01::aa", gua(2), 1, 2))))
            """
        #expect(try lab.arrivals(claims) == ["free", "again", "own-ll"])
        let learned = try IPv6Address(parsing: "fd01::aa")
        lab.desired.bindings[GuardLab.id(1, 1)]?[learned] = Binding(
            address: learned, attachment: GuardLab.id(2, 1), host: nil, origin: .learned, since: .init(2))
        try await lab.change(from: before)
        #expect(
            try lab.arrivals(
                """
                send("late", 1, 2, frame(mac(1), mac(2), packet("fd01::aa", gua(2), 17, udp("fd01::aa", gua(2), 1, 2))))
                """) == ["late"])
    }

    @Test func `a full table is listed by nft and read back as it was written`() async throws {
        var lab = lab
        let policy = GuardLab.id(5, 1)
        lab.desired.policies[policy] = DesiredPolicy(
            id: policy, generation: 1,
            ingress: [
                PolicyRule(
                    .tcp, ports: [try #require(PortRange(22, 80))],
                    peers: [.prefix(try IPv6Prefix(parsing: "2001:db8::/32"))], log: true, rate: 10)
            ], egress: [PolicyRule(.any)])
        lab.set([.policy(policy)], of: 1)
        lab.desired.attachments[GuardLab.id(2, 2)]?.allowedAddresses = [try IPv6Prefix(parsing: "2001:db8:1::/48")]
        lab.desired.attachments[GuardLab.id(2, 2)]?.limits = AttachmentLimits(
            in: .init(bandwidth: AttachmentLimits.bandwidths.upperBound, packetsPerSecond: 100),
            out: .init(bandwidth: 1_000_000, packetsPerSecond: 100))
        lab.desired.segments[GuardLab.id(1, 1)]?.gateways = [GuardLab.mac(9)]
        try await lab.install()
        let observed = try await lab.filter.observe()
        #expect(observed.digest == lab.structure.digest)
        let (seen, wanted) = (Set(observed.content.elements), Set(lab.content.elements))
        #expect(seen.subtracting(wanted).sorted() == [])
        #expect(wanted.subtracting(seen).sorted() == [])
        let listing = try lab.host.run("nft", "list", "ruleset")
        let count = listing.split(separator: "\n").count { $0.contains("\"\(lab.port(1))\"") }
        #expect(count > 10, "\(listing)")
        // All away and back again by netlink alone.
        try await lab.filter.apply(lab.content.owners.map { .change($0.key, remove: $0.value.sorted(), add: []) })
        #expect(try await lab.filter.observe().content.isEmpty)
        try await lab.filter.apply(lab.content.owners.map { .change($0.key, remove: [], add: $0.value.sorted()) })
        #expect(try await lab.filter.observe().content == lab.content)
    }
}
