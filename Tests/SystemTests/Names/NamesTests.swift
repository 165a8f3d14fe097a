import APIClient
import Addressing
import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing
import Waiting

extension SystemTests {
    /// Zones on a host with the role `dns`, asked by stock clients from another host of the underlay.
    struct NamesTests {
        private static let server = "fd0a::1"
        private static let forward = "cloud.example"

        @Test func `attachments resolve both ways within a second, follow what is learned, and go`() async throws {
            try await withSystem("names") { system in
                try await system.zonesAreServed()
                // Learned by the agent from the guest's own duplicate address detection.
                let web = try await system.address(of: "h1/web")
                try await system.eventually("web has its learned address as its name") {
                    try await system.dig("web.blue.default.cloud.example", "AAAA") == ["\(web)"]
                }
                #expect(
                    try await system.dig("-x", "\(web)") == ["web.blue.default.cloud.example."])
                #expect(
                    try await system.dig("www.default.cloud.example", "AAAA")
                        == ["web.blue.default.cloud.example.", "\(web)"])
                #expect(try await system.dig("-x", "fd00:0:0:9::db") == ["db.green.default.cloud.example."])
                var longest = Duration.zero
                for number in 1...10 {
                    let begun = ContinuousClock.now
                    try await system.create(
                        Attachment.kind,
                        #"{"name":"a\#(number)","spec":{"segment":"green","addresses":["fd00:0:0:9::\#(number)"]}}"#)
                    try await system.eventually("a\(number) resolves") {
                        try await system.dig("a\(number).green.default.cloud.example", "AAAA")
                            == ["fd00:0:0:9::\(number)"]
                    }
                    longest = max(longest, begun.duration(to: .now))
                    try await system.eventually("and back") {
                        try await system.dig("-x", "fd00:0:0:9::\(number)")
                            == ["a\(number).green.default.cloud.example."]
                    }
                }
                #expect(longest < .seconds(1), "the slowest of ten took \(longest)")
                // What changes while no agent is there, the next one has the server read.
                let h1 = try system.machine("h1")
                try await h1.stop("node", signal: SIGKILL)
                try await system.create(
                    Attachment.kind,
                    #"{"name":"meanwhile","spec":{"segment":"green","addresses":["fd00:0:0:9::99"]}}"#)
                #expect(try await system.dig("a2.green.default.cloud.example", "AAAA") == ["fd00:0:0:9::2"])
                try h1.restart("node")
                try await system.eventually("what came meanwhile resolves") {
                    try await system.dig("meanwhile.green.default.cloud.example", "AAAA") == ["fd00:0:0:9::99"]
                }
                try await delegateReverse(in: system)
                try await system.kcnet("attachment", "delete", "a1")
                try await system.eventually("a1 is gone", within: .seconds(2)) {
                    let forward = try await system.dig("a1.green.default.cloud.example", "AAAA")
                    let back = try await system.dig("-x", "fd00:0:0:9::1")
                    return forward.isEmpty && back.isEmpty
                }
            }
        }

        /// Who holds a delegated prefix has others serve its reverse names, for as long as it holds it.
        private func delegateReverse(in system: System) async throws {
            try await system.kcnet("pool", "create", "behind", "--type", "delegation", "--prefix", "fd00:0:d::/48")
            try await system.kcnet("segment", "create", "asked", "--ipam", "automatic", "--dhcp", "stateless")
            try await system.kcnet("attachment", "create", "router", "--segment", "asked", "--delegate", "60")
            let status = try await system.get(Attachment.kind, "router").status
            let prefix = try #require(status?["delegatedPrefix"]?.string)
            try await system.kcnet(
                "record", "create", "theirs", "--zone", "reverse", "--at", prefix, "--type", "NS", "--value",
                "ns.router.example")
            let base = try IPv6Prefix(parsing: prefix).address
            let inside = IPv6Address(high: base.high, low: 7)
            func referral() async throws -> Bool {
                try await system.machine("h2").command(
                    "dig", ["@fd0a::1", "+noall", "+authority", "+time=1", "+tries=1", "+norecurse", "-x", "\(inside)"]
                ).run().output.contains("ns.router.example.")
            }
            try await system.eventually("a question about the prefix is referred") { try await referral() }
            try await system.kcnet("attachment", "delete", "router")
            try await system.eventually("no longer without its holder", within: .seconds(5)) {
                try await !referral()
            }
        }

