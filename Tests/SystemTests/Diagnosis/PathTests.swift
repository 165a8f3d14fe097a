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
        /// The layer of each, found from `web` on h1, where the fault is, to `db` on h2.
        private static let faults: [(name: String, layer: PathLayer)] = [
            ("underlay-link-down", .underlay), ("underlay-address-missing", .underlay),
            ("underlay-neighbour-wrong", .underlay), ("underlay-route-unreachable", .underlay),
            ("underlay-mtu-hop", .mtu), ("underlay-mtu-lowered", .mtu),
            ("vxlan-down", .devices), ("bridge-down", .devices), ("port-down", .devices), ("vxlan-deleted", .devices),
            ("bridge-deleted", .devices), ("port-deleted", .devices), ("vxlan-unplugged", .devices),
            ("port-unplugged", .devices), ("port-mtu", .devices), ("vxlan-mtu", .devices),
            ("vxlan-wrong-remote", .devices), ("bridge-wrong-entry", .devices),
            ("vxlan-filtered-in", .vxlan), ("vxlan-filtered-out", .vxlan), ("vxlan-filtered", .vxlan),
            ("vxlan-filtered-one-way", .vxlan), ("underlay-udp-lossy", .vxlan), ("checksum-broken", .vxlan),
            ("vxlan-wrong-vni", .vxlan), ("vxlan-wrong-port", .vxlan), ("vxlan-wrong-local", .vxlan),
            ("vxlan-hop-limit", .vxlan),
            ("multicast-dropped", .multicast), ("multicast-group-dropped", .multicast),
            ("multicast-not-from-host", .multicast), ("snooping-forgets", .multicast),
            ("group-join-failed", .multicast), ("vxlan-wrong-group", .multicast),
            ("guard-table-deleted", .guards), ("ruleset-flushed", .guards), ("guard-elements-missing", .guards),
            ("host-firewall", .guards), ("guest-down", .guest), ("guest-no-address", .guest),
            ("guest-wrong-prefix", .guest), ("guest-firewall", .guest), ("guest-silent", .guest),
            ("duplicate-mac", .guest), ("duplicate-address", .guest), ("guest-mtu", .guest), ("spoofed-source", .guest),
            ("agent-dead", .agents), ("agent-stuck", .agents), ("api-unreachable", .agents),
            ("host-dead", .underlay),
        ]
        /// One of each layer, and the odd ones, for every run; the long one tries them all.
        private static let some: Set<String> = [
            "underlay-neighbour-wrong", "underlay-mtu-hop", "vxlan-deleted", "vxlan-filtered-one-way",
            "checksum-broken", "multicast-group-dropped", "group-join-failed", "agent-stuck", "guard-elements-missing",
            "duplicate-address", "guest-mtu", "spoofed-source",
        ]

        @Test func `each fault is found in its layer within five seconds, and healthy ways have none`() async throws {
            let chosen = Self.faults.filter { isLong || Self.some.contains($0.name) }
            var table: [String] = []
            try await withSystem("two-hosts", warnings: ["ended", "errno(12)", "radvd", "the API is away"]) { system in
                for pair in [("web", "db"), ("db", "web"), ("other", "quiet"), ("host/h1", "host/h2")] {
                    let healthy = try await look(pair.0, pair.1, system)
                    #expect(healthy.fault == nil, "\(pair): \(healthy.fault?.text ?? "")")
                    #expect(healthy.status == 0)
                    #expect(healthy.seconds < 5)
                }
                if !isLong { try await lookAtHealthyPairs(5, system) }
                for (name, layer) in chosen {
                    let found = try await tryOut(name, system)
                    let right = found.fault?.layer == layer
                    table.append(
                        "\(right ? "right" : "WRONG")  \(name)  \(found.fault?.layer.rawValue ?? "none")  "
                            + "\(found.seconds) s  \(found.fault?.text ?? "no fault found")")
                    #expect(right, "\(name): \(found.fault.map { "\($0)" } ?? "no fault found")")
                    #expect(found.status == layer.exitCode)
                    #expect(found.seconds < 5, "\(name)")
                }
            }
            for line in table { print(line) }
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
                    let layer = Self.faults.first { $0.name == first }?.layer
                    table.append(
                        "\(found.fault?.layer == layer ? "right" : "WRONG")  \(first) + \(second)  "
                            + "\(found.fault?.layer.rawValue ?? "none")  \(found.seconds) s  "
                            + "\(found.fault?.text ?? "no fault found")")
                    #expect(
                        found.fault?.layer == layer, "\(first) + \(second): \(found.fault.map { "\($0)" } ?? "none")")
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
                    let found = try await tryOut(name, system, from: "web", to: outside, peer: "app")
                    print(
                        "\(name)  \(found.fault.map { "\($0.layer) \($0.component)" } ?? "none")  \(found.seconds) s  "
                            + "\(found.fault?.text ?? "no fault found")")
                    #expect(found.fault?.layer == layer, "\(name): \(found.fault.map { "\($0)" } ?? "none")")
                    #expect(found.fault?.component.hasPrefix(component) == true, "\(name)")
                    #expect(found.status == layer.exitCode)
                    #expect(found.seconds < 5, "\(name)")
                }
            }
        }

        @Test(.enabled(if: isLong))
        func `an IPv4 address behind a translator is reached, and a dead resolver is found`()
            async throws
        {
            let outside = "outside:192.88.99.66"
            try await withSystem("nat64", warnings: ["ended", "unbound", "resolver"]) { system in
                let healthy = try await look("web", outside, system)
                #expect(healthy.fault == nil, "\(healthy.fault.map { "\($0)" } ?? "")")
                let found = try await tryOut("resolver-dead", system, from: "web", to: outside)
                #expect(found.fault?.layer == .gateway)
                #expect(found.fault?.component == "unbound")
                #expect(found.seconds < 5)
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
            var status: Int32
            var seconds: Double
        }

        private func tryOut(
            _ name: String, _ system: System, from: String = "web", to: String = "db", peer: String = "db"
        ) async throws -> Look {
            let laboratory = system.laboratory
            let (web, db) = (try #require(Name("web")), try #require(Name(peer)))
            let record = try await laboratory.break(
                try Fault.named(name), project: try #require(Name("default")), attachment: web, peer: db)
            // A fault is a fault when it can be measured: the first looks may still meet what was.
            var found = try await look(from, to, system)
            for _ in 0..<3 where found.fault == nil { found = try await look(from, to, system) }
            let complaints = try await laboratory.heal(record)
            #expect(complaints.isEmpty, "\(name): \(complaints)")
            try await system.settle()
            return found
        }

        private func look(_ from: String, _ to: String, _ system: System) async throws -> Look {
            let start = ContinuousClock.now
            let result = try await Command(
                system.programs.kcnet,
                ["path", from, to, "--output", "json", "--api", "unix:\(system.laboratory.state.apiSocket)"]
            ).run()
            let seconds = start.duration(to: .now) / .seconds(1)
            let node = try JSONParser.parse(Array(result.output.utf8))
            let verdict = try PathVerdict(json: try #require(node["verdict"], "\(result.errors)"), path: "verdict")
            let back = try node["back"]?["verdict"].map { try PathVerdict(json: $0, path: "back.verdict") }
            return Look(
                fault: verdict.fault ?? back?.fault, status: result.status, seconds: (seconds * 100).rounded() / 100)
        }
    }
}
