import APIClient
import Diagnosis
import Glibc
import Laboratory
import NetworkModel
import Resources
import SeededRandomness
import Testing

extension SystemTests {
    /// `kcnet path` against faults of the laboratory, which know nothing of it.
    struct PathTests {
        /// A fault of the catalogue, and what must be named.
        private struct Row {
            var name: String
            var layer: PathLayer
            /// How the component begins: what follows differs from laboratory to laboratory.
            var component: String
            /// nil between hosts.
            var host: String?
            /// What `kcnet path` is asked.
            var asked: [String]

            init(
                _ name: String, _ layer: PathLayer, _ component: String, _ host: String? = "h1",
                asked: [String] = ["web", "db"]
            ) {
                self.asked = asked
                self.name = name
                self.layer = layer
                self.component = component
                self.host = host
            }

            func isFound(in fault: PathFault?) -> Bool {
                guard let fault else { return false }
                return fault.layer == layer && fault.component.hasPrefix(component) && fault.host == host
            }
        }

        /// Found from `web` on h1, where the fault is, to `db` on h2.
        private static let faults: [Row] = [
            Row("underlay-link-down", .underlay, "h1"), Row("underlay-address-missing", .underlay, "h1"),
            Row("underlay-neighbour-wrong", .underlay, "neighbour fd0a::2"),
            Row("underlay-route-unreachable", .underlay, "route"),
            Row("asymmetric-drop", .underlay, "next hop fd0a::a"), Row("asymmetric-mtu", .mtu, "next hop fd0a::a"),
            Row("duplicate-vtep", .underlay, "neighbour fd0a::2"), Row("underlay-lossy", .underlay, "underlay", nil),
            Row("underlay-route-mtu", .mtu, "route"),
            Row("underlay-mtu-hop", .mtu, "underlay", nil), Row("underlay-mtu-lowered", .mtu, "eth0"),
            Row("vxlan-down", .devices, "kcx001000"), Row("bridge-down", .devices, "kcb001000"),
            Row("port-down", .devices, "kct"), Row("vxlan-deleted", .devices, "kcx001000"),
            Row("bridge-deleted", .devices, "kcb001000"), Row("port-deleted", .devices, "kct"),
            Row("vxlan-unplugged", .devices, "kcx001000"), Row("port-unplugged", .devices, "kct"),
            Row("port-elsewhere", .devices, "kct"), Row("ports-isolated", .devices, "kc"),
            Row("port-disabled", .devices, "kct"), Row("port-locked", .devices, "kct"),
            Row("flood-off", .devices, "kcx001000"),
            Row("port-mtu", .devices, "kct"), Row("vxlan-mtu", .devices, "kcx001000"),
            Row("vxlan-wrong-remote", .devices, "entry of"), Row("bridge-wrong-entry", .devices, "entry of"),
            Row("vxlan-filtered-in", .vxlan, "UDP 4789"), Row("vxlan-filtered-out", .vxlan, "UDP 4789"),
            Row("vxlan-filtered", .vxlan, "UDP 4789", nil), Row("vxlan-filtered-one-way", .vxlan, "UDP 4789", nil),
            Row("underlay-udp-lossy", .vxlan, "UDP 4789", nil), Row("checksum-broken", .vxlan, "checksum"),
            Row("vxlan-wrong-vni", .vxlan, "kcx001000"), Row("vxlan-wrong-port", .vxlan, "kcx001000"),
            Row("vxlan-wrong-local", .vxlan, "kcx001000"), Row("vxlan-hop-limit", .vxlan, "kcx001000"),
            Row("multicast-dropped", .multicast, "ff15::8b00:0", nil),
            Row("multicast-group-dropped", .multicast, "ff15::8b00:0", nil),
            Row("multicast-not-from-host", .multicast, "ff15::8b00:0", nil),
            Row("snooping-forgets", .multicast, "ff15::8b00:0", nil),
            Row("group-join-failed", .multicast, "ff15::8b00:0"), Row("vxlan-wrong-group", .multicast, "kcx001000"),
            Row("guard-table-deleted", .guards, "table bridge kc"),
            Row("ruleset-flushed", .guards, "table bridge kc"),
            Row("guard-elements-missing", .guards, "fast"), Row("guard-element-missing", .guards, "targets"),
            Row("guard-rule-added", .guards, "table bridge kc"),
            Row("policy-denies", .guards, "policy", asked: ["db", "web", "--port", "tcp/22"]),
            Row("host-firewall", .guards, "kcb001000"), Row("peer-firewall", .guards, "kcb001000", "h2"),
            Row("forward-policy", .guards, "kcb001000"), Row("tunnel-filter", .guards, "kcb001000"),
            Row("solicitations-dropped", .guards, "kcb001000", "h2"),
            Row("tcp-checksum-broken", .data, "TCP checksum"), Row("tcp-segments-dropped", .data, "TCP segments"),
            Row("no-router-advertisements", .router, "router advertisements"),
            Row("wrong-router", .router, "router "),
            Row("guest-down", .guest, "web"), Row("guest-no-address", .guest, "web"),
            Row("guest-wrong-prefix", .guest, "web"), Row("guest-firewall", .guest, "web"),
            Row("guest-no-answers", .guest, "web"), Row("guest-neighbour-wrong", .guest, "web"),
            Row("guest-no-route", .guest, "web"),
            Row("guest-silent", .guest, "web"), Row("duplicate-mac", .guest, "web"),
            Row("duplicate-address", .guest, "web"), Row("guest-mtu", .guest, "web"),
            Row("spoofed-source", .guest, "web"),
            Row("agent-dead", .agents, "agent"), Row("agent-stuck", .agents, "agent"),
            Row("api-unreachable", .agents, "agent"), Row("snapshot-stale", .agents, "desired state"),
            Row("clock-wrong", .agents, "clock"),
            Row("host-dead", .underlay, "h1"),
        ]
        /// One of each layer, and the odd ones, for every run; the long one tries them all.
        private static let some: Set<String> = [
            "underlay-neighbour-wrong", "underlay-mtu-hop", "vxlan-deleted", "vxlan-filtered-one-way",
            "checksum-broken", "multicast-group-dropped", "group-join-failed", "agent-stuck", "guard-elements-missing",
            "duplicate-address", "guest-mtu", "spoofed-source", "tcp-checksum-broken", "wrong-router", "clock-wrong",
            "solicitations-dropped", "policy-denies",
        ]

