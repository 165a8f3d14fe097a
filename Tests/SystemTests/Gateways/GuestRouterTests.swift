import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// The role of a gateway goes to a guest and back, with the guest's own radvd, and with packets through both.
    struct GuestRouterTests {
        private let router = "fw"
        private let blue = "2001:db8:1:1::/64"
        private let red = "2001:db8:1:2::/64"

        private func run(_ words: String, in place: String, _ system: System) async throws -> String {
            let place = try #require(GuestPlace(place))
            let parts = words.split(separator: " ").map(String.init)
            return try await system.machine("\(place.host)").command(
                inGuest: place.guest, parts[0], Array(parts.dropFirst())
            ).check("run", words)
        }

        /// Where a guest sends what is not on its link.
        private func nextHops(_ place: String, _ system: System) async throws -> Set<String> {
            let routes = try await run("ip -6 route show default", in: place, system)
            return Set(
                routes.split(separator: "\n").compactMap {
                    $0.split(separator: " ").dropFirst(2).first.map(String.init)
                })
        }

        private struct OtherRoutes: Error { let nextHops: Set<String> }

        private func knows(_ routers: Set<String>, _ guest: String, _ system: System) async throws {
            try await system.eventually("\(guest) knows \(routers) alone") {
                let nextHops = try await nextHops(guest, system)
                guard nextHops == routers else { throw OtherRoutes(nextHops: nextHops) }
                return true
            }
        }

        /// A guest with a leg on each segment that forwards between them, as its owner would set it up.
        private func makeRouter(_ system: System) async throws -> (inside: String, outside: String) {
            let h2 = try system.machine("h2")
            let guest = try #require(NamespaceName(router))
            try await h2.addGuest(guest)
            try await system.kcnet(
                "attachment", "create", "fw-in", "--segment", "blue", "--host", "h2", "--netns", router, "--policy",
                "allow-all", "--wait=20")
            try await system.kcnet(
                "attachment", "create", "fw-out", "--segment", "red", "--host", "h2", "--netns", router, "--interface",
                "eth1", "--policy", "allow-all", "--allow-address", blue, "--wait=20")
            for sysctl in ["all.forwarding=1", "eth0.accept_ra=0", "eth1.accept_ra=0"] {
                _ = try await run("sysctl -qw net.ipv6.conf.\(sysctl)", in: "h2/fw", system)
            }
            _ = try await run("ip -6 route replace \(red) dev eth1", in: "h2/fw", system)
            _ = try await run("ip -6 route replace \(blue) dev eth0", in: "h2/fw", system)
            var legs: [String] = []
            for interface in ["eth0", "eth1"] {
                try await system.eventually("\(interface) has a link-local address") {
                    try await h2.linkLocal(ofGuest: guest, on: interface) != nil
                }
                legs.append("\(try #require(try await h2.linkLocal(ofGuest: guest, on: interface)))")
            }
            return (legs[0], legs[1])
        }

        /// The guest's own router advertisements, from now until `stop`.
        private func advertise(_ system: System) async throws {
            let h2 = try system.machine("h2")
            let configuration = """
                interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 1800;
                prefix \(blue) {}; };
                """
            let file = h2.log(of: "fw-radvd") + ".conf"
            try await h2.command("sh", ["-c", #"printf '%s' "$0" >"$1""#, configuration, file]).check("write", file)
            try h2.start(
                role: "fw-radvd", "nsenter",
                [
                    "--net=/run/netns/\(router)", "--", "radvd", "-n", "-m", "stderr", "-C", file, "-p",
                    h2.log(of: "fw-radvd") + ".pid",
                ])
        }

        @Test func `the role goes to a guest and back, and packets go its way`() async throws {
            try await withSystem("moving", warnings: ["radvd"]) { system in
                let db = try await system.address(of: "h3/db")
                let guests = ["h1/web", "h2/app"]
                // A gateway of one segment alone can be given to a guest.
                try await system.kcnet("gateway", "update", "edge", "--segment", "red")
                try await system.kcnet("gateway", "create", "solo", "--host", "h1", "--segment", "blue", "--routed")
                for guest in guests {
                    try await system.eventually("\(guest) reaches red by KC's router") {
                        try await system.ping(from: guest, to: db)
                    }
                    #expect(try await nextHops(guest, system) == ["fe80::1"])
                }
                let (inside, outside) = try await makeRouter(system)

                // Without the role, what it advertises ends at its own port.
                try await advertise(system)
                try await system.eventually("its advertisements are stopped") {
                    try await system.kcnet("drops", "fw-in").contains("rogue-ra")
                }
                for guest in guests { #expect(try await nextHops(guest, system) == ["fe80::1"]) }

                let given = try await system.kcnet("gateway", "move", "solo", "--attachment", "fw-in", "--wait", "60")
                #expect(given.contains("settled on attachment fw-in"), "\(given)")
                for guest in guests {
                    try await knows([inside], guest, system)
                }
                // db's administrator knows where blue is now.
                _ = try await run("ip -6 route replace \(blue) via \(outside) dev eth0", in: "h3/db", system)
                let before = try await forwarded(system)
                for guest in guests {
                    try await system.eventually("\(guest) reaches red through the guest") {
                        try await system.ping(from: guest, to: db)
                    }
                }
                #expect(try await forwarded(system) >= before + 4, "requests and replies go through the guest")
                #expect(
                    try await system.machine("h1").guestNamespaces().count { $0.hasPrefix("kcg-") } == 1,
                    "edge's alone is left")
                await #expect(throws: (any Error).self, "the router cannot be deleted") {
                    try await system.kcnet("attachment", "delete", "fw-in")
                }

                // Its owner ends it first: nobody else can say its goodbye.
                try await system.machine("h2").stop("fw-radvd", signal: SIGTERM)
                _ = try await run("ip -6 route del \(blue) via \(outside) dev eth0", in: "h3/db", system)
                let taken = try await system.kcnet("gateway", "move", "solo", "--to", "h1", "--wait", "60")
                #expect(taken.contains("settled on host h1"), "\(taken)")
                // A guest's router has no uplink of KC's, so the one that is taken back has none, and says it is no way out.
                try await system.kcnet("gateway", "update", "solo", "--routed")
                for guest in guests {
                    try await knows(["fe80::1"], guest, system)
                    try await system.eventually("\(guest) reaches red by KC's router again") {
                        try await system.ping(from: guest, to: db)
                    }
                }
                // And what the guest says now is nobody's business again.
                try await advertise(system)
                let silent = try await drops(system)
                try await system.eventually("its advertisements are stopped again") {
                    try await drops(system) > silent
                }
                for guest in guests { #expect(try await nextHops(guest, system) == ["fe80::1"]) }
                try await system.machine("h2").stop("fw-radvd", signal: SIGTERM)
                for name in ["fw-in", "fw-out"] { try await system.kcnet("attachment", "delete", name) }
            }
        }

        /// Packets that the guest has forwarded since it is there.
        private func forwarded(_ system: System) async throws -> Int {
            let counters = try await run("cat /proc/net/snmp6", in: "h2/fw", system)
            let line = try #require(counters.split(separator: "\n").first { $0.hasPrefix("Ip6OutForwDatagrams") })
            return try #require(Int(line.split(whereSeparator: \.isWhitespace).last ?? ""))
        }

        private func drops(_ system: System) async throws -> Int {
            let table = try await system.kcnet("drops", "fw-in")
            let line = table.split(separator: "\n").first { $0.contains("rogue-ra") } ?? ""
            return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
        }
    }
}