        @Test func `answers validate with the key that the status names`() async throws {
            try await withSystem("names") { system in
                try await system.zonesAreServed()
                let zone = try await system.get(Zone.kind, "cloud")
                let signer = try #require(zone.status?["hosts"]?["h1"]?["details"]?["ds"]?.string)
                let words = signer.split(separator: " ").dropFirst(3)
                let anchors = FileManager.default.temporaryDirectory.path + "/kc-anchor-\(getpid())"
                let text =
                    #"trust-anchors { "cloud.example." static-ds \#(words.prefix(3).joined(separator: " ")) "\#(words.last ?? "")"; };"#
                try text.write(toFile: anchors, atomically: true, encoding: .utf8)
                defer { unlink(anchors) }
                func delv(_ name: String, _ type: String) async throws -> String {
                    try await system.machine("h2").command(
                        "delv", ["@fd0a::1", "-a", anchors, "+root=cloud.example", name, type]
                    ).run().output
                }
                #expect(try await delv("db.green.default.cloud.example", "AAAA").contains("; fully validated"))
                #expect(try await delv("none.cloud.example", "AAAA").contains("; negative response, fully validated"))
            }
        }

        @Test func `a secondary with the key copies the zone and hears of changes; without it it gets nothing`()
            async throws
        {
            try await withSystem("names") { system in
                try await system.zonesAreServed()
                let h1 = try system.machine("h1")
                let h2 = try system.machine("h2")
                let secret = "a2Mtc2VjcmV0LW9mLTMyLW9jdGV0cy1mb3ItdGVzdHM="
                try await h1.command(
                    "sh",
                    ["-c", "mkdir -p /var/lib/kc/node/dns/tsig && echo \(secret) > /var/lib/kc/node/dns/tsig/xfr.key"]
                ).check("put", "key")
                try await system.kcnet("zone", "update", "cloud", "--secondary", "fd0a::2,xfr")
                try await system.zonesAreServed()
                let folder = "/run/kc/secondary"
                let text = """
                    server:
                      rundir: "\(folder)"
                      pidfile: "\(folder)/pid"
                      listen: "fd0a::2@53"
                    log:
                      - target: stderr
                        any: info
                    database:
                      storage: "\(folder)"
                    key:
                      - id: xfr.
                        algorithm: hmac-sha256
                        secret: "\(secret)"
                    remote:
                      - id: primary
                        address: "fd0a::1@53"
                        key: xfr.
                    acl:
                      - id: notify
                        address: "fd0a::1"
                        key: xfr.
                        action: notify
                    zone:
                      - domain: cloud.example.
                        master: primary
                        acl: notify
                        file: "\(folder)/zone"
                    """
                try await h2.command(
                    "sh", ["-c", "mkdir -p \(folder) && cat > \(folder)/conf <<'END'\n\(text)\nEND\n"]
                )
                .check("write", "configuration")
                try h2.start(role: "secondary", "/usr/sbin/knotd", ["-c", "\(folder)/conf"])
                try await system.eventually("the secondary has the zone") {
                    try await system.dig("db.green.default.cloud.example", "AAAA", at: "fd0a::2")
                        == ["fd00:0:0:9::db"]
                }
                try await system.create(
                    Attachment.kind, #"{"name":"late","spec":{"segment":"green","addresses":["fd00:0:0:9::77"]}}"#)
                try await system.eventually("it hears of a change", within: .seconds(10)) {
                    try await system.dig("late.green.default.cloud.example", "AAAA", at: "fd0a::2")
                        == ["fd00:0:0:9::77"]
                }
                // Signed here, so signed there.
                #expect(
                    try await system.dig("late.green.default.cloud.example", "RRSIG", at: "fd0a::2").count >= 1)
                let refused = try await h2.command(
                    "dig", ["@fd0a::1", "cloud.example", "AXFR", "+time=2", "+tries=1"]
                ).run().output
                #expect(!refused.contains("db.green"))
            }
        }

        @Test func `a name server that is killed, stopped, or robbed of its configuration answers again`() async throws
        {
            try await withSystem("names", warnings: ["name server does not answer", "knot"]) { system in
                try await system.zonesAreServed()
                let h1 = try system.machine("h1")
                func serves() async throws -> Bool {
                    try await system.dig("db.green.default.cloud.example", "AAAA") == ["fd00:0:0:9::db"]
                }
                for signal in ["KILL", "STOP"] {
                    let pid = try await h1.command("cat", ["/run/kc/daemons/knot/pid"]).check("read", "pid")
                    try await h1.command("kill", ["-\(signal)", pid.filter(\.isNumber)]).check("signal", signal)
                    try await system.eventually("it answers after SIG\(signal)", within: .seconds(30), serves)
                }
                try await h1.command("sh", ["-c", "echo nonsense > /run/kc/daemons/knot/configuration"])
                    .check("break", "configuration")
                let pid = try await h1.command("cat", ["/run/kc/daemons/knot/pid"]).check("read", "pid")
                try await h1.command("kill", ["-KILL", pid.filter(\.isNumber)]).check("kill", "knot")
                try await system.eventually("it answers with its configuration restored", within: .seconds(60), serves)
                try await system.eventually("and says so", within: .seconds(20)) {
                    try await system.zonePhase("cloud") == "wired"
                }
            }
        }