        @Test func `each fault is found in its layer within five seconds, and healthy ways have none`() async throws {
            let chosen = Self.faults.filter { isLong || Self.some.contains($0.name) }
            var table: [String] = []
            try await withSystem("two-hosts", warnings: ["ended", "errno(12)", "radvd", "the API is away"]) { system in
                if isLong { try await lookAtHarmlessDetour(system) }
                for pair in [("web", "db"), ("db", "web"), ("other", "quiet"), ("host/h1", "host/h2")] {
                    let healthy = try await look(pair.0, pair.1, system)
                    #expect(healthy.fault == nil, "\(pair): \(healthy.fault?.text ?? "")")
                    #expect(healthy.status == 0)
                    #expect(healthy.seconds < 5)
                }
                if !isLong { try await lookAtHealthyPairs(5, system) }
                for row in chosen {
                    let found = try await tryOut(row.name, system, row.asked)
                    let right = row.isFound(in: found.fault)
                    table.append(Self.line(right, row.name, found))
                    #expect(right, "\(row.name): \(found.fault.map { "\($0)" } ?? "no fault found")")
                    #expect(found.status == row.layer.exitCode)
                    #expect(found.seconds < 5, "\(row.name)")
                    // What cuts agents off leaves connections behind that nothing comes by any more.
                    if [.agents, .underlay, .mtu].contains(row.layer) { try await recover(system) }
                }
            }
            for line in table { print(line) }
        }

        /// Waits until nothing is wrong any more: of agents whose connection died they notice within some 9 s.
        private func recover(_ system: System) async throws {
            try await system.eventually("nothing is wrong after the fault") {
                try await look("web", "db", system).fault == nil
            }
        }

        private func lookAtHarmlessDetour(_ system: System) async throws {
            let found = try await tryOut("asymmetric-harmless", system)
            print("\(found.fault == nil ? "right" : "WRONG") | asymmetric-harmless | \(found.seconds)")
            #expect(found.fault == nil, "\(found.fault.map { "\($0)" } ?? "")")
        }

