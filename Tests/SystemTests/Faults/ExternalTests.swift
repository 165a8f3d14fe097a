import APIClient
import Addressing
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// An operator's interface becomes a port of a segment, and is given back as it was.
    struct ExternalTests {
        /// What comes from outside, and goes there, keeps to the limits of the port.
        private func limit(from guest: NamespaceName, to outside: IPv6Address, in system: System) async throws {
            let h2 = try system.machine("h2")
            let words = ["-6", "-n", "-q", "-c", "60", "-i", "0.01", "-W", "1", "\(outside)"]
            func answered() async throws -> Int {
                let output = try await h2.command(inGuest: guest, "ping", words).run().output
                return try #require(output.firstMatch(of: /(\d+) received/).flatMap { Int($0.1) })
            }
            #expect(try await answered() > 50)
            for direction in ["out", "in"] {
                try await system.kcnet("attachment", "update", "wan", "--limit-\(direction)-packets", "10")
                try await system.eventually("ten packets a second pass \(direction), and a second's worth at once") {
                    try await answered() < 30
                }
                try await system.kcnet("attachment", "update", "wan", "--unset", "limits")
                try await system.eventually("without the limit all pass") { try await answered() > 50 }
            }
        }

        /// The operator's interface on h1; the other end of its cable is a port of the operator's switch.
        private static let interface = "ext0"
        /// The namespace that holds the operator's switch, with the address of a machine on it.
        private static let outside = "outside"

        @Test(arguments: [false, true])
        func `a guest on another host reaches the outside through an operator's interface, given back as it was`(
            isUp: Bool
        ) async throws {
            try await withSystem("two-hosts", desired: false) { system in
                let h1 = try system.machine("h1")
                try await makeOutside(on: h1)
                // What an operator may have set: a name for people, no addresses by the kernel, up or down.
                try await h1.ip(
                    "link", "set", Self.interface, "alias", "cable 7", "addrgenmode", isUp ? "none" : "eui64")
                // Up once in any case: the kernel gives a device its queue then, and leaves it there.
                for state in isUp ? ["up"] : ["up", "down"] { try await h1.ip("link", "set", Self.interface, state) }
                let before = try await state(on: h1)

                let db = try await makeGuest(system)
                try await take(system)
                try await system.waitUntilWired(Attachment.kind, "wan")
                let (_, _, bridge) = try await system.devices(ofSegment: "blue")
                let taken = try #require(try await h1.devices().first { $0.name == Self.interface })
                #expect(taken.master == bridge && taken.isUp && taken.alias.hasPrefix("kc:external/"))
                let outside = try IPv6Address(parsing: "fd77::1")
                try await system.eventually("the outside answers") { try await system.ping(from: "h2/db", to: outside) }
                // As large as the segment carries, through VXLAN and the operator's cable.
                let mtu = try #require(
                    try await system.get(Segment.kind, "blue").status?["mtu"].flatMap { Int($0.excerpt) })
                #expect(try await system.machine("h2").ping(fromGuest: db, to: outside, size: mtu))
                if isUp { try await limit(from: db, to: outside, in: system) }
                // The host itself takes no part in the segment.
                #expect(try await h1.ip("-6", "address", "show", "dev", Self.interface).isEmpty)

                // Given back also when the agent was away while it was asked for.
                try await h1.stop("node", signal: SIGKILL)
                try await system.kcnet("attachment", "delete", "wan")
                #expect(try await system.ping(from: "h2/db", to: outside))
                try h1.restart("node")
                var last = ""
                do {
                    try await system.eventually("the interface is as it was") {
                        last = try await state(on: h1)
                        return last == before
                    }
                } catch {
                    Issue.record("was \(before)\nis \(last)")
                    throw error
                }
                #expect(try await !system.ping(from: "h2/db", to: outside))
            }
        }

        @Test func `an interface in use is refused by its reason, and taken once that is gone`() async throws {
            try await withSystem("two-hosts", desired: false, warnings: ["ext0", "eth0"]) { system in
                let h1 = try system.machine("h1")
                try await makeOutside(on: h1)
                try await h1.ip("link", "set", Self.interface, "up")
                try await h1.ip("address", "add", "fd99::1/64", "dev", Self.interface, "nodad")
                _ = try await makeGuest(system)
                try await take(system)
                try await refused(system, "wan", "fd99::1")
                #expect(try await h1.ip("address", "show", "dev", Self.interface).contains("fd99::1"))
                try await h1.ip("route", "add", "fd98::/64", "dev", Self.interface)
                try await h1.ip("address", "delete", "fd99::1/64", "dev", Self.interface)
                try await refused(system, "wan", "routes")
                #expect(try await h1.ip("-6", "route", "show", "dev", Self.interface).contains("fd98::/64"))
                try await h1.ip("link", "add", "theirs", "type", "bridge")
                try await h1.ip("link", "set", Self.interface, "master", "theirs")
                try await h1.ip("route", "delete", "fd98::/64", "dev", Self.interface)
                try await refused(system, "wan", "theirs")
                try await h1.ip("link", "delete", "theirs")
                try await system.waitUntilWired(Attachment.kind, "wan")

                try await system.kcnet(
                    "attachment", "create", "underlay", "--segment", "blue", "--host", "h1", "--external", "eth0")
                try await refused(system, "underlay", "underlay")
                #expect(try await h1.devices().first { $0.name == "eth0" }?.master == "")
            }
        }

        @Test func `a segment meets an outside network on one host, and an interface is in one segment`() async throws {
            try await withSystem("two-hosts", desired: false) { system in
                let h1 = try system.machine("h1")
                try await makeOutside(on: h1)
                _ = try await makeGuest(system)
                try await system.create(Segment.kind, #"{"name":"green","spec":{"ipam":"none"}}"#)
                try await take(system)
                // The same network on a second host would be a loop; kcnet's code 4 is a conflict.
                for (segment, host) in [("blue", "h2"), ("green", "h1")] {
                    let result = try await Command(
                        system.programs.kcnet,
                        [
                            "attachment", "create", "second", "--segment", segment, "--host", host, "--external",
                            Self.interface, "--api", "unix:\(system.laboratory.state.apiSocket)",
                        ]
                    ).run()
                    #expect(result.status == 4 && result.errors.contains("wan"), "\(result.complaint)")
                }
                // It moves once the first one has let go.
                try await system.kcnet("attachment", "delete", "wan")
                try await system.kcnet(
                    "attachment", "create", "second", "--segment", "green", "--host", "h1", "--external",
                    Self.interface)
                try await system.waitUntilWired(Attachment.kind, "second")
                let (_, _, bridge) = try await system.devices(ofSegment: "green")
                #expect(try await h1.devices().first { $0.name == Self.interface }?.master == bridge)
            }
        }

        private func makeOutside(on machine: Machine) async throws {
            let outside = try #require(NamespaceName(Self.outside))
            try await machine.addGuest(outside)
            try await machine.ip(
                "link", "add", Self.interface, "type", "veth", "peer", "name", "port1", "netns", Self.outside)
            for words in [
                ["link", "add", "switch", "type", "bridge"], ["link", "set", "port1", "master", "switch", "up"],
                ["address", "add", "fd77::1/64", "dev", "switch", "nodad"], ["link", "set", "switch", "up"],
            ] {
                try await machine.command(inGuest: outside, "ip", words).check("make", Self.outside)
            }
        }

        /// The segment, and a guest on the other host with an address of the outside network.
        private func makeGuest(_ system: System) async throws -> NamespaceName {
            let db = try #require(NamespaceName("db"))
            try await system.create(Segment.kind, #"{"name":"blue","spec":{"ipam":"none"}}"#)
            try await system.kcnet(
                "attachment", "create", "db", "--segment", "blue", "--host", "h2", "--netns", "db", "--wait=20")
            try await system.machine("h2").command(
                inGuest: db, "ip", ["address", "add", "fd77::2/64", "dev", "eth0", "nodad"]
            ).check("address", "db")
            return db
        }

        private func take(_ system: System) async throws {
            try await system.kcnet(
                "attachment", "create", "wan", "--segment", "blue", "--host", "h1", "--external", Self.interface)
        }

        private func refused(
            _ system: System, _ name: String, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            try await system.eventually("\(name) is refused: \(reason)", sourceLocation: sourceLocation) {
                let document = try await system.get(Attachment.kind, name)
                return document.status?["phase"]?.string == "failed" && document.message?.contains(reason) == true
            }
        }

        /// All that `ip` shows of the interface: flags, master, alias, promiscuity, how it makes addresses, and these.
        private func state(on machine: Machine) async throws -> String {
            let link = try await machine.ip("-o", "-details", "link", "show", "dev", Self.interface)
            return link + (try await machine.ip("-o", "address", "show", "dev", Self.interface))
        }
    }
}
