import Addressing
import Glibc
import LinuxNetlink
import NetworkModel
import NetworkPlanning
import NodePorts
import Testing

/// What is created is what is observed, and what iproute2 sees.
@Suite struct RoundTripTests {
    @Test func `a bridge is as it was asked for`() async throws {
        try await KernelNamespace.with { space in
            let settings = LinkSettings(
                alias: "kc:segment/1", mtu: 1430, mac: MACAddress(0x02_00_00_00_00_01), isUp: true, ipv6Disabled: true,
                multicastSnooping: false, netfilterCalls: false, linkLocalLearning: false)
            let bridge = NewLink(name: .device("kcb000001"), kind: .bridge, settings: settings)
            try await space.apply([.create(bridge)])
            let found = try #require(try await space.link(bridge.name))
            #expect(found.kind == .bridge)
            #expect(found.settings == settings)

            let shown = try space.show(bridge.name)
            #expect(shown["ifalias"] == .text("kc:segment/1"))
            #expect(shown["mtu"] == .number(1430))
            let data = shown["linkinfo"]?["info_data"]
            #expect(data?["mcast_snooping"] == .number(0))
            #expect(data?["nf_call_iptables"] == .number(0))
            #expect(data?["nf_call_ip6tables"] == .number(0))
            #expect(data?["nf_call_arptables"] == .number(0))
            #expect(try space.run("cat /proc/sys/net/ipv6/conf/kcb000001/disable_ipv6") == "1\n")
            #expect(try space.run("ip -6 address show dev kcb000001").isEmpty)
        }
    }

    @Test(arguments: [nil, IPv6Address("ff15::8b00:12")]) func `a vxlan is as it was asked for`(
        group: IPv6Address?
    ) async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            let kind = LinkKind.vxlan(
                VXLANSettings(
                    vni: try VNI(0x12), group: group, local: try #require(IPv6Address("fd00::1")), link: .underlay,
                    port: 4789, hopLimit: 64))
            let bridge = NewLink(
                name: .device("kcb000012"), kind: .bridge, settings: LinkSettings(mtu: 1430, isUp: true))
            let settings = LinkSettings(
                alias: "kc:segment/12", mtu: 1430, master: bridge.name, isUp: true, ipv6Disabled: true)
            let vxlan = NewLink(name: .device("kcx000012"), kind: kind, settings: settings)
            try await space.apply([.create(bridge), .create(vxlan)])
            var found = try #require(try await space.link(vxlan.name))
            #expect(found.kind == kind)
            #expect(found.isRunning)
            #expect(found.settings.mac != nil)
            #expect(found.settings.learning == true)
            found.settings.mac = nil
            found.settings.learning = nil
            #expect(found.settings == settings)