        /// As it stands in docs/diagnosing.md.
        private static func line(_ isRight: Bool, _ name: String, _ found: Look) -> String {
            let fault = found.fault
            return "\(isRight ? "right" : "WRONG") | \(name) | \(fault?.layer.rawValue ?? "none") | "
                + "\(fault?.component ?? "") | \(fault?.host ?? "") | \(fault?.text ?? "no fault found") | "
                + "\(found.seconds)"
        }

        @Test(.enabled(if: isLong)) func `fifty ways at random on which nothing is wrong have no fault`() async throws {
            try await withSystem("two-hosts") { system in
                try await lookAtHealthyPairs(50, system)
                try await system.settle()
            }
        }

        private func lookAtHealthyPairs(_ count: Int, _ system: System) async throws {
            var random = SeededGenerator(printedFor: "healthy pairs")
            try await HealthyPairs(system: system).make(count, &random) { pair in
                let found = try await look(pair.end(0), pair.end(1), system)
                #expect(found.fault == nil, "\(pair.text): \(found.fault.map { "\($0)" } ?? "")")
                #expect(found.status == 0)
                #expect(found.right.isSuperset(of: [.guards, .guest, .data]), "\(pair.text)")
                print("\(found.fault == nil ? "right" : "WRONG")  \(pair.text)  \(found.seconds) s")
            }
        }

        /// Two at once; the first of each pair is in the layer that must be named.
        private static let together = [
            ("underlay-mtu-hop", "guest-firewall"), ("vxlan-deleted", "guest-silent"),
            ("multicast-group-dropped", "guest-silent"), ("checksum-broken", "duplicate-address"),
            ("vxlan-wrong-vni", "guest-no-address"), ("agent-stuck", "multicast-group-dropped"),
            ("host-firewall", "guest-mtu"), ("underlay-neighbour-wrong", "guard-elements-missing"),
            ("bridge-wrong-entry", "guest-firewall"), ("vxlan-filtered-one-way", "guest-wrong-prefix"),
            ("port-mtu", "spoofed-source"), ("group-join-failed", "guest-silent"),
            ("underlay-link-down", "port-down"), ("snooping-forgets", "duplicate-mac"),
        ]