        @Test func `two hosts serve one zone with one key, and the role moves without another`() async throws {
            try await withSystem("names", warnings: ["the API refused a report"]) { system in
                try await system.zonesAreServed()
                func signer(_ host: String) async throws -> String? {
                    try await system.get(Zone.kind, "cloud").status?["hosts"]?[host]?["details"]?["ds"]?.string
                }
                let before = try #require(try await signer("h1"))
                try await system.kcnet("host", "update", "h2", "--role", "dns")
                try await system.eventually("h2 serves the zone too", within: .seconds(30)) {
                    try await system.dig("db.green.default.cloud.example", "AAAA", at: "fd0a::2")
                        == ["fd00:0:0:9::db"]
                }
                try await system.eventually("with the same key") { try await signer("h2") == before }
                try await system.eventually("and both are its servers") {
                    Set(try await system.dig("cloud.example", "NS"))
                        == ["h1.ns.cloud.example.", "h2.ns.cloud.example."]
                }
                try await system.kcnet("host", "update", "h1", "--role", "gateway")
                let h1 = try system.machine("h1")
                try await system.eventually("h1 forgets the keys and serves nothing", within: .seconds(20)) {
                    let keys = try await h1.command("ls", ["/var/lib/kc/node/dns/keys"]).run()
                    let pid = try await h1.command("cat", ["/run/kc/daemons/knot/pid"]).run()
                    return !keys.isSuccess && !pid.isSuccess
                }
                #expect(try await signer("h2") == before)
                #expect(
                    try await system.dig("db.green.default.cloud.example", "AAAA", at: "fd0a::2") == ["fd00:0:0:9::db"])
            }
        }

