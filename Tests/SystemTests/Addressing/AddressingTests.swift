import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// How guests come to addresses: stock clients, the real Kea and radvd, two hosts.
    struct AddressingTests {
        /// The address that the API tells, before the guest has asked for anything.
        private func assigned(_ name: String, in system: System) async throws -> IPv6Address {
            let node = try await system.get(Attachment.kind, name).status?["addresses"]
            guard case .array(let addresses)? = node?.content else {
                throw LaboratoryError(.absent, operation: "read addresses of", subject: name)
            }
            let known = addresses.filter { $0["origin"]?.string == "assigned" }.compactMap { $0["value"]?.string }
            return try IPv6Address(parsing: try #require(known.first))
        }

        private func addresses(of place: String, in system: System) async throws -> [IPv6Address] {
            let place = try #require(GuestPlace(place))
            return try await system.laboratory.machine(place.host).addresses(ofGuest: place.guest)
        }

        @Test func `each guest of a stateful segment gets exactly the address that the API told before`() async throws {
            try await withSystem("addressing") { system in
                for (name, place, kind) in [
                    ("near", "h1/near", StockClient.Kind.dhclient), ("far", "h2/far", .dhcpcd),
                ] {
                    let told = try await assigned(name, in: system)
                    #expect(try await addresses(of: place, in: system).isEmpty)
                    try await StockClient(place, in: system).bind(with: kind)
                    try await system.eventually("\(place) has its address") {
                        try await addresses(of: place, in: system) == [told]
                    }
                }
                // With another client, that is another DUID, the same.
                let near = try await assigned("near", in: system)
                try await system.eventually("near gets it with dhcpcd too", within: .seconds(60)) {
                    try await StockClient("h1/near", in: system).bind(with: .dhcpcd)
                    return try await addresses(of: "h1/near", in: system) == [near]
                }
                let far = try await assigned("far", in: system)
                let list = try await system.kcnet("lease", "list")
                #expect(list.contains("\(near) ") && list.contains("near"), "\(list)")
                #expect(list.contains("\(far) ") && list.contains("far"), "\(list)")
                try await system.eventually("they reach each other") {
                    try await system.ping(from: "h1/near", to: far)
                }
            }
        }

        @Test func `on a stateless segment a guest makes its address and asks for resolvers`() async throws {
            try await withSystem("addressing") { system in
                // A second link-local address of the router would have the server hear everything twice.
                let sockets = try await system.machine("h1").command(
                    "sh", ["-c", "ip netns exec $(ip netns list | grep -o '^kcg-[^ ]*') ss -Hlun 'sport = :547'"]
                ).check("list", "sockets")
                #expect(sockets.split(separator: "\n").count { $0.contains("ff02::1:2") } == 2, "\(sockets)")
                let told = try await StockClient("h1/asks", in: system).dhclient("-S")
                #expect(told.contains("new_dhcp6_name_servers=fd00::53"))
                #expect(try await addresses(of: "h1/asks", in: system).count == 1)
            }
        }

        @Test func `guests of a gateway without a way out are told what it leads to, and have no default route`()
            async throws
        {
            try await withSystem("addressing") { system in
                let h1 = try system.machine("h1")
                let (auto, asks) = (try #require(NamespaceName("auto")), try #require(NamespaceName("asks")))
                for guest in [auto, asks] {
                    // What a stock kernel takes none of, and stock network managers do.
                    _ = try await h1.command(
                        inGuest: guest, "sysctl", ["-qw", "net.ipv6.conf.eth0.accept_ra_rt_info_max_plen=64"]
                    ).check("set", "routes")
                }
                try await system.kcnet("attachment", "update", "asks", "--policy", "allow-all")
                var prefixes: [String] = []
                for segment in ["informed", "managed"] {
                    prefixes.append(try #require(try await system.get(Segment.kind, segment).status?["prefix"]?.string))
                }
                func routes() async throws -> String {
                    try await h1.command(inGuest: auto, "ip", ["-6", "route", "show"]).check("read", "routes")
                }
                try await system.eventually("auto has a route to each", within: .seconds(60)) {
                    let routes = try await routes()
                    return prefixes.allSatisfy { routes.contains("\($0) via fe80::1 dev eth0 proto ra") }
                }
                #expect(try await !routes().contains("default"))
                let other = try await system.address(of: "h1/asks")
                try await system.eventually("auto reaches a guest of another segment", within: .seconds(60)) {
                    try await system.ping(from: "h1/auto", to: other)
                }
            }
        }

        @Test func `a server that is killed, hung or kept from its port heals or is named in the gateway's status`()
            async throws
        {
            try await withSystem("addressing", warnings: ["kea6-"]) { system in
                let h1 = try system.machine("h1")
                let near = try StockClient("h1/near", in: system)
                func pid() async throws -> Int32 {
                    let text = try await h1.command("sh", ["-c", "cat /run/kc/daemons/kea6-*/configuration.*.pid"])
                        .check("read", "pid")
                    return try #require(Int32(text.prefix { $0.isNumber }))
                }
                for signal in [SIGKILL, SIGSTOP] {
                    let before = try await pid()
                    kill(before, signal)
                    try await system.eventually("another one serves") {
                        let phase = try await system.phase(Gateway.kind, "edge")
                        return try await pid() != before && phase == "wired"
                    }
                    try await near.bind(with: .dhclient)
                }
                // Another program takes the port in the moment that the server is away.
                let namespace = try await h1.command("sh", ["-c", "ip netns list | grep -o '^kcg-[^ ]*'"])
                    .check("find", "namespace").split(separator: "\n").first.map(String.init)
                let program =
                    "import socket,time\ns=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\nopen('/run/kc/thief','w')\n"
                    + "while True:\n try: s.bind(('::',547)); break\n except OSError: time.sleep(0.001)\ntime.sleep(20)"
                async let holder = h1.command(
                    "ip", ["netns", "exec", try #require(namespace), "python3", "-c", program], timeout: .seconds(40)
                ).run()
                try await system.eventually("the program waits for the port") {
                    try await h1.command("test", ["-e", "/run/kc/thief"]).run().isSuccess
                }
                kill(try await pid(), SIGKILL)
                try await system.eventually("the gateway's status names the port") {
                    let status = try await system.get(Gateway.kind, "edge").status
                    return status?["phase"]?.string == "pending"
                        && status?["message"]?.string?.contains("Address already in use") == true
                }
                _ = try await holder
                try await system.waitUntilWired(Gateway.kind, "edge")
                try await near.bind(with: .dhclient)
            }
        }
    }
}
