import APIClient
import Addressing
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// A guest that is a router, with a network behind it that it got by DHCPv6.
    struct DelegationTests {
        private func delegated(_ name: String, in system: System) async throws -> IPv6Prefix {
            let text = try await system.get(Attachment.kind, name).status?["delegatedPrefix"]?.string
            return try IPv6Prefix(parsing: try #require(text))
        }

        @Test func `a network behind a guest is reached from other segments by what the guest was delegated`()
            async throws
        {
            try await withSystem("addressing") { system in
                let prefix = try await delegated("router", in: system)
                let told = try await StockClient("h2/router", in: system).dhclient("-P")
                #expect(told.contains("new_ip6_prefix=\(prefix)"), "\(told)")
                let h2 = try system.machine("h2")
                let inside = IPv6Address(high: prefix.address.high, low: 1)
                let behind = IPv6Address(high: prefix.address.high, low: 2)
                // The network behind it, as its owner would set it up.
                try await h2.command(
                    "sh",
                    [
                        "-ec",
                        """
                        ip netns add behind
                        ip -n router link add lan0 type veth peer name eth0 netns behind
                        ip netns exec router sysctl -qw net.ipv6.conf.eth0.accept_ra=2 net.ipv6.conf.all.forwarding=1
                        ip -n router addr add \(inside)/64 dev lan0 nodad
                        ip -n router link set lan0 up
                        ip -n router route replace default via fe80::1 dev eth0
                        ip -n behind addr add \(behind)/64 dev eth0 nodad
                        ip -n behind link set eth0 up
                        ip -n behind route add default via \(inside)
                        """,
                    ]
                ).check("set up", "the network behind")
                let auto = try await system.address(of: "h1/auto")
                try await system.kcnet("attachment", "update", "auto", "--policy", "allow-all")
                try await system.kcnet("attachment", "update", "router", "--policy", "allow-all")
                // The guests of this topology are told of no way out: the test's own route to the gateway.
                try await system.machine("h1").command(
                    "ip", ["-n", "auto", "route", "replace", "default", "via", "fe80::1", "dev", "eth0"]
                ).check("route", "auto")
                func reaches(_ namespace: String, on host: String, _ address: IPv6Address) async throws -> Bool {
                    try await system.machine(host).command(
                        "ip", ["netns", "exec", namespace, "ping", "-6", "-n", "-c", "1", "-W", "1", "\(address)"]
                    ).run().status == 0
                }
                try await system.eventually("from behind the router to another segment") {
                    try await reaches("behind", on: "h2", auto)
                }
                #expect(try await reaches("auto", on: "h1", behind))
                // What is delegated and not used ends at the router, what nobody has at the gateway.
                #expect(try await !reaches("auto", on: "h1", IPv6Address(high: prefix.address.high + 8, low: 2)))
                let routes = try await system.machine("h1").command(
                    "sh", ["-c", "ip -n $(ip netns list | grep -o '^kcg-[^ ]*') -6 route show proto 107"]
                ).check("read", "routes")
                #expect(
                    routes.contains("\(prefix) via fe80::") && routes.contains("unreachable \(prefix)"), "\(routes)")
                try await h2.command("ip", ["netns", "delete", "behind"]).check("remove", "the network behind")
                try await system.kcnet("attachment", "delete", "router")
                try await system.eventually("the route is gone with the router") {
                    let left = try await system.machine("h1").command(
                        "sh", ["-c", "ip -n $(ip netns list | grep -o '^kcg-[^ ]*') -6 route show proto 107"]
                    ).check("read", "routes")
                    return !left.contains("\(prefix)")
                }
            }
        }
    }
}
