import Addressing
import NetworkModel
import Resources

extension Fault {
    static let guards: [Fault] = [
        paused("guard-table-deleted", "somebody deleted KC's bridge table") {
            [.nft($0.here.place, "delete table bridge kc")]
        },
        paused("ruleset-flushed", "somebody flushed the whole ruleset of the host") {
            [.nft($0.here.place, "flush ruleset")]
        },
        paused("guard-elements-missing", "what guests may send from is missing in the guards' maps") {
            [.nft($0.here.place, "flush map bridge kc fast\nflush map bridge kc own")]
        },
        // The checksum is filled in when the VXLAN device is left, after it has become a wrong one.
        segments("tcp-checksum-broken", "the host's devices write wrong checksums into TCP, echoes are right") {
            "tcp checksum set 0xdead"
        },
        segments("tcp-segments-dropped", "the host's devices lose large segments of TCP, and nothing else") {
            "meta length > 600 drop"
        },
        Fault("host-firewall", "a firewall of the host's own drops what is forwarded, bridges included") { scene in
            table(scene.here.place, "bridge", [("forward", "iifname \"\(scene.here.port)\" drop")])
        },
    ]

    /// What becomes of TCP that leaves the host by the segment's VXLAN device.
    private static func segments(_ name: String, _ summary: String, _ rule: @escaping @Sendable () -> String) -> Fault {
        Fault(name, summary) { scene in
            let device = scene.vxlan.text
            let bare = table(
                scene.here.place, "bridge", [("forward", "oifname \"\(device)\" meta l4proto tcp \(rule())")])
            return FaultScript(
                [.run(scene.here.place, ["ethtool", "-K", device, "tx", "off"])] + bare.inject,
                heal: bare.heal + [.run(scene.here.place, ["ethtool", "-K", device, "tx", "on"])])
        }
    }

    static let guests: [Fault] = [
        Fault("guest-down", "the guest's interface is down") { scene in
            toggle(scene.here.inside, scene.here.interface.text, "down", "up")
        },
        Fault("guest-no-address", "the guest has no address but its link-local one") { scene in
            let device = scene.here.interface.text
            return FaultScript(
                [.ip(scene.here.inside, "addr", "flush", "dev", device, "scope", "global")],
                heal: again(scene.here))
        },
        Fault("guest-wrong-prefix", "the guest gave itself an address of another prefix") { scene in
            let device = scene.here.interface.text
            return FaultScript(
                [
                    .ip(scene.here.inside, "addr", "flush", "dev", device, "scope", "global"),
                    .ip(scene.here.inside, "addr", "add", "2001:db8:bad::5/64", "dev", device, "nodad"),
                ],
                heal: [.ip(scene.here.inside, "addr", "del", "2001:db8:bad::5/64", "dev", device)]
                    + again(scene.here))
        },
        Fault("guest-firewall", "the guest's own firewall lets nothing in but neighbour discovery") { scene in
            table(
                scene.here.inside, "inet",
                [
                    (
                        "input",
                        "meta l4proto ipv6-icmp icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, "
                            + "nd-router-advert } accept"
                    ),
                    ("input", "drop"),
                ])
        },
        Fault("guest-silent", "the guest answers no neighbour solicitation") { scene in
            table(scene.here.inside, "inet", [("input", "meta l4proto ipv6-icmp icmpv6 type nd-neighbor-solicit drop")])
        },
        Fault("guest-mtu", "the guest's interface sends larger frames than the segment carries") { scene in
            let device = scene.here.interface.text
            let heeds = "net/ipv6/conf/\(device)/accept_ra_mtu"
            // Or the next router advertisement would tell it the right one.
            return FaultScript(
                [
                    .sysctl(scene.here.inside, heeds, "0"),
                    .ip(scene.here.inside, "link", "set", device, "mtu", "9000"),
                ],
                heal: [
                    .ip(scene.here.inside, "link", "set", device, "mtu", "\(scene.mtu)"),
                    .sysctl(scene.here.inside, heeds, "1"),
                ])
        },
        Fault("duplicate-mac", "the guest has taken the MAC address of the other one") { scene in
            let device = scene.here.interface.text
            return FaultScript(
                [.ip(scene.here.inside, "link", "set", device, "address", "\(scene.there.mac)")],
                heal: [.ip(scene.here.inside, "link", "set", device, "address", "\(scene.here.mac)")])
        },
        Fault("duplicate-address", "the guest has taken the address of the other one") {
            scene throws(LaboratoryError) in
            let address = "\(try scene.theirAddress())/64"
            let device = scene.here.interface.text
            return FaultScript(
                [.ip(scene.here.inside, "addr", "add", address, "dev", device, "nodad")],
                heal: [.ip(scene.here.inside, "addr", "del", address, "dev", device)])
        },
        Fault("spoofed-source", "the guest sends from an address that is not its own") {
            scene throws(LaboratoryError) in
            let peer = "\(try scene.theirAddress())/128"
            let device = scene.here.interface.text
            return FaultScript(
                [
                    .ip(scene.here.inside, "addr", "add", "2001:db8:bad::6/128", "dev", device, "nodad"),
                    .ip(scene.here.inside, "route", "add", peer, "dev", device, "src", "2001:db8:bad::6"),
                ],
                heal: [
                    .ip(scene.here.inside, "route", "del", peer, "dev", device),
                    .ip(scene.here.inside, "addr", "del", "2001:db8:bad::6/128", "dev", device),
                ])
        },
    ]

    /// The guest asks for a router, and makes its addresses again.
    private static func again(_ end: FaultScene.End) -> [FaultStep] {
        ["down", "up"].map { .ip(end.inside, "link", "set", end.interface.text, $0) }
    }
}
