import Addressing
import Laboratory
import Resources
import Testing

extension SystemTests {
    /// The laboratory's own faults: each is really there while it is there, and nothing of it is left afterwards.
    struct FaultTests {
        /// While one of these is there, the guests do not hear each other; others take away only large packets, or names.
        private static let cutting: Set<String> = [
            "underlay-link-down", "underlay-address-missing",
            "underlay-neighbour-wrong", "underlay-route-unreachable", "vxlan-filtered-in", "vxlan-filtered-out",
            "vxlan-filtered", "vxlan-filtered-one-way", "checksum-broken", "multicast-group-dropped",
            "multicast-not-from-host", "group-join-failed", "vxlan-down", "bridge-down", "port-down", "vxlan-deleted",
            "bridge-deleted", "port-deleted", "vxlan-unplugged", "port-unplugged", "vxlan-wrong-vni",
            "vxlan-wrong-port", "vxlan-wrong-group", "vxlan-wrong-local", "vxlan-wrong-remote", "bridge-wrong-entry",
            "guard-table-deleted", "ruleset-flushed", "guard-elements-missing",
            "host-firewall", "guest-down", "guest-wrong-prefix", "guest-firewall", "duplicate-mac", "spoofed-source",
            "host-dead", "asymmetric-drop", "duplicate-vtep", "port-elsewhere", "ports-isolated", "port-disabled",
            "port-locked", "flood-off", "guard-element-missing", "guard-rule-added", "peer-firewall", "forward-policy",
            "tunnel-filter", "guest-neighbour-wrong", "guest-no-route",
        ]
        /// These need a router, a resolver or an uplink.
        private static let elsewhere: Set<String> = [
            "nat64-mapping-missing", "querier-without-router", "multicast-router-stopped", "resolver-dead", "dns-wrong",
            "uplink-down",
            "no-route-back",
        ]
        /// One of each sort, for every run; the long one tries them all.
        private static let some: Set<String> = [
            "underlay-link-down", "underlay-mtu-hop", "checksum-broken", "multicast-group-dropped", "snooping-forgets",
            "group-join-failed", "vxlan-wrong-vni", "port-deleted", "guard-elements-missing", "duplicate-mac",
            "no-router-advertisements", "agent-stuck",
        ]

        @Test func `a fault of the catalogue is there until it is healed, and leaves nothing`() async throws {
            let chosen = Fault.all.filter { isLong ? !Self.elsewhere.contains($0.name) : Self.some.contains($0.name) }
            #expect(chosen.count == (isLong ? Fault.all.count - Self.elsewhere.count : Self.some.count))
            try await withSystem("two-hosts", warnings: ["radvd", "ended"]) { system in
                let before = try await system.dumps()
                for fault in chosen { try await tryOut(fault, system) }
                try await system.settle()
                do {
                    try await system.eventually("the hosts are as before") { try await system.dumps() == before }
                } catch {
                    let after = try await system.dumps()
                    for (host, dump) in before.sorted(by: { $0.key < $1.key }) {
                        let (then, now) = (dump.split(separator: "\n"), (after[host] ?? "").split(separator: "\n"))
                        for change in now.difference(from: then) { print("\(host): \(change)") }
                    }
                    throw error
                }
                #expect(try system.laboratory.faults().isEmpty)
            }
        }

        @Test func `faults of routers between the hosts cut them off, and are healed`() async throws {
            try await withSystem("three-hosts-router") { system in
                for name in ["querier-without-router", "multicast-router-stopped", "vxlan-hop-limit"] {
                    try await tryOut(try Fault.named(name), system, cuts: true)
                }
                try await system.settle()
            }
        }

        private func tryOut(_ fault: Fault, _ system: System, cuts: Bool? = nil) async throws {
            let laboratory = system.laboratory
            let (web, db) = (try #require(Name("web")), try #require(Name("db")))
            let project = try #require(Name("default"))
            let address = try await system.address(of: "h2/db")
            let record = try await laboratory.break(fault, project: project, attachment: web, peer: db)
            #expect(try laboratory.faults() == [record])
            await #expect(throws: LaboratoryError.self) {
                try await laboratory.break(fault, project: project, attachment: web, peer: db)
            }
            try await forget(system)
            if cuts ?? Self.cutting.contains(fault.name) {
                try await system.eventually("\(fault.name) cuts them off") {
                    try await !system.ping(from: "h1/web", to: address)
                }
            }
            let complaints = try await laboratory.heal(record)
            #expect(complaints.isEmpty, "\(fault.name): \(complaints)")
            try await system.eventually("after \(fault.name) they hear each other again") {
                try await forget(system)
                return try await system.ping(from: "h1/web", to: address)
            }
        }

        /// What the guests know of each other: a fault of groups shows only in who asks anew.
        private func forget(_ system: System) async throws {
            for place in ["h1/web", "h2/db"].compactMap({ GuestPlace($0) }) {
                _ = try await system.laboratory.machine(place.host)
                    .command(inGuest: place.guest, "ip", ["-6", "neigh", "flush", "all"]).run()
            }
        }
    }
}
