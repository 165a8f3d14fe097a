import APIClient
import Addressing
import Laboratory
import NetworkModel
import Resources
import SeededRandomness
import Testing

/// Pairs of attachments at random, with nothing wrong: each on a segment of its own, on one host or on two, with every
/// way of replication and of addresses, and with policies that let echoes pass.
struct HealthyPairs {
    let system: System

    /// One of them.
    struct Pair {
        var number: Int
        var spec: String
        var isAdvertised: Bool
        var isStateful: Bool
        var hosts: [String]
        var policies: [String]

        var segment: String { "healthy\(number)" }
        func end(_ side: Int) -> String { "healthy\(number)-\(side)" }

        init(_ number: Int, _ random: inout some RandomNumberGenerator) {
            self.number = number
            let (ipam, dhcp) =
                [
                    ("none", "none"), ("manual", "none"), ("automatic", "none"), ("automatic", "stateless"),
                    ("automatic", "stateful"),
                ].randomElement(using: &random) ?? ("none", "none")
            let replication = Bool.random(using: &random) ? "multicast" : "unicast"
            spec = #"{"ipam":"\#(ipam)","dhcp":"\#(dhcp)","replication":"\#(replication)"}"#
            isAdvertised = ipam == "automatic" && Bool.random(using: &random) || dhcp != "none"
            isStateful = dhcp == "stateful"
            hosts = (0..<2).map { _ in Bool.random(using: &random) ? "h1" : "h2" }
            policies = (0..<2).map { _ in
                [#""allow-all""#, #""allow-segment""#, #""allow-segment","allow-all""#].randomElement(using: &random)
                    ?? #""allow-all""#
            }
        }

        var text: String { "\(segment) \(spec) on \(hosts), policies \(policies), advertised \(isAdvertised)" }
    }

    /// Makes so many, hands each to the body, and takes them all away.
    func make(
        _ count: Int, _ random: inout some RandomNumberGenerator, _ body: (Pair) async throws -> Void
    ) async throws {
        let pairs = (0..<count).map { Pair($0, &random) }
        for pair in pairs {
            try await system.create(Segment.kind, #"{"name":"\#(pair.segment)","spec":\#(pair.spec)}"#)
        }
        let advertised = pairs.filter(\.isAdvertised).map { #""\#($0.segment)""# }.joined(separator: ",")
        if !advertised.isEmpty {
            try await system.create(
                Gateway.kind, #"{"name":"healthy","spec":{"host":"h1","segments":[\#(advertised)]}}"#)
        }
        for pair in pairs { for side in 0..<2 { try await attach(pair, side) } }
        for pair in pairs { try await prepare(pair) }
        for pair in pairs { try await body(pair) }
        try await remove(pairs, hasGateway: !advertised.isEmpty)
    }

    private func attach(_ pair: Pair, _ side: Int) async throws {
        let name = pair.end(side)
        let host = try system.machine(pair.hosts[side])
        _ = try await host.ip("netns", "add", name)
        try await system.create(
            Attachment.kind,
            """
            {"name":"\(name)","spec":{"segment":"\(pair.segment)","host":"\(pair.hosts[side])",
             "policies":[\(pair.policies[side])],"port":{"type":"namespace","namespace":"\(name)"}}}
            """)
    }

    /// Until the guests are as their administrators would have them.
    private func prepare(_ pair: Pair) async throws {
        for side in 0..<2 {
            let name = pair.end(side)
            try await system.waitUntilWired(Attachment.kind, name)
            let place = try #require(GuestPlace("\(pair.hosts[side])/\(name)"))
            let machine = try system.machine(pair.hosts[side])
            if pair.isStateful {
                // What a client of DHCPv6 does with what it is given.
                let document = try await system.get(Attachment.kind, name)
                guard case .array(let items)? = document.status?["addresses"]?.content else { continue }
                let address = items.compactMap { $0["value"]?.string }.first { !$0.hasPrefix("fe80") }
                _ = try await machine.command(
                    inGuest: place.guest, "ip", ["addr", "add", "\(try #require(address))/128", "dev", "eth0", "nodad"]
                ).check("give", name)
            } else if pair.isAdvertised {
                _ = try await system.address(of: "\(pair.hosts[side])/\(name)")
            }
            try await system.eventually("\(name) has a link-local address") {
                try await machine.linkLocal(ofGuest: place.guest) != nil
            }
        }
    }

    private func remove(_ pairs: [Pair], hasGateway: Bool) async throws {
        for pair in pairs { for side in 0..<2 { try await system.kcnet("attachment", "delete", pair.end(side)) } }
        if hasGateway { try await system.kcnet("gateway", "delete", "healthy") }
        for pair in pairs { try await system.kcnet("segment", "delete", pair.segment) }
        for pair in pairs {
            for side in 0..<2 { _ = try await system.machine(pair.hosts[side]).ip("netns", "del", pair.end(side)) }
        }
    }
}
