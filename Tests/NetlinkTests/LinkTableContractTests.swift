import Addressing
import Glibc
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Testing

/// What every link table does, on the kernel and on the host in memory that planners and services are tested with.
@Suite struct LinkTableContractTests {
    enum Form: String, CaseIterable { case kernel, memory }

    /// Two namespaces to work in.
    struct Place {
        let table: any LinkTable
        let name: NamespaceName
        let other: NamespaceName

        func apply(_ operations: [LinkOperation]) async throws {
            for outcome in await table.apply(operations, in: name) { try outcome.get() }
        }

        func link(_ device: InterfaceName) async throws -> ObservedLink? {
            try await table.observe(links: [device], in: name).links[device]
        }

        /// The errno that refuses one operation.
        func refusal(_ operation: LinkOperation) async throws -> Int32 {
            guard case .failure(let error)? = await table.apply([operation], in: name).first else {
                throw Unexpected("it succeeded: \(operation)")
            }
            guard case .errno(let number) = error.code else { throw error }
            return number
        }
    }

    private static func with(_ form: Form, _ body: (Place) async throws -> Void) async throws {
        switch form {
        case .kernel:
            try await KernelNamespace.with { first in
                try await KernelNamespace.with { second in
                    try await body(Place(table: first.table, name: first.name, other: second.name))
                }
            }
        case .memory:
            let host = InMemoryHost()
            let names = try ["one", "two"].map { try #require(NamespaceName($0)) }
            for name in names { try await host.namespaces.create(name) }
            try await body(Place(table: host.links, name: names[0], other: names[1]))
        }
    }

    private static let bridge = NewLink(
        name: .device("kcb000001"), kind: .bridge,
        settings: LinkSettings(
            alias: "kc:segment/1", mtu: 1430, isUp: true, ipv6Disabled: true, multicastSnooping: false,
            netfilterCalls: false, linkLocalLearning: false))
    private static let tap = NewLink(
        name: .device("kctaaaaaaaaaa"), kind: .tap,
        settings: LinkSettings(
            alias: "kc:attachment/1", mtu: 1430, master: bridge.name, isUp: true, ipv6Disabled: true))
    private static let underlay = NewLink(
        name: .underlay, kind: .bridge, settings: LinkSettings(mtu: 1500, isUp: true, ipv6Disabled: false))

    private static func vxlan(_ name: String, link: InterfaceName = .underlay) throws -> NewLink {
        NewLink(
            name: .device(name),
            kind: .vxlan(
                VXLANSettings(
                    vni: try VNI(1), group: nil, local: try IPv6Address(parsing: "fd00::1"), link: link, port: 4789,
                    hopLimit: 64)),
            settings: LinkSettings(alias: "kc:segment/1", mtu: 1430, isUp: true, ipv6Disabled: true))
    }

    @Test(arguments: Form.allCases) func `what is created is observed, and creating it again is no change`(
        _ form: Form
    ) async throws {
        try await Self.with(form) { place in
            let all = [Self.bridge, Self.tap, Self.underlay, try Self.vxlan("kcx000001")]
            try await place.apply(all.map { .create($0) })
            var indexes: [InterfaceName: Int32] = [:]
            for new in all {
                var found = try #require(try await place.link(new.name))
                indexes[new.name] = found.index
                #expect(found.kind == new.kind)
                #expect(found.settings.mac != nil)
                #expect(!found.isUnfinished)
                // Where the creator has no opinion the kernel has one.
                if new.settings.mac == nil { found.settings.mac = nil }
                if new.settings.learning == nil { found.settings.learning = nil }
                if new.settings.multicastSnooping == nil { found.settings.multicastSnooping = nil }
                if new.settings.netfilterCalls == nil { found.settings.netfilterCalls = nil }
                if new.settings.linkLocalLearning == nil { found.settings.linkLocalLearning = nil }
                #expect(found.settings == new.settings)
            }
            try await place.apply(all.map { .create($0) })
            for new in all { #expect(try await place.link(new.name)?.index == indexes[new.name]) }
        }
    }

    @Test(arguments: Form.allCases) func `a veth has its other end in the other namespace, and takes it along`(
        _ form: Form
    ) async throws {
        try await Self.with(form) { place in
            let inner = LinkSettings(
                alias: "kc:attachment/2", mtu: 1430, mac: MACAddress(0x02_00_00_00_00_03), isUp: true,
                ipv6Disabled: false)
            let veth = NewLink(
                name: .device("kctbbbbbbbbbb"), kind: .veth,
                settings: LinkSettings(alias: "kc:attachment/2", mtu: 1430, isUp: true, ipv6Disabled: true),
                peer: NewPeer(namespace: place.other, name: .device("eth0"), settings: inner))
            try await place.apply([.create(veth)])
            let there = try await place.table.observe(in: place.other).links[.device("eth0")]
            #expect(there?.kind == .veth)
            #expect(there?.settings == inner)
            try await place.apply([.delete(veth.name)])
            let links = try await place.table.observe(in: place.other).links
            #expect(links[.device("eth0")] == nil)
        }
    }

    @Test(arguments: Form.allCases) func `what cannot be is refused with the kernel's errno and leaves nothing`(
        _ form: Form
    ) async throws {
        try await Self.with(form) { place in
            #expect(try await place.refusal(.create(Self.tap)) == ENODEV)
            #expect(try await place.refusal(.create(try Self.vxlan("kcx000001"))) == ENODEV)
            #expect(try await place.refusal(.change(Self.tap.name, LinkChange(mtu: 1300))) == ENODEV)
            let remote = try IPv6Address(parsing: "fd00::2")
            let address = InterfaceAddress(.segmentRouter, length: 64)
            #expect(try await place.refusal(.addFlood(.device("kcx000001"), remote)) == ENODEV)
            #expect(try await place.refusal(.addAddress(Self.bridge.name, address)) == ENODEV)
            let before = try await place.table.observe(in: place.name).links.keys.filter { $0.text != "lo" }
            #expect(before == [])

            try await place.apply([.create(Self.underlay), .create(try Self.vxlan("kcx000001")), .create(Self.bridge)])
            #expect(try await place.refusal(.create(try Self.vxlan("kcx000002"))) == EEXIST)
            #expect(try await place.refusal(.addAddress(Self.bridge.name, address)) == EACCES)
            var other = Self.tap
            other.name = Self.bridge.name
            #expect(try await place.refusal(.create(other)) == EEXIST)
            let names = try await place.table.observe(in: place.name).links.keys.filter { $0.text != "lo" }
            #expect(names.sorted() == [Self.bridge.name, .device("kcx000001"), .underlay])
        }
    }

    @Test(arguments: Form.allCases) func `floods and addresses come and go, twice over`(_ form: Form) async throws {
        try await Self.with(form) { place in
            let vxlan = try Self.vxlan("kcx000001")
            let remote = try IPv6Address(parsing: "fd00::2")
            let address = InterfaceAddress(.segmentRouter, length: 64)
            try await place.apply([.create(Self.underlay), .create(vxlan)])
            let adding: [LinkOperation] = [.addFlood(vxlan.name, remote), .addAddress(.underlay, address)]
            try await place.apply(adding + adding)
            let full = try await place.table.observe(in: place.name)
            #expect(full.floods == [vxlan.name: [remote]])
            #expect(full.addresses[.underlay] == [address])
            let part = try await place.table.observe(links: [vxlan.name], in: place.name)
            #expect(Set(part.links.keys) == [vxlan.name])
            #expect(part.floods == full.floods)
            #expect(part.addresses[.underlay] == nil)
            let removing: [LinkOperation] = [.removeFlood(vxlan.name, remote), .removeAddress(.underlay, address)]
            try await place.apply(removing + removing)
            let empty = try await place.table.observe(in: place.name)
            #expect(empty.floods[vxlan.name] ?? [] == [])
            #expect(empty.addresses[.underlay] ?? [] == [])
        }
    }

    @Test(arguments: Form.allCases) func `a change changes what it names; a deleted bridge frees its ports`(
        _ form: Form
    ) async throws {
        try await Self.with(form) { place in
            try await place.apply([.create(Self.bridge), .create(Self.tap)])
            var expected = try #require(try await place.link(Self.tap.name)).settings
            try await place.apply([.change(Self.tap.name, LinkChange(mtu: 1300, isUp: false, learning: false))])
            expected.mtu = 1300
            expected.isUp = false
            expected.learning = false
            #expect(try await place.link(Self.tap.name)?.settings == expected)
            try await place.apply([.delete(Self.bridge.name), .delete(Self.bridge.name)])
            #expect(try await place.link(Self.bridge.name) == nil)
            #expect(try await place.link(Self.tap.name)?.settings.master == nil)
        }
    }

    @Test(arguments: Form.allCases) func `a namespace that does not exist is said to be missing`(
        _ form: Form
    ) async throws {
        try await Self.with(form) { place in
            let absent = try #require(NamespaceName("kcn-absent-\(getpid())"))
            do throws(NodeError) {
                _ = try await place.table.observe(in: absent)
                Issue.record("it was observed")
            } catch {
                #expect(error.code == .noSuchNamespace)
            }
            guard case .failure(let error)? = await place.table.apply([.create(Self.bridge)], in: absent).first else {
                throw Unexpected("it was applied")
            }
            #expect(error.code == .noSuchNamespace)
        }
    }

    @Test(arguments: Form.allCases) func `events begin with everything and then name what changed`(
        _ form: Form
    ) async throws {
        try await Self.with(form) { place in
            var events = place.table.events(in: place.name).makeAsyncIterator()
            #expect(await events.next() == .everything)
            try await place.apply([.create(Self.bridge)])
            var found = false
            for _ in 0..<100 where !found { found = await events.next() == .link(Self.bridge.name) }
            #expect(found)
        }
    }
}
