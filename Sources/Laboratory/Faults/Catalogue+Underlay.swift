import Addressing
import Resources

extension Fault {
    /// The table that faults put their rules into; KC's own are never touched by it.
    static let table = "labfault"

    static let underlay: [Fault] = [
        Fault("underlay-link-down", "the switch's port towards the host is down") { scene in
            toggle(scene.link, scene.here.host.name.text, "down", "up")
        },
        Fault("underlay-address-missing", "the host's underlay interface has lost its address") {
            scene throws(LaboratoryError) in
            let address = "\(scene.here.host.address)/\(try scene.underlayPrefixLength())"
            let device = scene.here.host.interface.text
            return FaultScript(
                [.ip(scene.here.place, "addr", "del", address, "dev", device)],
                heal: [.ip(scene.here.place, "addr", "add", address, "dev", device, "nodad")])
        },
        Fault("underlay-mtu-hop", "the switch's port towards the host carries 1,400 bytes and no more") {
            scene throws(LaboratoryError) in
            try mtu(1400, of: scene.here.host.name.text, in: scene.link, scene)
        },
        Fault("underlay-mtu-lowered", "the host's underlay interface was set to 1,400 bytes") {
            scene throws(LaboratoryError) in
            try mtu(1400, of: scene.here.host.interface.text, in: scene.here.place, scene)
        },
        Fault("underlay-neighbour-wrong", "the host has a wrong permanent neighbour entry for its peer") { scene in
            let peer = "\(scene.there.host.address)"
            let device = scene.here.host.interface.text
            return FaultScript(
                [
                    .ip(
                        scene.here.place, "neigh", "replace", peer, "lladdr", "02:00:00:de:ad:01", "dev", device,
                        "nud", "permanent")
                ],
                heal: [.ip(scene.here.place, "neigh", "del", peer, "dev", device)])
        },
        Fault("underlay-route-unreachable", "the host's routing table says that its peer is unreachable") { scene in
            let peer = "\(scene.there.host.address)/128"
            return FaultScript(
                [.ip(scene.here.place, "route", "add", "unreachable", peer, "metric", "1")],
                heal: [.ip(scene.here.place, "route", "del", "unreachable", peer, "metric", "1")])
        },
        Fault("vxlan-filtered-in", "a firewall of the host's own drops the VXLAN that comes in") { scene in
            table(scene.here.place, "inet", [("input", "udp dport 4789 drop")])
        },
        Fault("vxlan-filtered-out", "a firewall of the host's own drops the VXLAN that goes out") { scene in
            table(scene.here.place, "inet", [("output", "udp dport 4789 drop")])
        },
        Fault("vxlan-filtered", "something between the hosts drops UDP port 4789 both ways") { scene in
            table(scene.link, "bridge", [("forward", "meta l4proto udp udp dport 4789 drop")])
        },
        Fault("vxlan-filtered-one-way", "something between the hosts drops VXLAN from the host to its peer alone") {
            scene in
            table(
                scene.link, "bridge",
                [
                    (
                        "forward",
                        "ip6 saddr \(scene.here.host.address) ip6 daddr \(scene.there.host.address) "
                            + "meta l4proto udp udp dport 4789 drop"
                    )
                ])
        },
        Fault("underlay-udp-lossy", "something between the hosts drops every second datagram of VXLAN") { scene in
            table(scene.link, "bridge", [("forward", "meta l4proto udp udp dport 4789 numgen inc mod 2 0 drop")])
        },
        Fault("checksum-broken", "the host's network card writes wrong UDP checksums into VXLAN") { scene in
            let device = scene.here.host.interface.text
            let rules = "iifname \"\(scene.here.host.name)\" meta l4proto udp udp dport 4789 udp checksum set 0xdead"
            let bare = table(scene.link, "bridge", [("forward", rules)])
            // With offloading the checksum is not there yet, and the receiver does not look at it.
            return FaultScript(
                [
                    .run(scene.here.place, ["ethtool", "-K", device, "tx", "off"]),
                    .run(scene.there.place, ["ethtool", "-K", scene.there.host.interface.text, "rx", "off"]),
                ] + bare.inject,
                heal: bare.heal + [
                    .run(scene.here.place, ["ethtool", "-K", device, "tx", "on"]),
                    .run(scene.there.place, ["ethtool", "-K", scene.there.host.interface.text, "rx", "on"]),
                ])
        },
    ]

    /// A table of filter chains at hooks of the same names.
    static func table(_ place: FaultPlace, _ family: String, _ chains: [(hook: String, rule: String)]) -> FaultScript {
        let lines = chains.map { chain in
            """
            add chain \(family) \(table) \(chain.hook) { type filter hook \(chain.hook) priority -5; policy accept; }
            add rule \(family) \(table) \(chain.hook) \(chain.rule)
            """
        }
        return FaultScript(
            [.nft(place, (["add table \(family) \(table)"] + lines).joined(separator: "\n"))],
            heal: [.nft(place, "delete table \(family) \(table)")])
    }

    static func toggle(_ place: FaultPlace, _ device: String, _ now: String, _ then: String) -> FaultScript {
        FaultScript(
            [.ip(place, "link", "set", device, now)], heal: [.ip(place, "link", "set", device, then)])
    }

    private static func mtu(
        _ value: Int, of device: String, in place: FaultPlace, _ scene: FaultScene
    ) throws(LaboratoryError) -> FaultScript {
        let before = try scene.underlayMTU()
        return FaultScript(
            [.ip(place, "link", "set", device, "mtu", "\(value)")],
            heal: [.ip(place, "link", "set", device, "mtu", "\(before)")])
    }
}
