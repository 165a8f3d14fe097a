import Addressing
import Resources

extension Fault {
    static let multicast: [Fault] = [
        Fault("multicast-dropped", "the switch passes no group of VXLAN on to the host") { scene in
            table(
                scene.link, "bridge",
                [("forward", "oifname \"\(scene.here.host.name)\" ip6 daddr ff15::/16 drop")])
        },
        Fault("multicast-group-dropped", "the switch passes the segment's group on to nobody, the others it does") {
            scene in
            table(scene.link, "bridge", [("forward", "ip6 daddr \(scene.group) drop")])
        },
        Fault("multicast-not-from-host", "the switch drops the groups of VXLAN that the host sends") { scene in
            table(
                scene.link, "bridge",
                [("forward", "iifname \"\(scene.here.host.name)\" ip6 daddr ff15::/16 drop")])
        },
        Fault("snooping-forgets", "the snooping switch hears no report of the host, and floods nothing to it") {
            scene in
            snooping(scene.link, deafTo: scene.here.host.name)
        },
        Fault("querier-without-router", "there is a querier, and the multicast router's leg has not joined") {
            scene throws(LaboratoryError) in
            snooping(scene.link, deafTo: try scene.underlayRouter().name)
        },
        Fault("multicast-router-stopped", "the multicast router between the links has no routes for groups") {
            scene throws(LaboratoryError) in
            let router = try scene.underlayRouter().name
            return FaultScript(
                [.kill(role: "smcrouted", on: router)], heal: [.restart(role: "smcrouted", on: router)])
        },
        Fault("group-join-failed", "the host's kernel has no memory for one more group (ENOMEM)", .stronger) {
            scene in
            let path = "net/core/optmem_max"
            return FaultScript(
                [
                    .sysctl(scene.here.place, path, "64"),
                    .ip(scene.here.place, "link", "set", scene.vxlan.text, "down"),
                ], heal: [.sysctl(scene.here.place, path, "131072")])
        },
    ]

    /// A querier makes the switch prune; who reports nothing gets nothing.
    private static func snooping(_ link: FaultPlace, deafTo port: Name) -> FaultScript {
        let rule = "iifname \"\(port)\" meta l4proto ipv6-icmp icmpv6 type { 131, 132, 143 } drop"
        let deaf = table(link, "bridge", [("prerouting", rule)])
        return FaultScript(
            deaf.inject + [
                // What was reported before is forgotten.
                .ip(link, "link", "set", "br0", "type", "bridge", "mcast_snooping", "0"),
                .ip(
                    link, "link", "set", "br0", "type", "bridge", "mcast_snooping", "1", "mcast_querier", "1",
                    "mcast_query_response_interval", "10", "mcast_startup_query_interval", "10"),
                .run(link, ["bridge", "link", "set", "dev", port.text, "mcast_flood", "off"]),
            ],
            heal: deaf.heal + [
                .run(link, ["bridge", "link", "set", "dev", port.text, "mcast_flood", "on"]),
                .ip(link, "link", "set", "br0", "type", "bridge", "mcast_querier", "0", "mcast_snooping", "0"),
                .ip(link, "link", "set", "br0", "type", "bridge", "mcast_snooping", "1"),
            ])
    }
}
