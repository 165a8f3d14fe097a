import Addressing
import NetworkModel
import NetworkService
import Resources
import Testing

/// Zones, records, and what hosts with the role `dns` are told.
@Suite struct NamesTests {
    private func serving(_ server: TestServer) async throws -> FeedTests.Agent {
        try await server.service.make(
            .host, #"{"name":"ns1","spec":{"vtep":"2001:db8:ff::53","interface":"eth0","roles":["dns"]}}"#)
        let id = try await server.service.get(.host, "ns1").id
        return FeedTests.Agent(feed: try #require(HostFeed(host: id, cache: server.service.cache)))
    }

    private func records(_ agent: FeedTests.Agent) -> Set<String> {
        Set(
            (agent.snapshot?.names.records.values.flatMap(\.values) ?? []).flatMap { set in
                set.data.map { "\(set.key.owner) \(set.key.type.rawValue) \($0)" }
            })
    }

    @Test func `a host with the role dns is told every name within the change that makes it`() async throws {
        try await TestServer.with { server in
            let service = server.service
            var agent = try await serving(server)
            try await service.make(.zone, #"{"name":"cloud","spec":{"domain":"cloud.example","attachments":true}}"#)
            try await service.make(.zone, #"{"name":"rev","spec":{"domain":"d.f.ip6.arpa","attachments":true}}"#)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:0:0:1::/64"}}"#)
            try await service.make(
                .attachment, #"{"name":"web","spec":{"segment":"m","addresses":["fd00:0:0:1::5"]}}"#)
            try agent.catchUp()
            let reverse = DomainName.reverse(try IPv6Address(parsing: "fd00:0:0:1::5"))
            let zones = try #require(agent.snapshot?.names.zones.values.sorted { $0.domain < $1.domain })
            #expect(zones.map(\.domain.description) == ["d.f.ip6.arpa", "cloud.example"])
            #expect(zones.allSatisfy { $0.signingKey != nil } && zones[0].signingKey != zones[1].signingKey)
            #expect(zones[1].nameServers.map(\.description) == ["ns1.ns.cloud.example"])
            #expect(
                records(agent) == [
                    "web.m.default.cloud.example AAAA fd00:0:0:1::5",
                    "\(reverse) PTR web.m.default.cloud.example",
                    "ns1.ns.cloud.example AAAA 2001:db8:ff::53", "ns1.ns.d.f.ip6.arpa AAAA 2001:db8:ff::53",
                ])
            try await service.put(.segment, "m", #"{"name":"net","spec":{"ipam":"manual"}}"#)
            try agent.catchUp()
            #expect(records(agent).contains("web.net.default.cloud.example AAAA fd00:0:0:1::5"))
            try await service.remove(.attachment, "web")
            try agent.catchUp()
            #expect(records(agent).count == 2)
            // Without the role nothing of it stays.
            try await service.put(
                .host, "ns1", #"{"name":"ns1","spec":{"vtep":"2001:db8:ff::53","interface":"eth0"}}"#)
            try agent.catchUp()
            #expect(agent.snapshot?.names == DesiredNames())
        }
    }

    @Test func `gateways ask name servers at their service addresses and never on the underlay`() async throws {
        try await TestServer.with { server in
            let service = server.service
            _ = try await serving(server)
            try await service.make(
                .host, #"{"name":"g1","spec":{"vtep":"2001:db8:ff::9","interface":"eth0","roles":["gateway"]}}"#)
            let id = try await service.get(.host, "g1").id
            var agent = FeedTests.Agent(feed: try #require(HostFeed(host: id, cache: service.cache)))
            try await service.make(.zone, #"{"name":"cloud","spec":{"domain":"cloud.example","attachments":true}}"#)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"automatic"}}"#)
            try await service.make(.gateway, #"{"name":"g","spec":{"host":"g1","segments":["m"],"resolver":{}}}"#)
            func servers() throws -> [String] {
                try agent.catchUp()
                return agent.snapshot?.gateways.values.first?.resolver?.servers.map(\.description) ?? ["none"]
            }
            #expect(try servers() == [])
            func host(_ name: String, _ vtep: String, _ more: String) -> String {
                #"{"name":"\#(name)","spec":{"vtep":"\#(vtep)","interface":"eth0"\#(more)}}"#
            }
            let roles = #","roles":["dns"],"serviceAddress":"2001:db8:53::1""#
            try await service.put(.host, "ns1", host("ns1", "2001:db8:ff::53", roles))
            #expect(try servers() == ["2001:db8:53::1"])
            // The same on another host is one to ask.
            try await service.make(.host, host("ns2", "2001:db8:ff::54", roles))
            #expect(try servers() == ["2001:db8:53::1"])
            for (name, vtep, more) in [
                ("ns3", "2001:db8:ff::55", #","serviceAddress":"2001:db8:ff::9""#), ("ns3", "2001:db8:53::1", ""),
                ("ns3", "2001:db8:ff::55", #","serviceAddress":"2001:db8:ff::55""#),
                ("ns3", "2001:db8:ff::55", #","serviceAddress":"fe80::53""#),
            ] {
                await #expect(throws: Problem.self) { try await service.make(.host, host(name, vtep, more)) }
            }
        }
    }

    @Test func `no name and no value brings a line of its own into a zone`() async throws {
        try await TestServer.with { server in
            let service = server.service
            var agent = try await serving(server)
            try await service.make(.zone, #"{"name":"mine","spec":{"domain":"m.example","attachments":true}}"#)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:0:0:1::/64"}}"#)
            let evil = [
                #"web\nevil A 192.0.2.1"#, "$INCLUDE /etc/passwd", "web;", #"web\\010"#, "web evil", "@", "*", #"a\"b"#,
                "(",
                #"web\u0000"#, "we\u{301}b", "WEB.", "web.evil",
            ]
            for name in evil {
                await #expect(throws: Problem.self, "\(name)") {
                    try await service.make(.attachment, #"{"name":"\#(name)","spec":{"segment":"m"}}"#)
                }
                await #expect(throws: Problem.self, "\(name)") {
                    try await service.make(.segment, #"{"name":"\#(name)","spec":{"ipam":"none"}}"#)
                }
            }
            for value in [#"a.example\nevil A 192.0.2.1"#, "a.example ; b", "$ORIGIN x", #"a\\010b.example"#, "a b"] {
                await #expect(throws: Problem.self, "\(value)") {
                    try await service.make(
                        .record,
                        #"{"name":"r","spec":{"zone":"mine","name":"r.default","type":"CNAME","values":["\#(value)"]}}"#
                    )
                }
            }
            // What no answer has room for.
            func texts(_ count: Int) -> String {
                (0..<count).map { "\"\($0)" + String(repeating: "x", count: 4095) + "\"" }.joined(separator: ",")
            }
            func write(_ name: String, _ count: Int) async throws {
                try await service.make(
                    .record,
                    #"{"name":"\#(name)","spec":{"zone":"mine","name":"\#(name).default","type":"TXT","values":[\#(texts(count))]}}"#
                )
            }
            await #expect(throws: Problem.self) { try await write("large", 5) }
            try agent.catchUp()
            #expect(records(agent).count == 1, "the server's own")
            try await write("fits", 4)
        }
    }

    @Test func `the key of a zone is never read through the API`() async throws {
        try await TestServer.with { server in
            var agent = try await serving(server)
            let zone = try await server.service.make(.zone, #"{"name":"a","spec":{"domain":"a.example"}}"#)
            try agent.catchUp()
            let secret = try #require(agent.snapshot?.names.zones[zone.id]?.signingKey?.secret)
            let shown = String(decoding: zone.json, as: UTF8.self)
            let history = String(decoding: try await server.service.history(.zone, "a"), as: UTF8.self)
            #expect(!shown.contains(secret) && !history.contains(secret))
        }
    }

    @Test func `a record is in a zone that is given, under the project's own label where others are too`() async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.project, #"{"name":"p","spec":{}}"#)
            try await service.make(.zone, #"{"name":"all","spec":{"domain":"cloud.example","attachments":true}}"#)
            try await service.make(.zone, #"{"name":"mine","spec":{"domain":"my.example","projects":["default"]}}"#)
            try await service.make(.zone, #"{"name":"theirs","spec":{"domain":"p.example","projects":["p"]}}"#)
            func record(_ name: String, _ zone: String, _ at: String, _ type: String, _ value: String) -> String {
                #"{"name":"\#(name)","spec":{"zone":"\#(zone)","name":"\#(at)","type":"\#(type)","values":["\#(value)"]}}"#
            }
            let item = try await service.make(.record, record("r1", "all", "www.default", "AAAA", "2001:db8::1"))
            #expect(try item.text("status", "owner") == "www.default.cloud.example")
            try await service.make(.record, record("r2", "all", "_http._tcp.default", "SRV", "1 2 80 a.b"))
            try await service.make(.record, record("r3", "mine", "@", "MX", "10 mail.example"))
            try await service.make(.record, record("r4", "mine", "a.b.c", "TXT", "x"))
            try await service.make(.record, record("r5", "mine", "sub", "NS", "ns.example"))
            for (zone, at, type) in [
                ("all", "www", "A"), ("all", "www.other", "A"), ("all", "a.b.default", "A"), ("all", "@", "A"),
                ("all", "ns", "A"), ("mine", "x.ns", "A"), ("mine", "2001:db8::1", "PTR"),
            ] {
                let value = type == "A" ? "192.0.2.1" : "a.b"
                await expectProblem(.invalidField, field: "spec.name") {
                    try await service.make(.record, record("x", zone, at, type, value))
                }
            }
            await expectProblem(.invalidField, field: "spec.type", saying: "NS") {
                try await service.make(.record, record("x", "all", "sub.default", "NS", "a.b"))
            }
            await expectProblem(.invalidField, field: "spec.zone", saying: "given") {
                try await service.make(.record, record("x", "theirs", "www", "A", "192.0.2.1"))
            }
            await expectProblem(.nameTaken, field: "spec.name", saying: "'r1'") {
                try await service.make(.record, record("x", "all", "www.default", "AAAA", "2001:db8::2"))
            }
            await expectProblem(.conflict, field: "spec.type", saying: "alone") {
                try await service.make(.record, record("x", "all", "www.default", "CNAME", "a.b"))
            }
            await expectProblem(.inUse, saying: "records") { try await service.remove(.zone, "mine") }
            await expectProblem(.nameTaken, field: "spec.domain") {
                try await service.make(.zone, #"{"name":"again","spec":{"domain":"my.example"}}"#)
            }
            await expectProblem(.inUse, saying: "theirs") {
                _ = try await service.delete(.project, "p", by: administrator)
            }
        }
    }

    @Test func `the reverse of an address is written by its holder alone`() async throws {
        try await TestServer.with { server in
            let service = server.service
            var agent = try await serving(server)
            try await service.make(.zone, #"{"name":"rev","spec":{"domain":"d.f.ip6.arpa","attachments":true}}"#)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:0:0:1::/64"}}"#)
            let record =
                #"{"name":"r","spec":{"zone":"rev","name":"fd00:0:0:1::5","type":"PTR","values":["mail.example"]}}"#
            await expectProblem(.invalidField, field: "spec.name", saying: "holds now") {
                try await service.make(.record, record)
            }
            try await service.make(
                .attachment, #"{"name":"web","spec":{"segment":"m","addresses":["fd00:0:0:1::5"]}}"#)
            try await service.make(.record, record)
            try agent.catchUp()
            let reverse = DomainName.reverse(try IPv6Address(parsing: "fd00:0:0:1::5"))
            #expect(records(agent).contains("\(reverse) PTR mail.example"))
            // Another attachment gets the address: its reverse is not the old holder's any more only by project, but
            // with nobody holding it nothing stands there.
            try await service.remove(.attachment, "web")
            try agent.catchUp()
            #expect(!records(agent).contains { $0.contains("PTR") })
        }
    }
}
