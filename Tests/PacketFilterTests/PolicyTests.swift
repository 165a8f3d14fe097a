import Addressing
import FoundationEssentials
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import TestNamespaces
import Testing

/// Policies against the kernel: guest 1 and 2 in a segment whose gateway is guest 3.
@Suite(.serialized) struct PolicyTests {
    var lab: GuardLab
    let policy = GuardLab.id(5, 1)

    init() throws {
        lab = try GuardLab()
        try lab.addSegment()
        for number in 1...2 { try lab.addGuest(number) }
        try lab.addGuest(3, policies: [.builtIn(.allowAll)])
        lab.desired.segments[GuardLab.id(1, 1)]?.gateways = [GuardLab.mac(3)]
    }

    /// Frames from a member (1) and from beyond the gateway (3) to guest 2, and back.
    static let talk = """
        far = "2001:db8::9"
        def come(name, number, body, src=far, hops=64):
            send(name, 3, 2, frame(mac(3), mac(2), packet(src, gua(2), number, body, hops)))
        def leave(name, number, body, dst=far):
            send(name, 2, 3, frame(mac(2), mac(3), packet(gua(2), dst, number, body)))
        def inside(name, number, body):
            send(name, 1, 2, frame(mac(1), mac(2), packet(gua(1), gua(2), number, body)))

        """

    /// Each kind of packet once.
    static let all =
        talk + """
            inside("member-udp", 17, udp(gua(1), gua(2), 5, 22))
            inside("member-tcp", 6, tcp(gua(1), gua(2), 5, 22, 2))
            inside("member-ping", 58, icmp(gua(1), gua(2), 128, bytes(9)))
            come("udp-22", 17, udp(far, gua(2), 5, 22))
            come("tcp-22", 6, tcp(far, gua(2), 6, 22, 2))
            come("tcp-23", 6, tcp(far, gua(2), 6, 23, 2))
            come("ping", 58, icmp(far, gua(2), 128, bytes(9)))
            come("too-big", 58, icmp(far, gua(2), 2, bytes(52)))
            come("other", 58, icmp(far, gua(2), 200, bytes(9)))
            send("ra", 3, 2, frame(mac(3), group, packet(lla(3), "ff02::1", 58, icmp(lla(3), "ff02::1", 134,
                struct.pack(">BBHII", 64, 0, 1800, 0, 0)), 255)))
            send("dhcp", 3, 2, frame(mac(3), mac(2), packet(lla(3), lla(2), 17, udp(lla(3), lla(2), 547, 546))))
            come("reply-early", 17, udp(far, gua(2), 53, 4000))
            leave("ask-udp", 17, udp(gua(2), far, 4000, 53))
            come("reply-udp", 17, udp(far, gua(2), 53, 4000))
            come("reply-wrong", 17, udp(far, gua(2), 53, 4001))
            leave("ask-tcp", 6, tcp(gua(2), far, 4000, 80, 2))
            come("reply-tcp", 6, tcp(far, gua(2), 80, 4000, 0x12))
            leave("ask-sctp", 132, bytes(20))
            come("reply-sctp", 132, bytes(20))
            """
    /// What every policy lets through: answers, what RFC 4890 asks for, the gateway's words.
    static let always: Set = [
        "member-ping", "ping", "too-big", "ra", "dhcp", "ask-udp", "reply-udp", "ask-tcp", "reply-tcp", "ask-sctp",
        "reply-sctp",
    ]
    static let members: Set = ["member-udp", "member-tcp"]

    @Test func `what may come is what the built-in policies say`() async throws {
        var lab = lab
        try await lab.install()
        #expect(try lab.arrivals(Self.all) == Self.always.union(Self.members))
        for (builtIn, more) in [
            (BuiltInPolicy.denyIn, Set<String>()),
            (.allowAll, Self.members.union(["udp-22", "tcp-22", "tcp-23", "other", "reply-early", "reply-wrong"])),
        ] as [(BuiltInPolicy, Set<String>)] {
            lab.set([.builtIn(builtIn)], of: 2)
            // Anew, so that nothing that the last round began is known.
            try await lab.filter.apply([.uninstall])
            try await lab.install()
            #expect(try lab.arrivals(Self.all) == Self.always.union(more), "\(builtIn)")
        }
    }

    @Test func `a port whose policies cannot be built passes nothing, and others everything`() async throws {
        var lab = lab
        try await lab.install()
        #expect(lab.canPing(1, "fd01::2") && lab.canPing(2, "fd01::1") && lab.canPing(1, "fd01::3"))
        let old = lab.content
        lab.set([.policy(policy), .builtIn(.allowSegment)], of: 2)
        let crowd = GuardLab.id(5, 2)
        lab.desired.policies[policy] = rules([PolicyRule(.any, peers: [.members(.id(crowd))])])
        lab.desired.members[crowd] = Set((0...16_384).map { IPv6Address(high: 0x2001_0db8 << 32, low: $0) })
        try await lab.change(from: old)
        // Not even what every policy lets through, and what had begun.
        #expect(try lab.arrivals(Self.all).isEmpty)
        #expect(!lab.canPing(1, "fd01::2") && !lab.canPing(2, "fd01::1"))
        #expect(lab.canPing(1, "fd01::3") && lab.canPing(3, "fd01::1"))
        let closed = lab.content
        lab.desired.members[crowd] = [try IPv6Address(parsing: "2001:db8::9")]
        try await lab.change(from: closed)
        #expect(lab.canPing(1, "fd01::2") && lab.canPing(2, "fd01::1"))
    }

