import Addressing
package import NetworkModel
import NetworkPlanning
package import NodePorts

/// What every implementation of `LinkTable` and `Namespaces` must do, real or in memory.
///
/// Works in two namespaces of its own, which it makes and takes away again. Answers with what is wrong, in sentences;
/// an empty list is a pass.
package struct NodeContract: Sendable {
    private let links: any LinkTable
    private let namespaces: any Namespaces
    private let here: NamespaceName
    private let there: NamespaceName

    /// - Parameters:
    ///   - here, there: names that no namespace has: they are made, and deleted in the end.
    package init(links: any LinkTable, namespaces: any Namespaces, here: NamespaceName, there: NamespaceName) {
        self.links = links
        self.namespaces = namespaces
        self.here = here
        self.there = there
    }

    package func violations() async -> [String] {
        var run = Run(links: links, namespaces: namespaces, here: here, there: there)
        do throws(NodeError) { try await run.everything() } catch { run.complain("stopped by \(error)") }
        do throws(NodeError) {
            try await namespaces.delete(here)
            try await namespaces.delete(there)
        } catch { run.complain("cannot clean up: \(error)") }
        return run.violations
    }

    fileprivate struct Run {
        let links: any LinkTable
        let namespaces: any Namespaces
        let here: NamespaceName
        let there: NamespaceName
        var violations: [String] = []

        mutating func complain(_ text: String) { violations.append(text) }

        mutating func expect(_ condition: Bool, _ text: String) { if !condition { complain(text) } }

        mutating func everything() async throws(NodeError) {
            try await emptiness()
            try await devices()
            try await veths()
            try await floodsAndAddresses()
            try await deletions()
        }

        /// Applies one operation; complains unless it ends as expected.
        mutating func apply(_ operation: LinkOperation, fails code: Int32? = nil) async {
            for outcome in await links.apply([operation], in: here) {
                switch (outcome, code) {
                case (.success, nil): break
                case (.success, .some(let code)): complain("\(operation) succeeds, and must fail with errno \(code)")
                case (.failure(let error), .some(let code)):
                    expect(error.code == .errno(code), "\(operation) fails with \(error), and must with errno \(code)")
                case (.failure(let error), nil): complain("\(operation) fails: \(error)")
                }
            }
        }

        func observed() async throws(NodeError) -> ObservedLinks { try await links.observe(in: here) }
    }
}

extension NodeContract.Run {
    private var underlay: InterfaceName { .contract("ctund0") }
    private var bridge: InterfaceName { .bridge(.contract) }
    private var vxlan: InterfaceName { .vxlan(.contract) }
    private var tap: InterfaceName { .contract("kctcontract") }
    private var veth: InterfaceName { .contract("kctcontractv") }

    private mutating func emptiness() async throws(NodeError) {
        let nowhere = await links.apply([.delete(bridge)], in: here)
        if case .failure(let error) = nowhere.first {
            expect(error.code == .noSuchNamespace, "a namespace that does not exist gives \(error)")
        } else {
            complain("an operation in a namespace that does not exist succeeds")
        }
        for name in [here, there, here] { try await namespaces.create(name) }
        let listed = try await namespaces.list()
        expect(listed.isSuperset(of: [here, there]), "created namespaces are not listed")
        try await namespaces.setForwarding(true, in: here)
        let isForwarding = try await observed().isForwarding
        expect(isForwarding, "forwarding is not observed")
        let loopback = try await observed().links[.loopback]
        expect(loopback != nil, "a new namespace has no lo")
    }

    private mutating func devices() async throws(NodeError) {
        await apply(.create(NewLink(name: underlay, kind: .bridge, settings: LinkSettings(mtu: 1500, isUp: true))))
        let wanted = LinkSettings(
            alias: "kc:contract/1", mtu: 1400, isUp: true, ipv6Disabled: true, multicastSnooping: false,
            netfilterCalls: false, linkLocalLearning: false)
        let new = NewLink(name: bridge, kind: .bridge, settings: wanted)
        await apply(.create(new))
        await apply(.create(new))
        await expectSettings(of: bridge, .bridge, wanted)
        await apply(
            .create(
                NewLink(
                    name: bridge, kind: .bridge,
                    settings: LinkSettings(alias: "kc:contract/other", mtu: 1400, isUp: true))), fails: Errno.exists)

        let port = LinkSettings(alias: "kc:contract/2", mtu: 1400, master: bridge, isUp: true, ipv6Disabled: true)
        await apply(.create(NewLink(name: tap, kind: .tap, settings: port)))
        await expectSettings(of: tap, .tap, port)

        let kind = LinkKind.vxlan(
            VXLANSettings(
                vni: .contract, group: nil, local: IPv6Address(high: 0xfd00 << 48, low: 9), link: underlay, port: 4789,
                hopLimit: 64))
        await apply(.create(NewLink(name: vxlan, kind: kind, settings: port)))
        await expectSettings(of: vxlan, kind, port)
        await apply(
            .create(
                NewLink(name: .contract("vxother"), kind: kind, settings: LinkSettings(mtu: 1400, isUp: false))),
            fails: Errno.exists)

        await apply(.change(tap, LinkChange(alias: "", mtu: 1300, master: LinkChange.Master.none, isUp: false)))
        await expectSettings(of: tap, .tap, LinkSettings(mtu: 1300, isUp: false, ipv6Disabled: true))
        await apply(.change(tap, LinkChange(alias: "kc:contract/2", mtu: 1400, master: .bridge(bridge), isUp: true)))
        await expectSettings(of: tap, .tap, port)
        await apply(.change(.contract("nothing"), LinkChange(mtu: 1400)), fails: Errno.noDevice)
    }

