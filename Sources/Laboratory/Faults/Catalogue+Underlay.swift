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
        Fault("underlay-route-mtu", "the host's route to its peer carries 1,400 bytes and no more") { scene in
            route(scene, "dev", scene.here.host.interface.text, "mtu", "1400")
        },
        Fault("asymmetric-drop", "the host sends to its peer by another machine of the link, which does not forward") {
            scene in
            route(scene, "via", "\(scene.topology.api.address)", "dev", scene.here.host.interface.text)
        },
        Fault(
            "asymmetric-mtu",
            "the host sends to its peer by another machine of the link, behind which 1,400 bytes pass and no more"
        ) { scene throws(LaboratoryError) in
            let peer = "\(scene.there.host.address)/128"
            let (detour, machine) = (try detour(scene), try scene.apiMachine())
            // The API's machine has one interface, of the standard name.
            return FaultScript(
                [.ip(machine, "route", "add", peer, "dev", "eth0", "mtu", "1400", "metric", "1")] + detour.inject,
                heal: detour.heal + [
                    .ip(machine, "route", "del", peer, "dev", "eth0", "metric", "1")
                ] + forgotten(scene))
        },
        // Not wrong: a checker must say so.
        Fault("asymmetric-harmless", "the host sends to its peer by another machine of the link, and all of it arrives")
        {
            scene throws(LaboratoryError) in
            try detour(scene)
        },
        Fault("duplicate-vtep", "another machine of the link has the peer's tunnel endpoint, and answers for it") {
            scene throws(LaboratoryError) in
            // On a leg of the switch's own, so that nobody but the host believes it: the API has its neighbours already.
            let (device, peer) = (scene.here.host.interface.text, "\(scene.there.host.address)")
            let address = "\(peer)/\(try scene.underlayPrefixLength())"
            let (leg, twin) = ("faultleg", "faulttwin")
            let flush = FaultStep.ip(scene.here.place, "-6", "neigh", "flush", "to", peer, "dev", device)
            return FaultScript(
                [
                    .ip(scene.link, "link", "add", leg, "up", "master", "br0", "type", "veth", "peer", "name", twin),
                    .sysctl(scene.link, "net/ipv6/conf/\(twin)/disable_ipv6", "0"),
                    .ip(scene.link, "link", "set", twin, "up"),
                    .ip(scene.link, "addr", "add", address, "dev", twin, "nodad"),
                    flush,
                    // Who speaks first is believed; the answer goes where it will.
                    .run(
                        scene.link,
                        ["sh", "-c", "ping -c 1 -W 1 -I \(twin) \(scene.here.host.address); true"]),
                ],
                heal: [.ip(scene.link, "link", "del", leg), flush])
        },
        Fault("underlay-lossy", "something between the hosts drops three packets of ten") { scene in
            table(scene.link, "bridge", [("forward", "numgen random mod 10 < 3 drop")])
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

    /// A route of its own to the peer's tunnel endpoint.
    private static func route(_ scene: FaultScene, _ words: String...) -> FaultScript {
        let peer = "\(scene.there.host.address)/128"
        return FaultScript(
            [.run(scene.here.place, ["ip", "route", "add", peer, "metric", "1"] + words)],
            heal: [
                .ip(scene.here.place, "route", "del", peer, "metric", "1")
            ] + forgotten(scene))
    }

    /// What hosts and guests have learned of MTUs.
    private static func forgotten(_ scene: FaultScene) -> [FaultStep] {
        [scene.here.place, scene.here.inside, scene.there.inside].map { .ip($0, "-6", "route", "flush", "cache") }
    }

    /// By the API's machine, which forwards meanwhile. It would tell the host of the straight way (RFC 4861 section 8).
    private static func detour(_ scene: FaultScene) throws(LaboratoryError) -> FaultScript {
        let machine = try scene.apiMachine()
        let device = scene.here.host.interface.text
        let redirects = "net/ipv6/conf/\(device)/accept_redirects"
        let way = route(scene, "via", "\(scene.topology.api.address)", "dev", device)
        return FaultScript(
            [
                .sysctl(machine, "net/ipv6/conf/all/forwarding", "1"),
                .sysctl(scene.here.place, redirects, "0"),
            ] + way.inject,
            heal: way.heal + [
                .sysctl(scene.here.place, redirects, "1"),
                .sysctl(machine, "net/ipv6/conf/all/forwarding", "0"),
            ])
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