        @Test(.enabled(if: isLong)) func `of two faults at once that of the first layer is named`() async throws {
            var table: [String] = []
            try await withSystem("two-hosts", warnings: ["ended", "errno(12)", "radvd", "the API is away"]) { system in
                let (web, db) = (try #require(Name("web")), try #require(Name("db")))
                for (first, second) in Self.together {
                    var records: [FaultRecord] = []
                    // An agent that is stuck cannot be told to pause.
                    for name in [second, first] {
                        records.append(
                            try await system.laboratory.break(
                                try Fault.named(name), project: try #require(Name("default")), attachment: web, peer: db
                            ))
                    }
                    var found = try await look("web", "db", system)
                    for _ in 0..<3 where found.fault == nil { found = try await look("web", "db", system) }
                    for record in records.reversed() {
                        let complaints = try await system.laboratory.heal(record)
                        #expect(complaints.isEmpty, "\(record.name): \(complaints)")
                    }
                    try await system.settle()
                    let row = try #require(Self.faults.first { $0.name == first })
                    let right = row.isFound(in: found.fault)
                    table.append(Self.line(right, "\(first) + \(second)", found))
                    #expect(right, "\(first) + \(second): \(found.fault.map { "\($0)" } ?? "none")")
                }
            }
            for line in table { print(line) }
        }

        /// What is looked at, and by which fault's name.
        private static let gatewayFaults: [(name: String, layer: PathLayer, component: String)] = [
            ("gateway-deleted", .gateway, "namespace"), ("gateway-not-forwarding", .gateway, "forwarding"),
            ("gateway-port-down", .gateway, "seg"), ("no-router-advertisements", .gateway, "radvd"),
            ("uplink-down", .beyond, "up0"), ("no-route-back", .beyond, "route back"),
        ]

        @Test func `ways through a gateway are proven, and its faults are found`() async throws {
            let outside = "outside:2001:db8:ffff::1"
            try await withSystem("routed", warnings: ["ended", "radvd", "way out", "uplink"]) { system in
                for pair in [("app", outside), ("web", "db"), ("web", "outside")] {
                    let healthy = try await look(pair.0, pair.1, system)
                    #expect(healthy.fault == nil, "\(pair): \(healthy.fault.map { "\($0)" } ?? "")")
                    #expect(healthy.status == 0)
                    #expect(healthy.seconds < 5)
                    print("healthy  \(pair.0) \(pair.1)  \(healthy.seconds) s")
                }
                for (name, layer, component) in Self.gatewayFaults where isLong || name == "no-route-back" {
                    let found = try await tryOut(name, system, ["web", outside], peer: "app")
                    print(
                        "\(name)  \(found.fault.map { "\($0.layer) \($0.component)" } ?? "none")  \(found.seconds) s  "
                            + "\(found.fault?.text ?? "no fault found")")
                    #expect(found.fault?.layer == layer, "\(name): \(found.fault.map { "\($0)" } ?? "none")")
                    #expect(found.fault?.component.hasPrefix(component) == true, "\(name)")
                    #expect(found.status == layer.exitCode)
                    #expect(found.seconds < 5, "\(name)")
                }
                guard isLong else { return }
                // The gateway's host is gone, asked for from a guest on the other one.
                let found = try await tryOut("host-dead", system, ["app", outside], peer: "app")
                print(Self.line(Self.hostDead.isFound(in: found.fault), "gateway-host-dead", found))
                #expect(Self.hostDead.isFound(in: found.fault), "\(found.fault.map { "\($0)" } ?? "none")")
                #expect(found.seconds < 5)
            }
        }

        private static let hostDead = Row("host-dead", .underlay, "h1")

        @Test(.enabled(if: isLong))
        func `an IPv4 address behind a translator is reached, and faults of its resolver are found`()
            async throws
        {
            let outside = "outside:192.88.99.66"
            try await withSystem("nat64", warnings: ["ended", "unbound", "resolver"]) { system in
                // Who answers the gateway's resolver: it knows that nothing is under "com.".
                let names = """
                    server:
                      interface: 2001:db8:fffe::ff
                      access-control: ::/0 allow
                      do-daemonize: no
                      use-syslog: no
                      username: ""
                      chroot: ""
                      pidfile: ""
                      local-zone: com. static
                    remote-control:
                      control-enable: no
                    """
                let router = try system.machine("isp")
                try await router.command("tee", ["/run/kc/names"], input: Array(names.utf8))
                    .check("write", "configuration")
                try router.start(role: "names", "/usr/sbin/unbound", ["-c", "/run/kc/names"])
                let healthy = try await look("web", outside, system)
                #expect(healthy.fault == nil, "\(healthy.fault.map { "\($0)" } ?? "")")
                let rows = [
                    Row("nat64-mapping-missing", .gateway, "mapping 192.88.99.10"),
                    Row("resolver-dead", .gateway, "unbound"), Row("dns-wrong", .names, "forwarders of 2001:db8:1:1:"),
                ]
                for row in rows {
                    let found = try await tryOut(row.name, system, ["web", outside])
                    print(Self.line(row.isFound(in: found.fault), row.name, found))
                    #expect(row.isFound(in: found.fault), "\(found.fault.map { "\($0)" } ?? "none")")
                    #expect(found.seconds < 5)
                }
            }
        }

        @Test func `no reader gets the nonce, and nothing of a probe is left on hosts`() async throws {
            try await withSystem("two-hosts") { system in
                let before = try await system.dumps()
                let answer = try await system.kcnet("path", "web", "db", "--output", "json")
                #expect(answer.contains("verdict") && !answer.contains("nonce"))
                #expect(try await system.dumps() == before)
            }
        }

        @Test(.enabled(if: isLong)) func `who watches a way sees a fault come and go`() async throws {
            try await withSystem("two-hosts") { system in
                async let watched = Command(
                    "timeout",
                    [
                        "-s", "INT", "20", system.programs.kcnet, "path", "web", "db", "--watch", "--api",
                        "unix:\(system.laboratory.state.apiSocket)",
                    ]
                ).run()
                #expect(try await look("web", "db", system).fault == nil)
                let (web, db) = (try #require(Name("web")), try #require(Name("db")))
                let record = try await system.laboratory.break(
                    try Fault.named("multicast-group-dropped"), project: try #require(Name("default")),
                    attachment: web, peer: db)
                // As long as two looks of who watches, at least.
                for _ in 0..<3 { #expect(try await look("web", "db", system).fault?.layer == .multicast) }
                #expect(try await system.laboratory.heal(record).isEmpty)
                let lines = try await watched.output.split(separator: "\n")
                // Each look has a line with its time; a picture is shown when the verdict is another one than before.
                let looks = lines.filter { $0.hasPrefix("20") }.map {
                    String($0.dropFirst("2026-11-22T04:00:00.000Z  ".count))
                }
                let changes = looks.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
                #expect(changes == ["ok", "FAIL multicast ff15::8b00:0", "ok"], "\(looks)")
                #expect(looks.count > changes.count)
                #expect(lines.count { $0.contains("  mend  ") } == 1)
                #expect(lines.count { $0.contains("no fault found in") } == 2)
            }
        }

        @Test func `a capture has an attachment's frames at every point, and none of anybody else`() async throws {
            try await withSystem("two-hosts") { system in
                let (web, db) = (try await system.address(of: "h1/web"), try await system.address(of: "h2/db"))
                let file = "/tmp/kclab-capture-\(getpid()).pcapng"
                defer { unlink(file) }
                let ping = try await FastPing.start(from: "h1/web", to: db, every: 20, in: system)
                async let other = look("other", "quiet", system)
                try await system.kcnet("capture", "web", "--seconds", "3", "-w", file)
                // The other segment's frames were on the same underlay meanwhile.
                #expect(try await other.fault == nil)
                _ = try await ping.stop()
                // Of each frame: device, VNI, sources from the outside in, the type of the inner ICMPv6.
                let fields = ["frame.interface_name", "vxlan.vni", "ipv6.src", "icmpv6.type"]
                let text = try await Command("tshark", ["-r", file, "-T", "fields"] + fields.flatMap { ["-e", $0] })
                    .check("read", "the capture")
                let lines = text.split(separator: "\n")
                    .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
                let echoes = lines.filter { $0[2].hasSuffix("\(web)") && $0[3] == "128" }
                let devices = Dictionary(grouping: echoes, by: \.[0]).mapValues(\.count)
                #expect(devices.count == 3 && devices.values.allSatisfy { $0 > 50 }, "\(devices)")
                let outer = lines.filter { !$0[1].isEmpty }
                #expect(!outer.isEmpty && outer.allSatisfy { $0[1] == "4096" }, "\(text)")
            }
        }

        private struct Look {
            var fault: PathFault?
            /// Layers that were judged and are right.
            var right: Set<PathLayer>
            var status: Int32
            var seconds: Double
        }

        private func tryOut(
            _ name: String, _ system: System, _ asked: [String] = ["web", "db"], peer: String = "db"
        ) async throws -> Look {
            let laboratory = system.laboratory
            let (web, db) = (try #require(Name("web")), try #require(Name(peer)))
            let record = try await laboratory.break(
                try Fault.named(name), project: try #require(Name("default")), attachment: web, peer: db)
            // A fault is a fault when it can be measured: the first looks may still meet what was.
            var found = try await look(asked, system)
            for _ in 0..<3 where found.fault == nil { found = try await look(asked, system) }
            let complaints = try await laboratory.heal(record)
            #expect(complaints.isEmpty, "\(name): \(complaints)")
            try await system.settle()
            return found
        }

        private func look(_ from: String, _ to: String, _ system: System) async throws -> Look {
            try await look([from, to], system)
        }

        private func look(_ asked: [String], _ system: System) async throws -> Look {
            let start = ContinuousClock.now
            let result = try await Command(
                system.programs.kcnet,
                ["path"] + asked + ["--output", "json", "--api", "unix:\(system.laboratory.state.apiSocket)"]
            ).run()
            let seconds = start.duration(to: .now) / .seconds(1)
            let node = try JSONParser.parse(Array(result.output.utf8))
            let verdict = try PathVerdict(json: try #require(node["verdict"], "\(result.errors)"), path: "verdict")
            let back = try node["back"]?["verdict"].map { try PathVerdict(json: $0, path: "back.verdict") }
            return Look(
                fault: verdict.fault ?? back?.fault,
                right: Set(verdict.layers.filter { $0.state == .ok }.map(\.layer)), status: result.status,
                seconds: (seconds * 100).rounded() / 100)
        }
    }
}