    private mutating func veths() async throws(NodeError) {
        let near = LinkSettings(alias: "kc:contract/3", mtu: 1400, master: bridge, isUp: true, ipv6Disabled: true)
        let far = LinkSettings(
            alias: "kc:contract/3", mtu: 1400, mac: MACAddress(0x026b_6300_0001), isUp: true)
        let inside = InterfaceName.contract("eth0")
        let new = NewLink(
            name: veth, kind: .veth, settings: near, peer: NewPeer(namespace: there, name: inside, settings: far))
        await apply(.create(new))
        await apply(.create(new))
        await expectSettings(of: veth, .veth, near)
        let link = try await links.observe(in: there).links[inside]
        expect(
            link?.settings.mac == far.mac, "the other end of a veth has MAC \(String(describing: link?.settings.mac))")
        expect(link?.settings.mtu == 1400 && link?.settings.isUp == true, "the other end of a veth is not set up")
        expect(link?.settings.alias == far.alias, "the other end of a veth has no alias")
        await apply(.delete(veth))
        let gone = try await links.observe(in: there).links[inside]
        expect(gone == nil, "the other end of a deleted veth is still there")
    }

    private mutating func floodsAndAddresses() async throws(NodeError) {
        let peer = IPv6Address(high: 0xfd00 << 48, low: 0x77)
        let address = InterfaceAddress(IPv6Address(high: 0xfd22 << 48, low: 1), length: 64)
        for _ in 1...2 {
            await apply(.addFlood(vxlan, peer))
            await apply(.addAddress(underlay, address))
        }
        var now = try await observed()
        expect(now.floods[vxlan] == [peer], "floods are \(now.floods)")
        expect(now.addresses[underlay] == [address], "addresses are \(now.addresses)")
        let part = try await links.observe(links: [vxlan], in: here)
        expect(Array(part.links.keys) == [vxlan], "a part of the devices is \(part.links.keys)")
        expect(part.floods[vxlan] == [peer], "a part of the devices has floods \(part.floods)")
        for _ in 1...2 {
            await apply(.removeFlood(vxlan, peer))
            await apply(.removeAddress(underlay, address))
        }
        now = try await observed()
        expect(now.floods[vxlan, default: []].isEmpty, "removed floods are \(now.floods)")
        expect(now.addresses[underlay, default: []].isEmpty, "removed addresses are \(now.addresses)")
    }

    private mutating func deletions() async throws(NodeError) {
        for _ in 1...2 { await apply(.delete(bridge)) }
        let master = try await observed().links[tap]?.settings.master
        expect(master == nil, "a port still has its bridge after that is gone")
        for name in [vxlan, tap, underlay] { await apply(.delete(name)) }
        let left = try await observed().links
        let names = [underlay, bridge, vxlan, tap, veth].filter { left[$0] != nil }
        expect(names.isEmpty, "deleted devices are left: \(names)")
        for _ in 1...2 { try await namespaces.delete(there) }
        let listed = try await namespaces.list()
        expect(!listed.contains(there), "a deleted namespace is listed")
    }

    /// Complains about each setting that `wanted` names and the device has not.
    private mutating func expectSettings(of name: InterfaceName, _ kind: LinkKind, _ wanted: LinkSettings) async {
        do throws(NodeError) {
            guard let link = try await observed().links[name] else { return complain("\(name) is not observed") }
            expect(link.kind == kind, "\(name) is \(link.kind), not \(kind)")
            var settings = link.settings
            if wanted.mac == nil { settings.mac = nil }
            if wanted.learning == nil { settings.learning = nil }
            if wanted.ipv6Disabled == nil { settings.ipv6Disabled = nil }
            if settings.alias?.isEmpty == true { settings.alias = nil }
            expect(settings == wanted, "\(name) has \(settings), not \(wanted)")
            // Without its alias a device that KC made is as an interrupted creation leaves it.
            expect(!link.isUnfinished || wanted.alias == nil, "\(name) seems unfinished")
        } catch { complain("\(name) cannot be observed: \(error)") }
    }
}

extension InterfaceName {
    /// A literal of this file: a trap is a mistake here.
    fileprivate static func contract(_ text: StaticString) -> InterfaceName {
        do { return try InterfaceName(text.description) } catch { preconditionFailure("\(error)") }
    }
}

extension VNI {
    fileprivate static let contract: VNI = {
        do { return try VNI(0xc0de) } catch { preconditionFailure("\(error)") }
    }()
}