        @Test
        func `guests are told of a resolver in their gateway, which knows the cloud's names and answers them alone`()
            async throws
        {
            try await withSystem("names", warnings: ["unbound"]) { system in
                try await system.zonesAreServed()
                let h1 = try system.machine("h1")
                // A way out by hand: a veth between the gateway and its host, with the service address behind it.
                try await system.kcnet("host", "update", "h1", "--service-address", "fd0e:53::1")
                let listed = try await h1.command("ip", ["netns", "list"]).check("list", "namespaces")
                let gateway = try #require(
                    listed.split(separator: "\n").compactMap { $0.split(separator: " ").first }.first {
                        $0.hasPrefix("kcg-")
                    }.map(String.init))
                for words in [
                    "link add way type veth peer name up0 netns \(gateway)", "address add fd0e::1/64 dev way nodad",
                    "link set way up", "address add fd0e:53::1/128 dev lo",
                    "-n \(gateway) address add fd0e::2/64 dev up0 nodad",
                    "-n \(gateway) link set up0 up", "-n \(gateway) route add default via fd0e::1",
                ] {
                    try await h1.command("ip", words.split(separator: " ").map(String.init)).check("configure", words)
                }
                let asker = try #require(NamespaceName("asker"))
                var told = ""
                try await system.eventually("the guest is told of the resolver and where to look", within: .seconds(40))
                {
                    told = try await h1.command(inGuest: asker, "rdisc6", ["-1", "eth0"]).run().output
                    return told.contains("Recursive DNS server") && told.contains("blue.default.cloud.example")
                }
                let resolver = try #require(
                    told.split(separator: "\n").first { $0.contains("Recursive DNS server") }?
                        .split(separator: " ").last.map(String.init))
                func ask(_ name: String) async throws -> [String] {
                    try await h1.command(
                        inGuest: asker, "dig", ["@\(resolver)", "+short", "+time=1", "+tries=1", name, "AAAA"]
                    ).run().output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix(";") }
                }
                try await system.eventually("the guest resolves a name of the cloud", within: .seconds(20)) {
                    try await ask("db.green.default.cloud.example") == ["fd00:0:0:9::db"]
                }
                #expect(try await ask("new.green.default.cloud.example").isEmpty)
                let begun = ContinuousClock.now
                try await system.create(
                    Attachment.kind, #"{"name":"new","spec":{"segment":"green","addresses":["fd00:0:0:9::88"]}}"#)
                try await system.eventually("a new name is there, although it was asked for before") {
                    try await ask("new.green.default.cloud.example") == ["fd00:0:0:9::88"]
                }
                #expect(begun.duration(to: .now) < .seconds(1))
                // Of a domain that resolvers answer as empty by themselves (RFC 6761).
                try await system.kcnet("zone", "create", "lab", "--domain", "cloud.test", "--attachments")
                try await system.eventually("the guest resolves a name below test", within: .seconds(20)) {
                    try await ask("db.green.default.cloud.test") == ["fd00:0:0:9::db"]
                }
                try await system.kcnet("zone", "delete", "lab")
                // By DHCPv6 guests are told the same.
                try await system.kcnet("segment", "update", "blue", "--dhcp", "stateless")
                try await system.eventually("the guest asks for settings", within: .seconds(40)) {
                    let told = try await StockClient("h1/asker", in: system).dhclient("-S")
                    return told.contains("new_dhcp6_name_servers=\(resolver)")
                        && told.contains("new_dhcp6_domain_search=blue.default.cloud.example")
                }
                // From outside its segments nobody is answered.
                let stranger = try await h1.command(
                    "dig", ["@fd0e::2", "+short", "+time=1", "+tries=1", "db.green.default.cloud.example", "AAAA"]
                ).run().output
                #expect(!stranger.contains("fd00:0:0:9::db"))
                for signal in ["KILL", "STOP"] {
                    let pid = try await h1.command("sh", ["-c", "cat /run/kc/daemons/unbound-*/pid"]).check(
                        "read", "pid")
                    try await h1.command("kill", ["-\(signal)", pid.filter(\.isNumber)]).check("signal", signal)
                    try await system.eventually("it answers after SIG\(signal)", within: .seconds(30)) {
                        try await ask("db.green.default.cloud.example") == ["fd00:0:0:9::db"]
                    }
                }
                // Another program takes the port in the moment that the resolver is away.
                let thief =
                    "import socket,time\ns=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\nopen('/run/kc/thief','w')\n"
                    + "while True:\n try: s.bind(('::',53)); break\n except OSError: time.sleep(0.001)\ntime.sleep(60)"
                try h1.start(role: "thief", "/usr/sbin/ip", ["netns", "exec", gateway, "python3", "-c", thief])
                try await system.eventually("the program waits for the port") {
                    try await h1.command("test", ["-e", "/run/kc/thief"]).run().isSuccess
                }
                let pid = try await h1.command("sh", ["-c", "cat /run/kc/daemons/unbound-*/pid"]).check("read", "pid")
                try await h1.command("kill", ["-KILL", pid.filter(\.isNumber)]).check("kill", "unbound")
                try await system.eventually("the gateway's status names the port", within: .seconds(40)) {
                    let message = try await system.get(Gateway.kind, "edge").status?["message"]?.string ?? ""
                    return message.contains("unbound is not running") && message.contains("address already in use")
                }
                try await h1.stop("thief", signal: SIGKILL)
                try await system.waitUntilWired(Gateway.kind, "edge")
            }
        }

        @Test func `a port that another program has is named in the status of the zones`() async throws {
            try await withSystem("names", warnings: ["name server does not answer", "knot"]) { system in
                try await system.zonesAreServed()
                let h1 = try system.machine("h1")
                let thief =
                    "import socket,time\ns=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\nopen('/run/kc/thief','w')\n"
                    + "while True:\n  try:\n    s.bind(('fd0a::1',53)); break\n  except OSError: time.sleep(0.001)\n"
                    + "while True:\n  d,a=s.recvfrom(999); s.sendto(d[:2]+b'\\x80\\x05'+d[4:],a)\n"
                try h1.start(role: "thief", "/usr/bin/python3", ["-c", thief])
                try await system.eventually("the program waits for the port") {
                    try await h1.command("test", ["-e", "/run/kc/thief"]).run().isSuccess
                }
                let pid = try await h1.command("cat", ["/run/kc/daemons/knot/pid"]).check("read", "pid")
                try await h1.command("kill", ["-KILL", pid.filter(\.isNumber)]).check("kill", "knot")
                try await system.eventually("the status says what to do", within: .seconds(40)) {
                    let zone = try await system.get(Zone.kind, "cloud")
                    let message = zone.status?["hosts"]?["h1"]?["message"]?.string ?? ""
                    return message.contains("another program has the port")
                }
                try await h1.stop("thief", signal: SIGKILL)
                try await system.eventually("it heals when the port is free", within: .seconds(60)) {
                    try await system.zonePhase("cloud") == "wired"
                }
            }
        }
    }
}

extension System {
    func zonePhase(_ name: String) async throws -> String? {
        try await phase(Zone.kind, name)
    }

    func zonesAreServed(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for zone in ["cloud", "reverse"] {
            try await eventually("zone \(zone) is served", within: .seconds(30), sourceLocation: sourceLocation) {
                try await zonePhase(zone) == "wired"
            }
        }
    }

    /// What `dig +short` says on h2: an answer a line.
    func dig(_ words: String..., at server: String = "fd0a::1") async throws -> [String] {
        let result = try await machine("h2").command(
            "dig", ["@\(server)", "+short", "+time=1", "+tries=1"] + words
        ).run()
        return result.output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix(";") }
    }
}