            let shown = try space.show(vxlan.name)
            #expect(shown["master"] == .text("kcb000012"))
            let data = shown["linkinfo"]?["info_data"]
            #expect(data?["id"] == .number(0x12))
            #expect(data?["group6"] == group.map { .text($0.description) })
            #expect(data?["local6"] == .text("fd00::1"))
            #expect(data?["link"] == .text("und0"))
            #expect(data?["port"] == .number(4789))
            #expect(data?["ttl"] == .number(64))
            #expect(data?["learning"] == .flag(true))
            #expect(data?["udp_zero_csum6_tx"] == .flag(false))
            #expect(data?["udp_zero_csum6_rx"] == .flag(false))
            #expect(data?["port_range"] == .object(["low": .number(0), "high": .number(0)]))
            #expect(try space.run("ip -6 address show dev kcx000012").isEmpty)
        }
    }

    @Test func `a tap persists and is as it was asked for`() async throws {
        try await KernelNamespace.with { space in
            let bridge = NewLink(
                name: .device("kcb000001"), kind: .bridge, settings: LinkSettings(mtu: 1430, isUp: true))
            let settings = LinkSettings(
                alias: "kc:attachment/1", mtu: 1430, mac: MACAddress(0x02_00_00_00_00_02), master: bridge.name,
                isUp: true, ipv6Disabled: true, learning: false)
            let tap = NewLink(name: .device("kctaaaaaaaaaa"), kind: .tap, settings: settings)
            try await space.apply([.create(bridge), .create(tap)])
            let found = try #require(try await space.link(tap.name))
            #expect(found.kind == .tap)
            #expect(found.settings == settings)
            #expect(!found.isRunning)  // no one holds it

            let data = try space.show(tap.name)["linkinfo"]?["info_data"]
            #expect(data?["persist"] == .flag(true))
            #expect(data?["vnet_hdr"] == .flag(true))
            #expect(data?["type"] == .text("tap"))
            try await space.apply([.delete(tap.name), .delete(bridge.name)])
            #expect(try await space.link(tap.name) == nil)
        }
    }

    @Test func `a veth's peer is born in the other namespace`() async throws {
        try await KernelNamespace.with { space in
            try await KernelNamespace.with { other in
                let inner = LinkSettings(
                    alias: "inner", mtu: 1430, mac: MACAddress(0x02_00_00_00_00_03), isUp: true, ipv6Disabled: false)
                let outer = LinkSettings(
                    alias: "kc:attachment/2", mtu: 1430, mac: MACAddress(0x02_00_00_00_00_04), isUp: true,
                    ipv6Disabled: true)
                let veth = NewLink(
                    name: .device("kctbbbbbbbbbb"), kind: .veth, settings: outer,
                    peer: NewPeer(namespace: other.name, name: .device("eth0"), settings: inner))
                try await space.apply([.create(veth)])
                let here = try #require(try await space.link(veth.name))
                #expect(here.kind == .veth)
                #expect(here.settings == outer)
                #expect(here.isRunning)
                let there = try #require(try await other.link(.device("eth0")))
                #expect(there.settings == inner)
                #expect(there.isRunning)
                // The same again changes nothing and is no error.
                try await space.apply([.create(veth)])
                #expect(try await space.link(veth.name) == here)

                try await space.apply([.delete(veth.name)])
                #expect(try await other.link(.device("eth0")) == nil)
            }
        }
    }

    @Test func `the whole namespace and single devices are observed alike`() async throws {
        try await KernelNamespace.with { space in
            try space.underlay()
            let bridge = NewLink(
                name: .device("kcb000001"), kind: .bridge,
                settings: LinkSettings(alias: "kc:segment/1", mtu: 1430, isUp: true, ipv6Disabled: false))
            let vxlan = NewLink(
                name: .device("kcx000001"),
                kind: .vxlan(
                    VXLANSettings(
                        vni: try VNI(1), group: nil, local: try #require(IPv6Address("fd00::1")), link: .underlay,
                        port: 4789, hopLimit: 64)),
                settings: LinkSettings(mtu: 1430, master: bridge.name, isUp: true, ipv6Disabled: true))
            let router = InterfaceAddress(.segmentRouter, length: 64)
            let remote = try #require(IPv6Address("fd00::2"))
            try await space.apply([
                .create(bridge), .create(vxlan), .addFlood(vxlan.name, remote), .addAddress(bridge.name, router),
            ])
            _ = try space.run("ip -4 address add 192.0.2.1/24 dev und0")
            _ = try space.run("ip -6 route add default via fd00::99 dev und0")
            // A way out is one whose next hop answers, and there is nobody: the first look says so.
            #expect(try await !space.table.observe(in: space.name).hasDefaultRoute)
            _ = try space.run("ip -6 neigh replace fd00::99 lladdr 02:00:00:00:00:99 dev und0 nud permanent")
            _ = try space.run("ip -4 route add 198.51.100.0/24 via 192.0.2.99 dev und0")
            try await space.namespaces.setForwarding(true, in: space.name)
            let all = try await space.table.observe(in: space.name)
            #expect(all.links.count == 5)  // with lo and the underlay's two ends
            #expect(all.floods == [vxlan.name: [remote]])
            let own = InterfaceAddress(try #require(IPv6Address("fd00::1")), length: 64)
            let mapped = InterfaceAddress(try #require(IPv6Address("::ffff:192.0.2.1")), length: 120)
            #expect(all.addresses == [bridge.name: [router], .underlay: [own, mapped]])
            #expect(all.hasDefaultRoute)
            #expect(all.isForwarding)
            #expect(all.routed == [.underlay])
            let some = try await space.table.observe(
                links: [bridge.name, vxlan.name, .underlay, .device("absent")], in: space.name)
            #expect(some.links == all.links.filter { $0.key.text.hasPrefix("kc") || $0.key == .underlay })
            #expect(some.floods == all.floods)
            #expect(some.addresses == all.addresses)
            #expect(some.routed == all.routed)
            #expect(some.hasDefaultRoute && some.isForwarding)
        }
    }
}
