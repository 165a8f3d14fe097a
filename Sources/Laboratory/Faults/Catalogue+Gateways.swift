import Addressing
import Glibc
import NetworkModel
import Resources

extension Fault {
    static let gateways: [Fault] = [
        gateway("no-router-advertisements", "radvd of the gateway has ended and cannot be started", .stronger) {
            cannotRun("radvd", "/usr/sbin/radvd", $0)
        },
        gateway("resolver-dead", "unbound of the gateway has ended and cannot be started", .stronger) {
            cannotRun("unbound", "/usr/sbin/unbound", $0)
        },
        gateway("dns-wrong", "the gateway's resolver reaches no other one") { router in
            // Not on loopback, where the agent asks whether the resolver lives.
            table(
                router.inside, "inet",
                ["udp", "tcp"].map { ("output", #"oifname != "lo" \#($0) dport 53 drop"#) })
        },
        Fault(
            "wrong-router",
            "somebody behind a foreign port of the bridge on the peer's host, let in by a foreign rule, says that it is a router"
        ) { scene in
            wrongRouter(scene)
        },
        gateway("gateway-deleted", "somebody deleted the gateway's namespace", .paused) { router in
            FaultScript([.ip(.machine(router.host), "netns", "del", router.namespace.text)], heal: [])
                .whilePaused(router.host)
        },
        gateway("gateway-not-forwarding", "the gateway's namespace does not forward", .paused) { router in
            FaultScript([.sysctl(router.inside, "net/ipv6/conf/all/forwarding", "0")], heal: [])
                .whilePaused(router.host)
        },
        gateway("gateway-port-down", "the gateway's interface in the segment is down", .paused) { router in
            FaultScript([.ip(router.inside, "link", "set", router.interface.text, "down")], heal: [])
                .whilePaused(router.host)
        },
        Fault("nat64-mapping-missing", "the gateway's translator has lost the mapping of the attachment", .paused) {
            scene throws(LaboratoryError) in
            let (router, device) = (try scene.theRouter(), "nat0")
            guard let address = scene.here.address else {
                throw LaboratoryError(.absent, operation: "find", subject: "an address of \(scene.here.attachment)")
            }
            let key = address.bytes.map { String($0, radix: 16) }.joined(separator: " ")
            // Of the tables of the programs at the device, the one that is by senders.
            let script = """
                for program in $( (tc filter show dev \(device) ingress; tc filter show dev \(device) egress) \
                    | sed -n 's/.* id \\([0-9]*\\) .*/\\1/p'); do
                    for map in $(bpftool -j prog show id $program \
                        | sed -n 's/.*"map_ids":.\\([0-9,]*\\)\\].*/\\1/p' | tr , ' '); do
                        bpftool -j map show id $map | grep -q '"name":"by_ipv6"' || continue
                        bpftool map delete id $map key hex \(key) && exit 0
                    done
                done
                exit 1
                """
            return FaultScript([.run(router.inside, ["sh", "-c", script])], heal: []).whilePaused(router.host)
        },
        Fault("uplink-down", "the gateway's uplink is down", .paused) { scene throws(LaboratoryError) in
            let router = try scene.theRouter()
            guard router.hasUplink else {
                throw LaboratoryError(.absent, operation: "find", subject: "an uplink", message: "the gateway has none")
            }
            return FaultScript([.ip(router.inside, "link", "set", "up0", "down")], heal: []).whilePaused(router.host)
        },
        Fault("no-route-back", "the router outside has no route to the segment's prefix") {
            scene throws(LaboratoryError) in
            guard let prefix = scene.prefix else {
                throw LaboratoryError(.absent, operation: "find", subject: "the segment's prefix")
            }
            let router = try scene.underlayRouter().name
            return FaultScript(
                [.ip(.machine(router), "route", "add", "unreachable", "\(prefix)", "metric", "1")],
                heal: [.ip(.machine(router), "route", "del", "unreachable", "\(prefix)", "metric", "1")])
        },
    ]

    static let control: [Fault] = [
        Fault("agent-dead", "the host's agent was killed") { scene in
            let host = scene.here.host.name
            return FaultScript([.kill(role: "node", on: host)], heal: [.restart(role: "node", on: host)])
        },
        Fault("agent-stuck", "the host's agent does nothing any more (SIGSTOP)") { scene in
            let host = scene.here.host.name
            return FaultScript(
                [.signal(SIGSTOP, role: "node", on: host)], heal: [.signal(SIGCONT, role: "node", on: host)])
        },
        Fault("api-unreachable", "the host cannot reach the API; what it knows of the world grows old") { scene in
            table(
                scene.here.place, "inet",
                [
                    ("output", "ip6 daddr \(scene.topology.api.address) drop"),
                    ("input", "ip6 saddr \(scene.topology.api.address) drop"),
                ])
        },
        Fault(
            "snapshot-stale",
            "what the API tells the host's agent does not come, what the agent says does; until it connects anew"
        ) { scene in
            // By the connection that it has sent nothing by for the longest time it listens.
            let (address, port) = (scene.topology.api.address, scene.topology.api.port)
            let script = """
                # An agent that has just been cut off comes back in a moment.
                for try in $(seq 50); do
                    own=$(ss -tniH state established "dst [\(address)]:\(port)" | paste - - | tr -s ' \\t' ' ' \
                        | sed -n 's/^[0-9]* [0-9]* [^ ]*\\]:\\([0-9]*\\) .* lastsnd:\\([0-9]*\\) .*/\\2 \\1/p' | sort -n \
                        | tail -1 | cut -d' ' -f2)
                    test -n "$own" && break
                    sleep 0.2
                done
                test -n "$own" && nft -f - <<END
                add table inet \(table)
                add chain inet \(table) input { type filter hook input priority -5; policy accept; }
                add rule inet \(table) input ip6 saddr \(address) tcp sport \(port) tcp dport $own drop
                END
                """
            return FaultScript(
                [.run(scene.here.place, ["sh", "-c", script])],
                heal: [.nft(scene.here.place, "delete table inet \(table)")])
        },
        Fault("clock-wrong", "the clock by which the host's agent goes is an hour ahead") { scene in
            let host = scene.here.host.name
            return FaultScript(
                [.kill(role: "node", on: host), .restart(role: "node", on: host, clockShift: 3600)],
                heal: [.kill(role: "node", on: host), .restart(role: "node", on: host)])
        },
        Fault("host-dead", "the host has stopped: no cable, no agent") { scene in
            let host = scene.here.host.name
            let cable = toggle(scene.link, host.text, "down", "up")
            return FaultScript(
                cable.inject + [.signal(SIGSTOP, role: "node", on: host)],
                heal: cable.heal + [.signal(SIGCONT, role: "node", on: host)])
        },
    ]

    /// A namespace with radvd at the segment's bridge of the other host, by a device that no guard knows, and a rule before the
    /// guard that gives its frames the mark of a member's: without that they reach nobody. Guests learn no address of it.
    private static func wrongRouter(_ scene: FaultScene) -> FaultScript {
        let (space, inner, outer, files) = ("labrouter", "rogue0", "labrouter0", "/run/labrouter")
        let settings = """
            interface \(inner) {
                AdvSendAdvert on;
                AdvDefaultLifetime 600;
                prefix 2001:db8:bad::/64 { AdvOnLink off; AdvAutonomous off; };
            };

            """
        let rules = """
            table bridge \(space) {
                chain in {
                    type filter hook prerouting priority -400;
                    iifname "\(outer)" meta mark set 0x6b630000
                }
            }

            """
        let place = scene.there.place
        return FaultScript(
            [
                .run(place, ["nft", "-f", "-"], input: rules), .ip(place, "netns", "add", space),
                .ip(place, "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", space),
                .sysctl(place, "net/ipv6/conf/\(outer)/disable_ipv6", "1"),
                .ip(place, "link", "set", outer, "mtu", "\(scene.mtu)", "master", scene.bridge.text, "up"),
                .run(place, ["ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"]),
                .ip(place, "-n", space, "link", "set", inner, "addrgenmode", "none"),
                .ip(place, "-n", space, "link", "set", inner, "mtu", "\(scene.mtu)", "up"),
                .ip(place, "-n", space, "addr", "add", "fe80::bad/64", "dev", inner, "nodad"),
                .run(place, ["tee", files + ".conf"], input: settings),
                .run(
                    place,
                    ["ip", "netns", "exec", space, "radvd", "-C", files + ".conf", "-p", files + ".pid", "-m", "none"]),
            ],
            heal: [
                // Its last words take the default route away from whoever believed it.
                .run(place, ["sh", "-c", "kill $(cat \(files).pid)"]),
                .ip(place, "netns", "del", space), .run(place, ["nft", "delete", "table", "bridge", space]),
                .run(place, ["rm", "-f", files + ".conf", files + ".pid"]),
            ])
    }

    private static func gateway(
        _ name: String, _ summary: String, _ holding: Holding = .stays,
        _ script: @escaping @Sendable (FaultScene.Router) -> FaultScript
    ) -> Fault {
        Fault(name, summary, holding) { scene throws(LaboratoryError) in script(try scene.theRouter()) }
    }

    /// The program's file is covered by one that ends at once, in the host's own mount namespace.
    private static func cannotRun(_ program: String, _ path: String, _ router: FaultScene.Router) -> FaultScript {
        FaultScript(
            [
                .run(.machine(router.host), ["mount", "--bind", "/bin/false", path]),
                .killAll(program: program, in: router.namespace, on: router.host),
            ],
            heal: [.run(.machine(router.host), ["umount", path])])
    }
}