    private func rules(_ rules: [PolicyRule], egress: [PolicyRule]? = nil) -> DesiredPolicy {
        DesiredPolicy(id: policy, generation: 1, ingress: rules, egress: egress)
    }

    @Test func `own rules: ports, prefixes, members of a policy, and an overlap counts once`() async throws {
        var lab = lab
        let friends = GuardLab.id(5, 2)
        lab.desired.members[friends] = [try IPv6Address(parsing: "fd01::1")]
        lab.desired.policies[policy] = rules([
            PolicyRule(
                .tcp, ports: [try #require(PortRange(20, 22))],
                peers: [.prefix(try IPv6Prefix(parsing: "2001:db8::/32"))]),
            PolicyRule(
                .tcp, ports: [try #require(PortRange(22, 22))],
                peers: [.prefix(try IPv6Prefix(parsing: "2001:db8::/64"))]),
            PolicyRule(.icmpv6, types: [200]),
            PolicyRule(.udp, peers: [.members(.id(friends))]),
        ])
        lab.set([.policy(policy)], of: 2)
        try await lab.install()
        #expect(try lab.arrivals(Self.all) == Self.always.union(["tcp-22", "other", "member-udp"]))
        #expect(try await lab.drops(2, .policy) > 0)
    }

    @Test func `what leaves is what egress rules say, and answers to what came`() async throws {
        var lab = lab
        lab.desired.policies[policy] = rules(
            [PolicyRule(.tcp, ports: [try #require(PortRange(22, 22))])],
            egress: [PolicyRule(.udp, ports: [try #require(PortRange(53, 53))])])
        lab.set([.policy(policy)], of: 2)
        try await lab.install()
        let arrived = try lab.arrivals(
            Self.talk + """
                leave("dns", 17, udp(gua(2), far, 4000, 53))
                come("dns-reply", 17, udp(far, gua(2), 53, 4000))
                leave("web", 6, tcp(gua(2), far, 4000, 80, 2))
                leave("ping", 58, icmp(gua(2), far, 128, bytes(9)))
                leave("reply-early", 6, tcp(gua(2), far, 22, 6, 0x12))
                come("ssh", 6, tcp(far, gua(2), 6, 22, 2))
                leave("reply", 6, tcp(gua(2), far, 22, 6, 0x12))
                leave("fragment", 44, fragment(17, 0, 1, udp(gua(2), far, 4000, 53, bytes(40)), 5))
                leave("fragment-rest", 44, fragment(17, 6, 0, bytes(40), 5))
                leave("hidden", 44, fragment(17, 0, 1, udp(gua(2), far, 4000, 80, bytes(40)), 6))
                leave("hidden-rest", 44, fragment(17, 6, 0, bytes(40), 6))
                """)
        #expect(arrived == ["dns", "dns-reply", "ping", "ssh", "reply", "fragment", "fragment-rest"])
    }

    @Test func `flows live on over a change of policy and over a new structure`() async throws {
        var lab = lab
        try await lab.install()
        #expect(
            try lab.arrivals(Self.talk + #"leave("ask", 6, tcp(gua(2), far, 4000, 80, 2))"#) == ["ask"])
        let answer = Self.talk + #"come("reply", 6, tcp(far, gua(2), 80, 4000, 0x12))"#
        let before = lab.content
        lab.set([.builtIn(.denyIn)], of: 2)
        try await lab.change(from: before)
        #expect(try lab.arrivals(answer) == ["reply"])
        let drops = try await lab.filter.droppedFrames()
        try await lab.filter.apply([.install(KCRuleset.structure(vxlanPort: 4790), lab.content)])
        #expect(try lab.arrivals(answer) == ["reply"])
        let kept = try await lab.filter.droppedFrames()
        for (port, counts) in drops {
            for (reason, count) in counts { #expect(kept[port]?[reason] ?? 0 >= count, "\(port) \(reason)") }
        }
    }

    @Test func `equal addresses on two segments never meet`() async throws {
        var lab = lab
        try lab.addSegment(2)
        try lab.addGuest(4, on: 2, address: "fd01::2", policies: [.builtIn(.denyIn)])
        try lab.addGuest(5, on: 2, address: "fd01::3", policies: [.builtIn(.allowAll)])
        lab.desired.segments[GuardLab.id(1, 2)]?.gateways = [GuardLab.mac(5)]
        try await lab.install()
        let arrived = try lab.arrivals(
            Self.talk + """
                leave("ask", 17, udp(gua(2), far, 4000, 53))
                send("elsewhere", 5, 4, frame(mac(5), mac(4), packet(far, gua(2), 17, udp(far, gua(2), 53, 4000))))
                come("reply", 17, udp(far, gua(2), 53, 4000))
                """)
        #expect(arrived == ["ask", "reply"])
    }

    @Test func `a router is led back into its segment only to addresses that somebody has`() async throws {
        var lab = lab
        let held = try IPv6Address(parsing: "fd01::2")
        lab.desired.bindings[GuardLab.id(1, 1), default: [:]][held] = Binding(
            address: held, attachment: GuardLab.id(2, 2), host: GuardLab.id(9, 1), origin: .assigned, since: Revision(1)
        )
        try await lab.install()
        let arrived = try lab.arrivals(
            Self.talk + """
                def through(name, target):
                    body = icmp(gua(1), target, 128, bytes(9))
                    send(name, 1, 3, frame(mac(1), mac(3), packet(gua(1), target, 58, body)))
                through("out", far)
                through("held", gua(2))
                through("router", gua(3))
                through("link-local", lla(3))
                for number in range(0x100, 0x120): through("nobody", gua(number))
                """)
        #expect(arrived == ["out", "held", "router", "link-local"])
        let drops = try await lab.filter.droppedFrames()[lab.port(3)] ?? [:]
        #expect(drops[DropReason.unlearnedIP.rawValue] ?? 0 >= 32, "\(drops)")
    }

    @Test(arguments: [false, true])
    func `while policies of 1,000 ports change, no allowed packet is lost and no forbidden one passes`(
        withinPolicy: Bool
    ) async throws {
        var lab = lab
        lab.desired.policies[policy] = rules([PolicyRule(.udp, ports: [try #require(PortRange(7, 7))])])
        lab.set([.policy(policy)], of: 2)
        // Ports without a device: elements are all there is of them.
        for number in 10..<1_010 {
            let id = ResourceID(
                UUID(
                    uuid: (
                        UInt8(number >> 8), UInt8(number & 0xff), 1, 2, 3, 4, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1
                    )))
            lab.desired.attachments[id] = DesiredAttachment(
                id: id, generation: 1, segment: GuardLab.id(1, 1), mac: GuardLab.mac(number), addresses: [], port: .tap,
                policies: [.policy(policy)])
        }
        try await lab.install()
        let names = lab.guests.map(\.name.text)
        let flood = """
            import os, socket, ctypes, time, struct
            libc = ctypes.CDLL(None)
            def enter(name):
                with open("/run/netns/" + name) as place: assert libc.setns(place.fileno(), 0x40000000) == 0
            enter("\(names[1])")
            ears = {}
            for port in (7, 9):
                s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("fd01::2", port)); s.setblocking(False)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22); ears[port] = s
            enter("\(names[2])")
            mouths = {}
            mouth = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            # A new source port each time: each packet asks the policy anew.
            def say(port, n):
                m = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); m.bind(("fd01::3", 20000 + n))
                m.sendto(b"x", ("fd01::2", port)); m.close()
            mouth.sendto(b"x", ("fd01::2", 9)); time.sleep(0.3)
            sent, end = 0, time.monotonic() + 4
            while time.monotonic() < end:
                say(7, sent); say(9, sent); sent += 1; time.sleep(0.0005)
            time.sleep(0.3)
            heard = {7: 0, 9: 0}
            for port, s in ears.items():
                while True:
                    try: s.recv(9); heard[port] += 1
                    except BlockingIOError: break
            print(sent, heard[7], heard[9])
            """
        let host = lab.host
        async let output = host.run("python3", "-c", flood)
        var slowest = Duration.zero
        for round in 0..<10 {
            let before = lab.content
            if withinPolicy {
                // The same profile with other boxes: the one that counts grows and shrinks.
                lab.desired.policies[policy] = rules([
                    PolicyRule(.udp, ports: [try #require(PortRange(round % 2 == 0 ? 6 : 7, 7))]),
                    PolicyRule(.tcp, ports: [try #require(PortRange(80, UInt16(90 + round)))]),
                ])
            } else {
                // Other rules beside the one that counts, and another profile for all: 1,001 ports change.
                let extra = GuardLab.id(5, 10 + round)
                lab.desired.policies[extra] = DesiredPolicy(
                    id: extra, generation: 1, ingress: [PolicyRule(.tcp, ports: [try #require(PortRange(80, 90))])])
                for id in lab.desired.attachments.keys where id != GuardLab.id(2, 1) && id != GuardLab.id(2, 3) {
                    lab.desired.attachments[id]?.policies = [.policy(policy), .policy(extra)]
                }
            }
            let current = lab
            slowest = max(slowest, try await ContinuousClock().measure { try await current.change(from: before) })
        }
        let numbers = try await output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        print("1,000 ports, within a policy \(withinPolicy), planned and changed in at most \(slowest): \(numbers)")
        let (sent, allowed, forbidden) = (try #require(numbers.first), numbers[1], numbers[2])
        let drops = try await lab.filter.droppedFrames()[lab.port(2)] ?? [:]
        #expect(sent > 500 && forbidden == 0, "\(numbers)")
        #expect(allowed == sent, "\(numbers) \(drops)")
    }
}
