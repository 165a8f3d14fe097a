import Addressing
import NetworkModel
import NetworkPlanning
import NodePortsTesting
import Resources
import Testing

/// What a host cannot have: said with names and values, and nothing done about it.
@Suite struct RefusalTests {
    @Test func `an underlay interface that does not exist makes everything unfit`() throws {
        var world = try World()
        world.model.set(name("eth0"), nil)
        let message =
            "unfit: the underlay interface eth0 does not exist on this host; create it, or name the right one "
            + "(`kcnet host update h1 --interface NAME`)"
        #expect(world.refusal(.segment(world.segment)) == message)
        #expect(world.refusal(.attachment(world.attachment)) == message)
        #expect(world.reports()[.host]?.phase == .unfit)
        #expect(world.model[nil]?.devices.count == 1)
    }

    @Test func `an underlay interface without the host's address is unfit`() throws {
        var world = try World()
        world.model[nil]?.addresses = [:]
        #expect(
            world.refusal(.segment(world.segment))?.hasPrefix(
                "unfit: the underlay interface eth0 does not have the address fd00::1; add it") == true)
    }

    @Test func `a small underlay is unfit for the segments that do not fit, and what forwards already stays`() throws {
        var world = try World()
        #expect(world.reports()[.attachment(world.attachment)]?.phase == .wired)
        let before = world.model.description
        world.set("eth0", mtu: 1499)
        let message =
            "unfit: the segment's MTU 1430 needs 1500 bytes on the underlay (70 more for VXLAN), and eth0 has MTU 1499; "
            + "raise it on the whole way (`ip link set eth0 mtu 1500`)"
        #expect(world.refusal(.segment(world.segment)) == message)
        #expect(world.plan.isEmpty)
        world.set("eth0", mtu: 1500)
        #expect(world.model.description == before)
    }

    @Test func `multicast replication needs an interface that carries multicast, unicast does not`() throws {
        for replication in Replication.allCases {
            var world = try World(replication: replication)
            world.model[nil]?.devices[name("eth0")]?.isMulticast = false
            let refusal = world.refusal(.attachment(world.attachment))
            switch replication {
            case .unicast: #expect(refusal == nil)
            case .multicast: #expect(refusal?.contains("eth0 does not carry it") == true)
            }
        }
    }

    @Test(arguments: ["kcb00012c", "kcx00012c"]) func `a foreign device with a segment's name is left alone`(
        taken: String
    ) throws {
        var world = try World()
        world.set(taken, .bridge, alias: "mine")
        let before = world.model.foreign
        #expect(
            world.refusal(.segment(world.segment))
                == "failed: a device named \(taken) exists on this host and is not KC's (it has the alias 'mine'); KC "
                + "leaves it alone: rename or delete it (`ip link delete \(taken)`)")
        let reports = world.reports()
        #expect(reports[.segment(world.segment)]?.phase == .failed)
        #expect(reports[.attachment(world.attachment)]?.phase == .failed)
        #expect(world.model.foreign == before)
    }

    @Test func `a foreign device with a port's name is left alone`() throws {
        var world = try World()
        let port = InterfaceName.port(world.attachment.bytes)
        world.set(port.text, .tap)
        #expect(world.refusal(.attachment(world.attachment))?.contains("named \(port) exists on this host") == true)
        #expect(world.refusal(.segment(world.segment)) == nil)
    }

    @Test func `a foreign VXLAN with the same VNI and UDP port is named; another UDP port is no matter`() throws {
        for port: UInt16 in [4789, 8472] {
            var world = try World()
            world.set(
                "vx0",
                .vxlan(
                    VXLANSettings(
                        vni: try VNI(World.vni), group: nil, local: Scenario.vtep, link: name("eth0"), port: port,
                        hopLimit: 1)))
            let refusal = world.refusal(.segment(world.segment))
            if port == 4789 {
                #expect(
                    refusal == "failed: the VXLAN device vx0, which is not KC's, has VNI 300 and UDP port 4789 on this "
                        + "host already; delete it (`ip link delete vx0`) or give the segment another VNI")
            } else {
                #expect(refusal == nil)
            }
        }
    }

    @Test func `an attachment for a namespace that is not there waits for it, and then is wired`() throws {
        var world = try World(port: .namespace(NamespaceName("web")!, interface: name("eth0")))
        #expect(
            world.reports()[.attachment(world.attachment)]?.message
                == "waits for the network namespace web on this host; create it (`ip netns add web`)")
        world.model.createNamespace(NamespaceName("web")!)
        #expect(world.reports()[.attachment(world.attachment)]?.phase == .wired)
        #expect(world.model[NamespaceName("web")!]?.devices[name("eth0")]?.settings.mac?.value == 0x026b_6300_0001)
    }

    @Test func `a foreign device in the named namespace, and a gateway's namespace, are refused`() throws {
        var world = try World(port: .namespace(NamespaceName("web")!, interface: name("eth0")))
        world.model.createNamespace(NamespaceName("web")!)
        world.set("eth0", in: NamespaceName("web")!)
        #expect(
            world.refusal(.attachment(world.attachment))?.hasPrefix(
                "failed: a device named eth0 exists in namespace web and is not KC's") == true)
        world.add(.namespace(NamespaceName("kcg-x")!, interface: name("eth0")))
        #expect(world.refusal(.attachment(world.attachment))?.contains("is for a gateway of KC") == true)
    }

    @Test func `an external interface that is too small for its segment is given back as it would not be taken`() throws
    {
        var world = try World(port: .external(name("ext0")))
        world.set("ext0", mtu: 1450)
        let before = world.model
        try #require(world.model.apply(world.plan.steps).isEmpty)
        try #require(world.model.filter.ready == [name("ext0")])
        world.desired.segments[world.segment]?.mtu = try MTU(1450)
        #expect(!world.plan.steps.contains { if case .filter(.close) = $0.operation { true } else { false } })
        world.desired.underlay = Underlay.Spec(mtu: try MTU(9000))
        world.model[nil]?.devices[name("eth0")]?.settings.mtu = 9000
        world.desired.segments[world.segment]?.mtu = try MTU(1451)
        #expect(
            world.refusal(.attachment(world.attachment))
                == "unfit: the interface ext0 has MTU 1450, less than the segment's 1451; raise it "
                + "(`ip link set ext0 mtu 1451`)")
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.model[nil]?.devices[name("ext0")] == before[nil]?.devices[name("ext0")])
        #expect(world.model.filter.ready.isEmpty)
        #expect(world.plan.isEmpty, "\(world.plan)")
    }

    @Test func `an external interface that somebody lives on is refused with the reason`() throws {
        func reason(_ bend: (inout World) throws -> Void) throws -> String? {
            var world = try World(port: .external(name("ext0")))
            world.set("ext0")
            try bend(&world)
            let refusal = world.refusal(.attachment(world.attachment))
            if refusal != nil {
                let before = world.model.foreign
                _ = world.reports()
                #expect(world.model.foreign == before)
            }
            return refusal
        }
        #expect(try reason { _ in } == nil)
        #expect(
            try reason { $0.model[nil]?.addresses[name("ext0")] = [InterfaceAddress(Scenario.vtep, length: 64)] }
                == "failed: the interface ext0 cannot be an attachment: it has the address fd00::1; remove its addresses "
                + "first")
        #expect(
            try reason {
                $0.model[nil]?.addresses[name("ext0")] = [
                    InterfaceAddress(IPv6Address(high: 0, low: 0xffff_c000_0201), length: 120)
                ]
            }?.contains("the address 192.0.2.1;") == true)
        #expect(try reason { $0.model[nil]?.routed = [name("ext0")] }?.contains("carries routes") == true)
        #expect(
            try reason {
                $0.set("br9", .bridge)
                $0.set("ext0", master: "br9")
            }?.contains("is part of br9") == true)
        #expect(try reason { $0.add(.external(name("eth0"))) }?.contains("carries the underlay") == true)
        #expect(try reason { $0.set("ext0", .bridge) }?.contains("is a bridge or VXLAN") == true)
        #expect(try reason { $0.add(.external(name("lo"))) }?.contains("loopback") == true)
        #expect(try reason { $0.set("ext0", alias: "kc:of/tomorrow") }?.contains("KC's own") == true)
        #expect(
            try reason { $0.set("ext0", mtu: 1400) }
                == "unfit: the interface ext0 has MTU 1400, less than the segment's 1430; raise it "
                + "(`ip link set ext0 mtu 1430`)")
        #expect(
            try reason { $0.model.set(name("ext0"), nil) }
                == "pending: waits for the interface ext0, which does not exist on this host")
    }

    @Test func `of two attachments that name one interface the first has it, by id, and keeps it`() throws {
        var world = try World(port: .external(name("ext0")))
        world.set("ext0")
        world.add(.external(name("ext0")), as: Scenario.id(kind: 2, 0))
        let reports = world.reports()
        #expect(reports[.attachment(Scenario.id(kind: 2, 0))]?.phase == .wired)
        #expect(
            reports[.attachment(world.attachment)]?.message
                == "the interface ext0 is the port of attachment \(Scenario.id(kind: 2, 0))")
    }

    @Test func `a bridge takes 1,022 attachments beside its VXLAN; the next is refused by name`() throws {
        var world = try World()
        let ids = (0..<1023).map { number in
            ResourceID("\(String(0x1000_0000 + number * 0x1_0001, radix: 16))-0000-4000-8000-000000000000")!
        }
        world.desired.attachments = [:]
        for id in ids { world.add(.tap, as: id) }
        let plan = world.plan
        #expect(plan.refusals.map(\.subject) == [.attachment(ids[1022])])
        #expect(
            plan.refusals.first?.message
                == "the bridge kcb00012c has 1023 ports, as many as a Linux bridge takes; bind "
                + "the attachment to another host")
        #expect(world.model.apply(plan.steps).isEmpty)
        #expect(world.plan.isEmpty)
        // One goes, the refused one takes its place within the same plan.
        world.desired.attachments[ids[4]] = nil
        #expect(world.model.apply(world.plan.steps).isEmpty)
        #expect(world.plan == HostPlan())
        // Alone it is judged as with all others.
        world.add(.tap, as: ids[4])
        let part = HostPlanner.plan(
            desired: world.desired, observed: world.model.observed, scope: PlanScope(attachments: [ids[4]]))
        #expect(part.refusals.map(\.subject) == [.attachment(ids[4])])
    }

    @Test func `a foreign namespace with a gateway's name is left alone`() throws {
        var world = try World()
        world.add(.gateway(world.gateway))
        world.desired.gateways[world.gateway] = DesiredGateway(
            id: world.gateway, generation: 1, ports: [world.segment: world.attachment], resolvers: [])
        let namespace = NamespaceName.gateway(world.gateway)
        world.model.createNamespace(namespace)
        world.set("theirs", in: namespace)
        let before = world.model.foreign
        #expect(world.refusal(.gateway(world.gateway))?.contains("is not KC's (it has theirs)") == true)
        #expect(world.refusal(.attachment(world.attachment))?.hasPrefix("failed: its gateway: ") == true)
        _ = world.reports()
        #expect(world.model.foreign == before)
    }
}
