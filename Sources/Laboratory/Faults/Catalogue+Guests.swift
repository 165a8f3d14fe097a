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
        Fault("peer-firewall", "a firewall of the peer's host drops what is forwarded, bridges included") { scene in
            table(scene.there.place, "bridge", [("forward", "oifname \"\(scene.there.port)\" drop")])
        },
        Fault("forward-policy", "the host's firewall forwards nothing, and sees bridged frames, too") { scene in
            let calls = "net/bridge/bridge-nf-call-ip6tables"
            let firewall = table(scene.here.place, "ip6", [("forward", "drop")])
            return FaultScript(
                [.sysctl(scene.here.place, calls, "1")] + firewall.inject,
                heal: firewall.heal + [.sysctl(scene.here.place, calls, "0")])
        },
        Fault("tunnel-filter", "a filter at the host's tunnel drops what comes out of it") { scene in
            FaultScript(
                [
                    .nft(
                        scene.here.place,
                        """
                        add table netdev \(table)
                        add chain netdev \(table) in { type filter hook ingress device "\(scene.vxlan)" priority 0; }
                        add rule netdev \(table) in drop
                        """)
                ], heal: [.nft(scene.here.place, "delete table netdev \(table)")])
        },
        Fault("solicitations-dropped", "a filter on the peer's host drops neighbour solicitations out of the tunnel") {
            scene in
            table(
                scene.there.place, "bridge",
                [("prerouting", "iifname \"\(scene.vxlan)\" icmpv6 type nd-neighbor-solicit drop")])
        },
        paused("guard-element-missing", "one element of a guard's set is missing: what the guest may say it is") {
            scene in
            let (high, low) = (scene.here.address?.high ?? 0, scene.here.address?.low ?? 0)
            let key = "\"\(scene.here.port)\" . 0x\(String(high, radix: 16)) . 0x\(String(low, radix: 16))"
            return [.nft(scene.here.place, "delete element bridge kc targets { \(key) }")]
        },
        paused("guard-rule-added", "somebody put a rule of his own into KC's table") {
            [.nft($0.here.place, "insert rule bridge kc from-port iifname \"\($0.here.port)\" ether type ip6 drop")]
        },
        Fault("policy-denies", "the attachment has a policy that lets nobody in") { scene throws(LaboratoryError) in
            guard let policy = Name("lab-nobody") else {
                throw LaboratoryError(.invalid, operation: "name", subject: "lab-nobody")
            }
            let (attachment, project) = (scene.here.attachment, scene.project)
            return FaultScript(
                [
                    .makePolicy(policy, project: project),
                    .usePolicies([policy.text], by: attachment, project: project),
                ],
                heal: [
                    .usePolicies(scene.here.policies, by: attachment, project: project),
                    .removePolicy(policy, project: project),
                ])
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
        // KC keeps the interface of a namespace as it made it, whenever it reads it again.
        Fault("guest-down", "the guest's interface is down", .paused) { scene in
            toggle(scene.here.inside, scene.here.interface.text, "down", "up").whilePaused(scene.here.host.name)
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
        Fault("guest-no-answers", "the guest's own firewall lets no answer to an echo out") { scene in
            table(scene.here.inside, "inet", [("output", "meta l4proto ipv6-icmp icmpv6 type echo-reply drop")])
        },
        Fault("guest-neighbour-wrong", "the guest has a wrong permanent neighbour entry for the other one") {
            scene throws(LaboratoryError) in
            let (peer, device) = ("\(try scene.theirAddress())", scene.here.interface.text)
            return FaultScript(
                [
                    .ip(
                        scene.here.inside, "neigh", "replace", peer, "lladdr", "02:00:00:de:ad:02", "dev", device,
                        "nud",
                        "permanent")
                ], heal: [.ip(scene.here.inside, "neigh", "del", peer, "dev", device)])
        },
        Fault("guest-no-route", "the guest's routing table says that the other one is unreachable") {
            scene throws(LaboratoryError) in
            let peer = "\(try scene.theirAddress())/128"
            return FaultScript(
                [.ip(scene.here.inside, "route", "add", "blackhole", peer, "metric", "1")],
                heal: [.ip(scene.here.inside, "route", "del", "blackhole", peer, "metric", "1")])
        },
        Fault("guest-silent", "the guest answers no neighbour solicitation") { scene in
            table(scene.here.inside, "inet", [("input", "meta l4proto ipv6-icmp icmpv6 type nd-neighbor-solicit drop")])
        },
        Fault("guest-mtu", "the guest's interface sends larger frames than the segment carries", .paused) { scene in
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
                ]
            ).whilePaused(scene.here.host.name)
        },
        Fault("duplicate-mac", "the guest has taken the MAC address of the other one", .paused) { scene in
            let device = scene.here.interface.text
            return FaultScript(
                [.ip(scene.here.inside, "link", "set", device, "address", "\(scene.there.mac)")],
                heal: [.ip(scene.here.inside, "link", "set", device, "address", "\(scene.here.mac)")]
            ).whilePaused(scene.here.host.name)
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
