import Addressing
import Glibc
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing

/// Operations on the kernel: twice is once, failures say why and leave nothing.
@Suite struct OperationTests {
    private static let bridge = NewLink(
        name: .device("kcb000001"), kind: .bridge,
        settings: LinkSettings(alias: "kc:segment/1", mtu: 1430, isUp: true, ipv6Disabled: true))

    private static func vxlan(
        _ name: String = "kcx000001", vni: UInt32 = 1, group: String? = nil, mtu: Int = 1430,
        link: InterfaceName = .underlay, master: InterfaceName? = nil
    ) throws -> NewLink {
        NewLink(
            name: .device(name),
            kind: .vxlan(
                VXLANSettings(
                    vni: try VNI(vni), group: try group.map { try IPv6Address(parsing: $0) },
                    local: try IPv6Address(parsing: "fd00::1"), link: link, port: 4789, hopLimit: 64)),
            settings: LinkSettings(alias: "kc:segment/1", mtu: mtu, master: master, isUp: true, ipv6Disabled: true))
    }

    private static func tap(_ name: String = "kctaaaaaaaaaa", master: InterfaceName? = nil) -> NewLink {
        NewLink(
            name: .device(name), kind: .tap,
            settings: LinkSettings(alias: "kc:attachment/1", mtu: 1430, master: master, isUp: true, ipv6Disabled: true))
    }

    @Test func `every operation done twice succeeds twice and changes nothing the second time`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            let remote = try IPv6Address(parsing: "fd00::2")
            let router = InterfaceAddress(.segmentRouter, length: 64)
            let gateway = NewLink(
                name: .device("seg000001"), kind: .veth, settings: LinkSettings(mtu: 1430, isUp: true))
            let vxlan = try Self.vxlan(master: Self.bridge.name)
            let building: [LinkOperation] = [
                .create(Self.bridge), .create(vxlan), .create(Self.tap(master: Self.bridge.name)), .create(gateway),
                .addFlood(vxlan.name, remote), .addAddress(gateway.name, router),
            ]
            try await space.apply(building)
            let once = try await space.settings()
            #expect(once.floods[vxlan.name] == [remote])
            #expect(once.addresses[gateway.name] == [router])
            try await space.apply(building)
            #expect(try await space.settings() == once)

