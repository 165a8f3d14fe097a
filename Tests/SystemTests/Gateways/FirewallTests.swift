import APIClient
import Addressing
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// What a gateway lets through and what not, by real packets of guests and of the outside world.
    struct FirewallTests {
        /// What the gateway's firewall has dropped for a reason, as `kcnet drops` tells it.
        private func dropped(_ reason: String, project: String = "default", _ system: System) async throws -> Int {
            let text = try await system.kcnet("drops", "--gateway", "edge", "--project", project, "-o", "json")
            let node = try JSONParser.parse(Array(text.utf8))
            return node["drops"]?["counters"]?[reason].flatMap { Int($0.excerpt) } ?? 0
        }

        private func python(_ place: String, _ script: String, _ system: System) async throws -> String {
            let place = try #require(GuestPlace(place))
            return try await system.laboratory.machine(place.host).command(
                inGuest: place.guest, "python3", ["-c", script], timeout: .seconds(60)
            ).check("run python in", "\(place)")
        }

        private func put(_ kind: KindName, _ name: String, _ spec: String, _ system: System) async throws {
            _ = try await system.client.update(
                system.collection(kind), name, Array(#"{"name":"\#(name)","spec":\#(spec)}"#.utf8), ifMatch: nil)
        }

        /// "ok", or why a TCP connection does not come to be.
        private func connect(_ place: String, to address: IPv6Address, port: Int, _ system: System) async throws
            -> String
        {
            try await python(
                place,
                """
                import socket
                s = socket.socket(socket.AF_INET6); s.settimeout(1)
                try: s.connect(("\(address)", \(port))); print("ok")
                except OSError as e: print(type(e).__name__)
                """, system
            ).split(separator: "\n").first.map(String.init) ?? ""
        }

        /// Listens on TCP port 80 in a guest until the laboratory goes.
        private func listen(_ place: String, _ system: System) async throws {
            let place = try #require(GuestPlace(place))
            let script = """
                import socket
                s = socket.create_server(("::", 80), family=socket.AF_INET6)
                while True: s.accept()
                """
            try system.laboratory.machine(place.host).start(
                role: "listen-\(place.guest)", "nsenter",
                ["--net=/run/netns/\(place.guest)", "--", "python3", "-c", script])
        }

        @Test func `a gateway takes nothing that is not for it, knows its sources, and keeps projects apart`()
            async throws
        {
            try await withSystem("routed") { system in
                let (web, db) = (try await system.address(of: "h1/web"), try await system.address(of: "h1/db"))
                let shop = try await system.address(of: "h1/shop")
                for place in ["h1/db", "h1/shop"] { try await listen(place, system) }
                try await system.eventually("segments of one gateway reach each other") {
                    try await connect("h1/web", to: db, port: 80, system) == "ok"
                }
                // Input: nothing of the gateway itself is there for TCP, whoever listens.
                let router = try IPv6Address(parsing: "2001:db8:1:2::")
                let before = try await dropped("input", system)
                #expect(try await connect("h1/web", to: router, port: 22, system) == "TimeoutError")
                #expect(try await dropped("input", system) > before)
                // Projects: the other one's gateway lets no connection in, and what is dropped is its own to tell.
                let foreign = try await dropped("policy", project: "shop", system)
                #expect(try await connect("h1/web", to: shop, port: 80, system) == "TimeoutError")
                #expect(try await dropped("policy", project: "shop", system) > foreign)
                #expect(try await connect("h1/shop", to: web, port: 80, system) != "ok")
                // Neither the underlay nor the API is reached through a host. What is beyond an operator's own interface
                // is the operator's: the router there leads to the underlay, in this topology.
                for place in ["h1/web", "h2/app"] {
                    for address in ["fd0a::1", "fd0a::2", "fd0a::a"] {
                        let target = try IPv6Address(parsing: address)
                        #expect(try await !system.ping(from: place, to: target), "\(place) reaches \(address)")
                        #expect(try await connect(place, to: target, port: 8443, system) != "ok", "\(place) \(address)")
                    }
                }
                // A source that the port may use and the gateway does not route: it comes no further than there.
                let other = try IPv6Address(parsing: "2001:db8:77::7")
                try await put(
                    Attachment.kind, "web",
                    #"{"segment":"blue","host":"h1","policies":["allow-all"],"#
                        + #""allowedAddresses":["2001:db8:77::/64"],"port":{"type":"namespace","namespace":"web"}}"#,
                    system)
                try await system.eventually("the spoofed packet is counted") {
                    _ = try await python(
                        "h1/web",
                        """
                        import socket
                        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                        s.setsockopt(socket.IPPROTO_IPV6, 78, 1); s.bind(("\(other)", 0))
                        for _ in range(5): s.sendto(b"x", ("\(db)", 9))
                        """, system)
                    return try await dropped("spoofed", system) >= 5
                }
                let table = try await system.kcnet("drops", "--gateway", "edge")
                for reason in ["input", "spoofed"] {
                    let explanation = try #require(GatewayDropExplanation(rawValue: reason))
                    #expect(table.contains(reason) && table.contains(explanation.rule), "\(table)")
                }
                try await metricsTell(system)
                let routes = try await system.kcnet("route", "list", "edge")
                for part in ["2001:db8:1:1::/64", "exported", "unreachable", "::/0", "fe80::1 dev up0", "up"] {
                    #expect(routes.contains(part), "\(part) is not in\n\(routes)")
                }
            }
        }

        private func metricsTell(_ system: System) async throws {
            let id = try await system.get(Gateway.kind, "edge").id
            try await system.eventually("the agent's metrics have them") {
                let text = try await system.machine("h1").command("cat", ["/run/kc/metrics/node.prom"])
                    .check("read", "metrics")
                return text.split(separator: "\n").contains {
                    $0.hasPrefix("kc_gateway_drops_total{gateway=\"\(id)\",reason=\"spoofed\"} ") && !$0.hasSuffix(" 0")
                }
            }
        }

        @Test func `floods of one are bounded, and others lose nothing by them`() async throws {
            try await withSystem("routed") { system in
                let (web, db) = (try await system.address(of: "h1/web"), try await system.address(of: "h1/db"))
                let world = try system.machine("world")
                // A scan of a whole /64 from outside, while honest traffic goes on.
                let ping = try await FastPing.start(
                    from: "h1/web", to: try IPv6Address(parsing: "2001:db8:ffff::1"), every: 10, in: system)
                let scan = """
                    import random, socket
                    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                    for _ in range(20000):
                        s.sendto(b"x", ("2001:db8:1:1::%x:%x" % (random.randrange(1 << 16), random.randrange(1 << 16)), 9))
                    """
                try await world.command("python3", ["-c", scan], timeout: .seconds(60)).check("scan", "blue")
                let entries = try await system.machine("h1").command(
                    "sh",
                    [
                        "-c",
                        "for n in $(ip netns list | grep -o '^kcg-[^ ]*'); do ip -n $n -6 neigh show nud all; done | wc -l",
                    ]
                ).check("count", "neighbours")
                let (lost, sent) = try await ping.stop()
                print("scan of 20000: honest traffic lost \(lost) of \(sent), \(entries) neighbour entries")
                #expect(lost == 0, "of \(sent)")
                #expect(try #require(Int(entries.prefix { $0.isNumber })) < 400)
                #expect(try await dropped("unknown", system) > 10_000)
                try await sweep(system, db)
                // One source that begins flow after flow; another one notices nothing.
                try await put(
                    Gateway.kind, "edge",
                    #"{"host":"h1","segments":["blue","red"],"uplink":{"type":"routed"},"#
                        + #""limits":{"newFlowsPerSource":50,"bandwidthPerSegment":8000000}}"#, system)
                try await system.eventually("the limits are there") {
                    try await system.phase(Gateway.kind, "edge") == "wired"
                }
                let honest = try await FastPing.start(from: "h2/app", to: db, every: 10, in: system)
                _ = try await python(
                    "h1/web",
                    """
                    import socket
                    for port in range(2000):
                        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b"x", ("\(db)", 1024 + port)); s.close()
                    """, system)
                let rated = try await dropped("rate", system)
                let (missed, of) = try await honest.stop()
                print("2000 flows at once: \(rated) dropped; honest traffic lost \(missed) of \(of)")
                #expect(rated > 500 && rated <= 2000)
                #expect(missed == 0, "of \(of)")
                try await bandwidth(system, web)
            }
        }

        /// A guest scans another segment of its gateway; one of a third place and the scanned segment notice nothing.
        private func sweep(_ system: System, _ db: IPv6Address) async throws {
            let before = try await dropped("unknown", system)
            let ping = try await FastPing.start(from: "h2/app", to: db, every: 10, in: system)
            _ = try await python(
                "h1/web",
                """
                import random, socket
                s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                for _ in range(20000):
                    s.sendto(b"x", ("2001:db8:1:2::%x:%x" % (random.randrange(1 << 16), random.randrange(1 << 16)), 9))
                """, system)
            let sought = try await system.machine("h1").command(
                "sh",
                [
                    "-c",
                    "for n in $(ip netns list | grep -o '^kcg-[^ ]*'); do ip -n $n -6 neigh show nud all to 2001:db8:1:2::/64; done | wc -l",
                ]
            ).check("count", "neighbours")
            let (lost, sent) = try await ping.stop()
            let refused = try await dropped("unknown", system) - before
            print(
                "a guest's scan of 20000: \(refused) dropped, \(sought) neighbour entries, others lost \(lost) of \(sent)"
            )
            #expect(lost == 0, "of \(sent)")
            #expect(try #require(Int(sought.prefix { $0.isNumber })) < 300)
            // What its port lets begin of that: 1,000 flows a second.
            #expect(refused > 500)
        }

        /// What one segment takes of the uplink, in a TCP stream out of it: 8 Mbit/s are allowed.
        private func bandwidth(_ system: System, _ web: IPv6Address) async throws {
            let world = try system.machine("world")
            try world.start(role: "sink", "iperf3", ["-s", "-1"])
            var text = ""
            try await system.eventually("iperf3 has measured") {
                let place = try #require(GuestPlace("h1/web"))
                text = try await system.laboratory.machine(place.host).command(
                    inGuest: place.guest, "iperf3", ["-6", "-c", "2001:db8:ffff::1", "-t", "6", "-J"],
                    timeout: .seconds(30)
                ).check("measure", "web")
                // A server that does not listen yet is an error in JSON, and none of the status.
                return try JSONParser.parse(Array(text.utf8))["error"] == nil
            }
            let node = try JSONParser.parse(Array(text.utf8))
            let rate = node["end"]?["sum_received"]?["bits_per_second"].flatMap { Double($0.excerpt) } ?? 0
            print("measured \(Int(rate / 1000)) kbit/s of 8000 allowed")
            // The kernel's bucket holds a second's worth and the burst of 256 KiB, which come on top: 10 Mbit in six seconds.
            #expect(rate > 4_000_000 && rate < 10_200_000)
        }
    }
}
