import APIClient
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// What someone deletes or changes is as before within a second.
    struct DriftTests {
        /// From the end of the change to the beginning of the look that finds all as before.
        static let limit = Duration.seconds(1)

        @Test func `devices that are deleted or changed are repaired within a second`() async throws {
            try await withSystem("two-hosts") { system in
                let h2 = try system.machine("h2")
                let (_, vxlan, bridge) = try await system.devices(ofSegment: "blue")
                let port = try #require(try await system.get(Attachment.kind, "db").status?["interface"]?.string)
                let changes: [[String]] = [
                    ["link", "set", vxlan, "mtu", "1300"],
                    ["link", "set", vxlan, "nomaster"],
                    ["link", "set", port, "nomaster"],
                    ["link", "set", port, "down"],
                    ["link", "set", port, "group", "7"],
                    ["link", "set", bridge, "down"],
                    ["link", "set", bridge, "type", "bridge", "mcast_snooping", "1"],
                    ["link", "set", bridge, "type", "bridge", "nf_call_ip6tables", "1"],
                    ["link", "delete", vxlan],
                    ["link", "delete", port],
                    ["link", "delete", bridge],
                ]
                for change in changes {
                    try await system.settle()
                    let before = try await h2.canonicalDump()
                    try await h2.command("ip", change).check("change", change.joined(separator: " "))
                    try await repaired(h2, as: before, after: change.joined(separator: " "))
                }
                try await system.settle()
                let mac = "02:00:00:00:00:99"
                for change in [
                    ["link", "set", "dev", port, "isolated", "on"], ["link", "set", "dev", port, "locked", "on"],
                    ["link", "set", "dev", port, "learning", "off"],
                    ["link", "set", "dev", port, "state", "0"], ["link", "set", "dev", port, "flood", "off"],
                    ["link", "set", "dev", vxlan, "isolated", "on"],
                    ["link", "set", "dev", vxlan, "mcast_flood", "off"],
                    ["fdb", "replace", mac, "dev", vxlan, "dst", "fd0a::dead", "self", "static"],
                    ["fdb", "replace", mac, "dev", vxlan, "dst", "fd0a::dead", "self", "permanent"],
                    ["fdb", "replace", mac, "dev", port, "master", "static", "sticky"],
                ] {
                    let before = try await ports(of: h2)
                    try await h2.command("bridge", change).check("change", change.joined(separator: " "))
                    try await repaired(as: before, after: change.joined(separator: " ")) { try await ports(of: h2) }
                }
                try await system.settle()
            }
        }

        /// What bridges do at their ports, and what was put into forwarding databases: not in the canonical dump.
        private func ports(of machine: Machine) async throws -> String {
            let links = try await machine.command("bridge", ["-d", "link", "show"]).check("list", "ports")
            let entries = try await machine.command("bridge", ["fdb", "show"]).check("list", "entries")
            let put = entries.split(separator: "\n").filter {
                $0.contains("static") || $0.contains(" dst ") && $0.contains("permanent")
            }
            return (links.split(separator: "\n") + put.sorted()).joined(separator: "\n")
        }

        @Test func `a flushed ruleset stands again within a second`() async throws {
            try await withSystem("two-hosts") { system in
                let h1 = try system.machine("h1")
                let before = try await h1.canonicalDump()
                try await h1.command("nft", ["flush", "ruleset"]).check("flush", "ruleset")
                try await repaired(h1, as: before, after: "nft flush ruleset")
                for table in ["bridge", "inet"] {
                    try await h1.command("nft", ["delete", "table", table, "kc"]).check("delete", "table \(table) kc")
                    try await repaired(h1, as: before, after: "nft delete table \(table) kc")
                }
                try await h1.command("nft", ["flush", "map", "bridge", "kc", "to"]).check("flush", "map to")
                try await repaired(h1, as: before, after: "nft flush map bridge kc to")
                try await system.settle()
            }
        }

        private func repaired(
            _ machine: Machine, as before: String, after what: String, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            try await repaired(as: before, after: what, sourceLocation: sourceLocation) {
                try await machine.canonicalDump()
            }
        }

        private func repaired(
            as before: String, after what: String, sourceLocation: SourceLocation = #_sourceLocation,
            _ dump: () async throws -> String
        ) async throws {
            let changed = ContinuousClock.now
            var last = ""
            while true {
                let looked = ContinuousClock.now
                last = try await dump()
                if last == before {
                    let spent = looked - changed
                    #expect(spent < Self.limit, "after \(what)", sourceLocation: sourceLocation)
                    return
                }
                guard looked - changed < .seconds(20) else { break }
            }
            let missing = Set(before.split(separator: "\n")).symmetricDifference(last.split(separator: "\n"))
            Issue.record("never repaired after \(what): \(missing.sorted())", sourceLocation: sourceLocation)
        }
    }
}