            let removing: [LinkOperation] = [
                .removeFlood(vxlan.name, remote), .removeAddress(gateway.name, router), .delete(gateway.name),
                .delete(Self.tap().name), .delete(vxlan.name), .delete(Self.bridge.name),
            ]
            try await space.apply(removing)
            let empty = try await space.table.observe(in: space.name)
            #expect(empty.links.keys.sorted() == [.device("lo"), .underlay, .device("und0-p")])
            #expect(empty.floods.isEmpty)
            try await space.apply(removing)
            #expect(try await space.table.observe(in: space.name) == empty)
        }
    }

    @Test func `a living device changes in what is given and nothing else`() async throws {
        try await KernelNamespace.with { space in
            let tap = Self.tap()
            try await space.apply([.create(Self.bridge), .create(tap)])
            var expected = try #require(try await space.link(tap.name)).settings
            func change(_ change: LinkChange, _ expect: (inout LinkSettings) -> Void) async throws {
                try await space.apply([.change(tap.name, change)])
                expect(&expected)
                #expect(try await space.link(tap.name)?.settings == expected, "\(change)")
            }
            try await change(LinkChange(mtu: 1300)) { $0.mtu = 1300 }
            try await change(LinkChange(mac: MACAddress(0x02_00_00_00_00_09))) {
                $0.mac = MACAddress(0x02_00_00_00_00_09)
            }
            try await change(LinkChange(alias: "kc:attachment/other")) { $0.alias = "kc:attachment/other" }
            try await change(LinkChange(ipv6Disabled: false)) { $0.ipv6Disabled = false }
            try await change(LinkChange(isUp: false)) { $0.isUp = false }
            try await change(
                LinkChange(master: .bridge(Self.bridge.name), isUp: true, ipv6Disabled: true, learning: false)
            ) {
                $0.master = Self.bridge.name
                $0.isUp = true
                $0.ipv6Disabled = true
                $0.learning = false
            }
            try await change(LinkChange(learning: true)) { $0.learning = true }
            try await change(LinkChange(takesMembers: true)) { $0.takesMembers = true }
            // Without its alias it is still KC's to take away.
            try await change(LinkChange(alias: "")) { $0.alias = nil }
            #expect(try await space.link(tap.name)?.isUnfinished == true)
            try await change(LinkChange(alias: "kc:attachment/other", takesMembers: false)) {
                $0.alias = "kc:attachment/other"
                $0.takesMembers = false
            }
            try await change(LinkChange(alias: "", master: LinkChange.Master.none)) {
                $0.alias = nil
                $0.master = nil
                $0.learning = nil
            }
            let bridge = Self.bridge.name
            try await space.apply([.change(bridge, LinkChange(multicastSnooping: true, netfilterCalls: true))])
            #expect(try await space.link(bridge)?.settings.multicastSnooping == true)
            #expect(try await space.link(bridge)?.settings.netfilterCalls == true)
            try await space.apply([.change(bridge, LinkChange(multicastSnooping: false, netfilterCalls: false))])
            #expect(try await space.link(bridge)?.settings.multicastSnooping == false)
            #expect(try await space.link(bridge)?.settings.netfilterCalls == false)
            for value in [false, true] {
                try await space.apply([.change(bridge, LinkChange(linkLocalLearning: value))])
                #expect(try await space.link(bridge)?.settings.linkLocalLearning == value)
            }
            let error = try await space.failure(.change(.device("absent"), LinkChange(isUp: true)))
            #expect(error.code == .errno(ENODEV))
            // What is gone gets nothing.
            try await space.apply([.change(.device("absent"), LinkChange(takesMembers: false))])
        }
    }

    @Test func `a VXLAN device gets another hop limit and is the same device`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            var vxlan = try Self.vxlan(group: "ff15::8b00:1", master: Self.bridge.name)
            try await space.apply([.create(Self.bridge), .create(vxlan)])
            let before = try #require(try await space.link(vxlan.name))
            try await space.apply([.change(vxlan.name, LinkChange(hopLimit: 8))])
            let after = try #require(try await space.link(vxlan.name))
            guard case .vxlan(var settings) = before.kind else { throw Unexpected("\(before.kind)") }
            settings.hopLimit = 8
            #expect(after.kind == .vxlan(settings))
            #expect(after.index == before.index)
            #expect(after.settings == before.settings)
            // A creation that meets a device with another one does the same.
            try await space.apply([.create(vxlan)])
            #expect(try await space.link(vxlan.name) == before)
            vxlan = try Self.vxlan(group: "ff15::8b00:2", master: Self.bridge.name)
            #expect(try await space.failure(.create(vxlan)).code == .errno(EEXIST))
        }
    }

    @Test func `what a guest gets has no mark of its making but the alias`() async throws {
        try await KernelNamespace.with { space in
            try await KernelNamespace.with { guest in
                let settings = LinkSettings(alias: "kc:attachment/1", mtu: 1430, isUp: true)
                let veth = NewLink(
                    name: .device("kctbbbbbbbbbb"), kind: .veth, settings: settings,
                    peer: NewPeer(namespace: guest.name, name: .device("eth0"), settings: settings))
                try await space.apply([.create(veth)])
                #expect(try guest.run("ip -o link show dev eth0").contains("group default"))
                #expect(try await guest.link(.device("eth0"))?.settings.alias == "kc:attachment/1")
            }
        }
    }

    @Test func `going on after a failure gives each operation its own outcome`() async throws {
        try await KernelNamespace.with { space in
            let outcomes = await space.table.apply(
                [
                    .create(Self.bridge), .change(.device("absent"), LinkChange(mtu: 1300)), .create(Self.tap()),
                    .create(Self.tap("kctbbbbbbbbbb", master: .device("absent"))), .delete(Self.tap().name),
                ], in: space.name)
            let succeeded = outcomes.map { if case .success = $0 { true } else { false } }
            #expect(succeeded == [true, false, true, false, true])
            let links = try await space.table.observe(in: space.name).links
            #expect(links[.device("kctbbbbbbbbbb")] == nil)
        }
    }

    @Test func `a second vxlan of the same VNI is refused in the kernel's words`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            try await space.apply([.create(try Self.vxlan())])
            let error = try await space.failure(.create(try Self.vxlan("kcx000099")))
            #expect(error.code == .errno(EEXIST))
            #expect(error.message.contains("A VXLAN device with the specified VNI already exists"))
            #expect(error.subject == "kcx000099")
            #expect(try await space.link(.device("kcx000099")) == nil)
        }
    }

    @Test func `a foreign device of the name is left alone, a half-made one of ours is completed`() async throws {
        try await KernelNamespace.with { space in
            _ = try space.run("ip link add kcb000001 type veth peer name p1")
            #expect(try await space.failure(.create(Self.bridge)).code == .errno(EEXIST))
            _ = try space.run("ip link delete kcb000001")
            _ = try space.run("ip link add kcb000001 mtu 1400 type bridge")
            #expect(try await space.failure(.create(Self.bridge)).code == .errno(EEXIST))
            _ = try space.run("ip link set kcb000001 alias somebody")
            #expect(try await space.failure(.create(Self.bridge)).message.contains("'somebody'"))
            #expect(try await space.link(Self.bridge.name)?.settings.mtu == 1400)

            _ = try space.run("ip link set kcb000001 alias ''")
            _ = try space.run("ip link set kcb000001 group \(ObservedLink.creationGroup)")
            #expect(try await space.link(Self.bridge.name)?.isUnfinished == true)
            try await space.apply([.create(Self.bridge)])
            let found = try #require(try await space.link(Self.bridge.name))
            #expect(found.settings.alias == Self.bridge.settings.alias && found.settings.mtu == 1430)
            #expect(found.settings.isUp && !found.isUnfinished)

            _ = try space.run("ip tuntap add kctaaaaaaaaaa mode tap")
            #expect(try await space.failure(.create(Self.tap())).code == .errno(EEXIST))
        }
    }

    @Test func `what the underlay cannot carry is an error and leaves nothing`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay(mtu: 1500)
            let tooLarge = try await space.failure(.create(try Self.vxlan(mtu: 1431)))
            #expect(tooLarge.code == .errno(EINVAL))
            #expect(tooLarge.message.contains("1431") && tooLarge.message.contains("und0"))
            let nowhere = try await space.failure(.create(try Self.vxlan(link: .device("absent"))))
            #expect(nowhere.message.contains("no underlay interface absent"))
            let unled = try await space.failure(.create(try Self.vxlan(master: .device("absent"))))
            #expect(unled.message.contains("no bridge absent"))
            let long = try await space.failure(
                .create(
                    NewLink(
                        name: .device("kcb000001"), kind: .bridge,
                        settings: LinkSettings(alias: String(repeating: "a", count: 256), mtu: 1430, isUp: true))))
            #expect(long.message.contains("256 bytes; at most 255"))
            let all = try await space.table.observe(in: space.name)
            #expect(!all.links.keys.contains { $0.text.hasPrefix("kc") })
        }
    }

    @Test func `a group join over the kernel's limit names the setting and leaves nothing`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            // 56 bytes a join: this is room for a few. The setting is the namespace's own on kernels from 6.8 on.
            _ = try space.run("sysctl -qw net.core.optmem_max=512")
            var refused: NodeError?
            for vni in 1...20 as ClosedRange<UInt32> where refused == nil {
                let new = try Self.vxlan("kcx00\(vni)", vni: vni, group: "ff15::8b00:\(vni)")
                guard case .failure(let error) = await space.table.apply([.create(new)], in: space.name)[0] else {
                    continue
                }
                refused = error
                #expect(try await space.link(new.name) == nil)
                #expect(vni > 3, "some must have joined")
            }
            let error = try #require(refused)
            #expect(error.code == .errno(ENOMEM))
            #expect(error.message.contains("net.core.optmem_max") && error.message.contains("sysctl -w"))
        }
    }

    @Test func `the 1,024th port of a bridge is refused by name`() async throws {
        try await KernelNamespace.with { space in
            let ports = (0..<1024).map { number in
                NewLink(
                    name: .device("kct\(number)"), kind: .tap,
                    settings: LinkSettings(
                        alias: "kc:attachment/\(number)", mtu: 1430, master: Self.bridge.name, isUp: true,
                        ipv6Disabled: true))
            }
            let outcomes = await space.table.apply(
                [.create(Self.bridge)] + ports.map { .create($0) }, in: space.name)
            for outcome in outcomes.dropLast() { try outcome.get() }
            guard case .failure(let error)? = outcomes.last else { throw Unexpected("1,024 ports fit") }
            #expect(error.code == .errno(EXFULL))
            #expect(error.message.contains("bridge kcb000001 has the 1,023 ports"))
            #expect(try await space.link(.device("kct1023")) == nil)
        }
    }

    @Test func `an address that is there with another length is no success`() async throws {
        try await KernelNamespace.with { space in
            try await space.apply([.create(Self.bridge), .change(Self.bridge.name, LinkChange(ipv6Disabled: false))])
            let address = try IPv6Address(parsing: "fd00::5")
            try await space.apply([.addAddress(Self.bridge.name, InterfaceAddress(address, length: 64))])
            let error = try await space.failure(.addAddress(Self.bridge.name, InterfaceAddress(address, length: 48)))
            #expect(error.code == .errno(EEXIST))
        }
    }

    @Test func `a namespace that is not there is named as such, and a veth into it leaves nothing`() async throws {
        try await KernelNamespace.with { space in
            let absent = try #require(NamespaceName("kcn-absent-\(getpid())"))
            await #expect(throws: NodeError(.noSuchNamespace, operation: "enter", subject: absent.text)) {
                try await space.table.observe(in: absent)
            }
            let veth = NewLink(
                name: .device("kctbbbbbbbbbb"), kind: .veth, settings: LinkSettings(mtu: 1430, isUp: true),
                peer: NewPeer(
                    namespace: absent, name: .device("eth0"), settings: LinkSettings(mtu: 1430, isUp: true)))
            #expect(try await space.failure(.create(veth)).code == .noSuchNamespace)
            #expect(try await space.link(veth.name) == nil)

            // The peer's name is taken by somebody there.
            try await KernelNamespace.with { other in
                _ = try other.run("ip link add eth0 type bridge")
                var taken = veth
                taken.peer?.namespace = other.name
                #expect(try await space.failure(.create(taken)).code == .errno(EEXIST))
                #expect(try await space.link(veth.name) == nil)
            }
        }
    }
}
