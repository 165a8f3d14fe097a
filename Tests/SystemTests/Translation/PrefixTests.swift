import Addressing
import Laboratory
import NetworkModel
import Testing

extension SystemTests {
    /// How guests come to know and use the prefix: DNS64, router advertisements, and a translator of their own.
    struct PrefixTests {
        /// Names of the outside world, as a server there has them.
        private static let outsideNames = """
            server:
              interface: 2001:db8:fffe::ff
              access-control: ::/0 allow
              do-daemonize: no
              use-syslog: no
              username: ""
              chroot: ""
              pidfile: ""
              local-zone: example. static
              local-data: "four.example. A 192.88.99.66"
              local-data: "both.example. A 192.88.99.66"
              local-data: "both.example. AAAA 2001:db8:fffe::ff"
              local-data: "mapped.example. A 192.88.99.66"
              local-data: "mapped.example. AAAA ::ffff:192.88.99.66"
            remote-control:
              control-enable: no
            """

        @Test func `the gateway's resolver makes an AAAA record where there is none, and only there`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                let router = try system.machine("isp")
                try await router.command("tee", ["/run/kc/names"], input: Array(Self.outsideNames.utf8))
                    .check("write", "configuration")
                try router.start(role: "names", "/usr/sbin/unbound", ["-c", "/run/kc/names"])
                let told = try await scene.run("h1/web", "rdisc6", "-1", "eth0").output
                let resolver = try #require(
                    told.split(separator: "\n").first { $0.contains("Recursive DNS server") }?
                        .split(separator: " ").last.map(String.init), "\(told)")
                func ask(_ name: String, _ type: String = "AAAA") async throws -> [String] {
                    try await scene.run(
                        "h1/web", "dig", "@\(resolver)", "+short", "+time=1", "+tries=1", "\(name).example", type
                    ).output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix(";") }
                }
                try await system.eventually("the name with an A record alone has an AAAA record") {
                    try await ask("four") == ["64:ff9b::c058:6342"]
                }
                #expect(try await ask("four", "A") == ["192.88.99.66"])
                #expect(try await ask("both") == ["2001:db8:fffe::ff"])
                // RFC 6147 section 5.1.4: what only stands for an IPv4 address is no IPv6 address.
                #expect(try await ask("mapped") == ["64:ff9b::c058:6342"])
                #expect(try await ask("nobody").isEmpty)
                try await scene.serve(on: "server")
                let page = try await scene.run(
                    "h1/web", "curl", "-s", "--max-time", "5", "http://four.example:7007/", "--http0.9", "--resolve",
                    "four.example:7007:[\(try #require(try await ask("four").first))]")
                #expect(page.output.contains("GET / HTTP"), "\(page.output)")
            }
        }

        @Test
        func `guests are told of the prefix while there is a way out, in advertisements that are else as they were`()
            async throws
        {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                /// PREF64's lifetime in units of 8 s and its prefix, of the next advertisement; with a good checksum.
                func advertised() async throws -> [String] {
                    try await scene.run(
                        "h1/plain", "sh", "-c",
                        """
                        tshark -l -i eth0 -a duration:25 -c 1 -T fields -e icmpv6.checksum.status \
                        -e icmpv6.nd.ra.router_lifetime -e icmpv6.opt.pref64.scaled_lifetime \
                        -e icmpv6.opt.pref64.prefix 'icmp6 and ip6[40]==134' 2>/dev/null &
                        # It says that it captures a moment before it does.
                        while kill -0 $! 2>/dev/null; do rdisc6 -1 -w 500 eth0 >/dev/null; done
                        wait
                        """
                    ).output.split(whereSeparator: \.isWhitespace).map(String.init)
                }
                let first = try await advertised()
                #expect(first == ["1", "1800", "225", "64:ff9b::"], "\(first)")
                // The router's own words are still the daemon's: the guest's kernel has its default route by them.
                let route = try await scene.run("h1/plain", "ip", "-6", "route", "show", "default").output
                #expect(route.contains("via fe80::1 dev eth0 proto ra"), "\(route)")
                try await system.machine("isp").ip("link", "set", "ec", "down")
                try await system.eventually("neither is there without a way out", within: .seconds(30)) {
                    try await advertised() == ["1", "0", "0", "64:ff9b::"]
                }
                let doctor = try await system.doctor(of: "h1")
                #expect(
                    doctor.contains("gateway")
                        && doctor.contains("'edge' of project 'default' has no way out: the uplink has no carrier"),
                    "\(doctor)")
                try await system.machine("isp").ip("link", "set", "ec", "up")
                // The kernel has taken the router's addresses with the link.
                try await system.machine("isp").ip("address", "replace", "2001:db8:fffe::ff/64", "dev", "ec", "nodad")
                try await system.machine("isp").ip("route", "replace", "2001:db8:1::/48", "via", "2001:db8:fffe::2")
                try await system.eventually("both are back", within: .seconds(60)) {
                    try await advertised() == ["1", "1800", "225", "64:ff9b::"]
                }
            }
        }

        @Test func `a guest with a translator of its own reaches IPv4 addresses by IPv4`() async throws {
            try await withSystem("nat64") { system in
                let scene = TranslationScene(system: system)
                try await scene.serve(on: "server")
                // 464XLAT (RFC 6877): tayga as the CLAT, with an address of its own in the segment's /64, which the guest
                // claims as any other, and then answers for by proxy.
                let clat = "2001:db8:1:1::c1a7"
                func inGuest(_ commands: String) async throws {
                    let result = try await scene.run("h1/plain", "sh", "-ec", commands)
                    #expect(result.isSuccess, "\(commands): \(result.output) \(result.errors)")
                }
                try await inGuest(
                    """
                    sysctl -qw net.ipv6.conf.eth0.accept_ra=2
                    ip -6 address add \(clat)/128 dev eth0
                    mkdir -p /run/kc/clat
                    cat >/run/kc/clat/conf <<'END'
                    tun-device clat
                    ipv4-addr 192.0.0.2
                    ipv6-addr 2001:db8:1:1::c1a8
                    prefix 64:ff9b::/96
                    map 192.0.0.1 \(clat)
                    data-dir /run/kc/clat
                    END
                    tayga -c /run/kc/clat/conf --mktun
                    """)
                try await system.eventually("the guest's claim was granted") {
                    try await scene.run("h1/plain", "ping", "-c1", "-W1", "-I", clat, "fe80::1%eth0").isSuccess
                }
                try await inGuest(
                    """
                    ip -6 address delete \(clat)/128 dev eth0
                    sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.eth0.proxy_ndp=1
                    ip -6 neighbour add proxy \(clat) dev eth0
                    ip link set clat up mtu 1480
                    ip -6 route add \(clat) dev clat
                    ip address add 192.0.0.1/32 dev clat
                    ip route add default dev clat mtu 1260
                    """)
                let h1 = try system.machine("h1")
                try h1.start(
                    role: "clat", "nsenter",
                    ["--net=/run/netns/plain", "--", "tayga", "-c", "/run/kc/clat/conf", "-d"])
                try await system.eventually("a ping to an IPv4 address is answered") {
                    try await scene.ping("h1/plain", TranslationScene.server).isSuccess
                }
                let told = try await scene.talk("h1/plain", "who-tcp", TranslationScene.server)
                #expect(told.hasPrefix("\(TranslationScene.shared) "), "\(told)")
                #expect(try await scene.talk("h1/plain", "tcp", TranslationScene.server, 100_000) == "back 100000")
            }
        }
    }
}
