import Addressing
import NetworkModel
import NetworkService
import Resources
import Testing

/// Policies, and attachments that refer to them.
@Suite struct PolicyTests {
    private let web =
        #"{"name":"web","spec":{"ingress":[{"protocol":"tcp","ports":["80","443"]},{"protocol":"udp","ports":[443]}]}}"#

    @Test func `a policy is used by name, kept by id, and outlives a rename`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
            let policy = try await service.make(.policy, web)
            let item = try await service.make(
                .attachment, #"{"name":"a","spec":{"segment":"m","policies":["allow-segment","web"]}}"#)
            #expect(try item.text("spec", "policies") == #"["allow-segment","\#(policy.id)"]"#)
            #expect(try item.text("status", "policies") == #"["allow-segment","\#(policy.id)"]"#)
            try await service.put(.policy, "web", web.replacing(#""name":"web""#, with: #""name":"www""#))
            await expectProblem(.inUse, saying: "'a'") { try await service.remove(.policy, "www") }
            await expectProblem(.invalidField, field: "spec.policies") {
                try await service.put(
                    .attachment, "a", #"{"name":"a","spec":{"segment":"m","policies":["www","\#(policy.id)"]}}"#)
            }
            try await service.put(.attachment, "a", #"{"name":"a","spec":{"segment":"m"}}"#)
            #expect(try await service.get(.attachment, "a").text("status", "policies") == #"["allow-segment"]"#)
            try await service.remove(.policy, "www")
            await expectProblem(.invalidField, field: "spec.policies[0]", saying: "exists in project 'default'") {
                try await service.make(.attachment, #"{"name":"b","spec":{"segment":"m","policies":["www"]}}"#)
            }
        }
    }

    @Test func `built-in policies are used, and never created, changed or deleted`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
            for builtIn in BuiltInPolicy.allCases {
                let name = builtIn.rawValue
                try await service.make(
                    .attachment, #"{"name":"x-\#(name)","spec":{"segment":"m","policies":["\#(name)"]}}"#)
                await expectProblem(.nameTaken, field: "name", saying: "built-in") {
                    try await service.make(.policy, #"{"name":"\#(name)","spec":{}}"#)
                }
                await expectProblem(.notFound, saying: "built in") { try await service.remove(.policy, name) }
                await expectProblem(.notFound, saying: "built in") {
                    try await service.put(.policy, name, #"{"name":"\#(name)","spec":{}}"#)
                }
            }
            try await service.make(.policy, web)
            await expectProblem(.nameTaken, field: "name") {
                try await service.put(.policy, "web", web.replacing(#""name":"web""#, with: #""name":"allow-all""#))
            }
            await expectProblem(.invalidField, field: "spec.ingress[0].from[0].policy", saying: "built-in") {
                try await service.make(
                    .policy,
                    #"{"name":"x","spec":{"ingress":[{"protocol":"tcp","from":[{"policy":"allow-segment"}]}]}}"#)
            }
        }
    }

    @Test func `a policy that names itself or a missing one is refused, and a named one stays`() async throws {
        try await TestServer.with { server in
            let service = server.service
            func naming(_ name: String, _ other: String) -> String {
                #"{"name":"\#(name)","spec":{"egress":[{"protocol":"any","to":[{"prefix":"fd00::/8"},{"policy":"\#(other)"}]}]}}"#
            }
            let field = "spec.egress[0].to[1].policy"
            await expectProblem(.invalidField, field: field, saying: "itself") {
                try await service.make(.policy, naming("x", "x"))
            }
            await expectProblem(.invalidField, field: field, saying: "exists") {
                try await service.make(.policy, naming("x", "y"))
            }
            let web = try await service.make(.policy, web)
            try await service.make(.policy, naming("x", "web"))
            await expectProblem(.inUse, saying: "'x'", "rules") { try await service.remove(.policy, "web") }
            for other in ["x", "web", "\(web.id)"] {
                await expectProblem(.invalidField, field: field, saying: "itself") {
                    // Under its old name, its new one, and its id.
                    try await service.put(.policy, "web", naming(other == "\(web.id)" ? "web" : "x2", "\(web.id)"))
                }
            }
            // Two may name each other: members are meant, not rules.
            try await service.put(.policy, "web", naming("web", "x"))
            try await service.put(.policy, "web", #"{"name":"web","spec":{}}"#)
            try await service.remove(.policy, "x")
            try await service.remove(.policy, "web")
        }
    }

    @Test func `10,000 rules are refused with their field, and so is what grows too large by members`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let rule = #"{"protocol":"tcp","ports":["1"]}"#
            func rules(_ count: Int) -> String { Array(repeating: rule, count: count).joined(separator: ",") }
            await expectProblem(.invalidField, field: "spec.ingress", saying: "10000 rules") {
                try await service.make(.policy, #"{"name":"big","spec":{"ingress":[\#(rules(10_000))]}}"#)
            }
            await expectProblem(.invalidField, field: "spec.egress", saying: "257 rules") {
                try await service.make(
                    .policy, #"{"name":"big","spec":{"ingress":[\#(rules(200))],"egress":[\#(rules(57))]}}"#)
            }
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            try await service.make(.policy, #"{"name":"crowd","spec":{}}"#)
            // 32 rules of 64 ports with the crowd as peer: 2,048 pieces for each address of its members.
            let ports = (1...64).map { #""\#($0)""# }.joined(separator: ",")
            let wide = #"{"protocol":"tcp","ports":[\#(ports)],"from":[{"policy":"crowd"}]}"#
            let many = Array(repeating: wide, count: 32).joined(separator: ",")
            try await service.make(.policy, #"{"name":"wide","spec":{"ingress":[\#(many)]}}"#)
            for number in 1...4 {
                try await service.make(
                    .attachment, #"{"name":"a\#(number)","spec":{"segment":"m","policies":["crowd"]}}"#)
            }
            await expectProblem(.inUse, field: "spec.policies[0]", saying: "'wide'", "10240 of 8192") {
                try await service.make(.attachment, #"{"name":"a5","spec":{"segment":"m","policies":["crowd"]}}"#)
            }
            // What is there may get further addresses of its own, but then no other policy may be as large.
            try await service.put(
                .attachment, "a1",
                #"{"name":"a1","spec":{"segment":"m","policies":["crowd"],"addresses":["fd00:1::6","fd00:1::7"]}}"#)
            await expectProblem(.invalidField, field: "spec.ingress[0]", saying: "pieces", "10240") {
                try await service.make(.policy, #"{"name":"wider","spec":{"ingress":[\#(many)]}}"#)
            }
        }
    }

    @Test func `rules that cut one another into more than hosts build are refused, alone and together`() async throws {
        try await TestServer.with { server in
            let service = server.service
            func cutting(_ count: Int, at first: Int = 0) -> [String] {
                (0..<count).map { rule in
                    let ports = (0..<64).map { #""\#(2 * (first + 64 * rule + $0) + 1)""# }.joined(separator: ",")
                    return #"{"protocol":"tcp","ports":[\#(ports)]}"#
                }
            }
            func broad(_ count: Int) -> String {
                let peers = (0..<count).map { #"{"prefix":"2001:db8:\#(String($0, radix: 16))::/48"}"# }
                return #"{"protocol":"tcp","from":[\#(peers.joined(separator: ","))]}"#
            }
            func policy(_ name: String, _ rules: [String]) -> String {
                #"{"name":"\#(name)","spec":{"ingress":[\#(rules.joined(separator: ","))]}}"#
            }
            // As many combinations as a document may have; in boxes it is 512 times as many.
            await expectProblem(
                .invalidField, field: "spec.ingress[1]", saying: "8273920 pieces", "at most 8192", "fewer peers"
            ) {
                try await service.make(.policy, policy("bomb", cutting(1) + [broad(256)] + cutting(251, at: 64)))
            }
            // Each alone is small.
            try await service.make(.policy, policy("broad", [broad(256)]))
            try await service.make(.policy, policy("cutting", cutting(1)))
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual"}}"#)
            await expectProblem(.invalidField, field: "spec.policies", saying: "pieces", "16384") {
                try await service.make(
                    .attachment, #"{"name":"a","spec":{"segment":"m","policies":["broad","cutting"]}}"#)
            }
            try await service.put(.policy, "cutting", policy("cutting", [#"{"protocol":"udp"}"#]))
            try await service.make(
                .attachment, #"{"name":"a","spec":{"segment":"m","policies":["broad","cutting"]}}"#)
            await expectProblem(.invalidField, field: "spec", saying: "pieces", "16384", "'a'") {
                try await service.put(.policy, "cutting", policy("cutting", cutting(1)))
            }
        }
    }

    @Test func `names that try to break out of a ruleset are no names`() async throws {
        try await TestServer.with { server in
            for name in ["a;flush ruleset", "a\\\"}", "a b", "a/b", "a{", "$x", "a\\n", "kc\\u0000", "@set", "Ä"] {
                await expectProblem(.invalidField, field: "name") {
                    try await server.service.make(.policy, #"{"name":"\#(name)","spec":{}}"#)
                }
            }
        }
    }

    @Test(arguments: [
        (#""policies":[]"#, "spec.policies"), (#""policies":["a","a"]"#, "spec.policies"),
        (#""policies":["no"]"#, "spec.policies[0]"), (#""learnedAddresses":65"#, "spec.learnedAddresses"),
        (#""limits":{"in":{"bandwidth":1}}"#, "spec.limits.in.bandwidth"),
        (#""limits":{"out":{"ndPerSecond":9}}"#, "spec.limits.out.ndPerSecond"),
        (#""limits":{"in":{"ndPerSecond":100}}"#, "spec.limits.in.ndPerSecond"),
        (#""allowedAddresses":["fd00:1::1/64"]"#, "spec.allowedAddresses[0]"),
        (#""allowedAddresses":["fd00:9::/64","fd00:9::1/128"]"#, "spec.allowedAddresses[1]"),
        (#""allowedAddresses":["fe80::/64"]"#, "spec.allowedAddresses[0]"),
        (#""allowedAddresses":["fe80::1/128"]"#, "spec.allowedAddresses[0]"),
        (#""allowedAddresses":["ff02::1/128"]"#, "spec.allowedAddresses[0]"),
        (#""allowedAddresses":["::1/128"]"#, "spec.allowedAddresses[0]"),
        (#""allowedAddresses":["fd00:1::/64"]"#, "spec.allowedAddresses[0]"),
        (#""allowedAddresses":["fd00:1::7/128"]"#, "spec.allowedAddresses[0]"),
        (#""addresses":["fd00:1::50"]"#, "spec.addresses[0]"),
        (#""port":{"type":"external","interface":"e0"},"host":"h1","policies":["deny-in"]"#, "spec.policies"),
        (
            #""port":{"type":"external","interface":"e0"},"host":"h1","limits":{"out":{"newFlowsPerSecond":10}}"#,
            "spec.limits.out.newFlowsPerSecond"
        ),
    ])
    func `what makes no sense on a port is refused by field`(members: String, field: String) async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            try await service.make(.attachment, #"{"name":"n","spec":{"segment":"m","addresses":["fd00:1::7"]}}"#)
            try await service.make(
                .attachment, #"{"name":"vrrp","spec":{"segment":"m","allowedAddresses":["fd00:1::50/128"]}}"#)
            do {
                try await service.make(.attachment, #"{"name":"x","spec":{"segment":"m",\#(members)}}"#)
                Issue.record("accepted: \(members)")
            } catch let problem as Problem {
                #expect(problem.field == field, "\(problem)")
                #expect(problem.rule?.isEmpty == false)
            }
        }
    }

    @Test func `a virtual address may stand with two attachments, and a router may send for others`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            for name in ["one", "two"] {
                try await service.make(
                    .attachment,
                    #"{"name":"\#(name)","spec":{"segment":"m","allowedAddresses":["fd00:1::50/128","fe80::50/128"]}}"#)
            }
            let router = try await service.make(
                .attachment, #"{"name":"r","spec":{"segment":"m","host":"h1","allowedAddresses":["::/0"]}}"#)
            let host = try await service.get(.host, "h1").id
            let feed = try #require(HostFeed(host: host, cache: service.cache))
            guard case .update(let update) = feed.next(), let desired = update.attachments.first else {
                Issue.record("no update")
                return
            }
            #expect(desired.id == router.id)
            let allowed = desired.allowedAddresses
            func isAllowed(_ text: String) throws -> Bool {
                let address = try IPv6Address(parsing: text)
                return allowed.contains { $0.contains(address) }
            }
            for text in ["2001:db8::1", "fd00:1:0:1::1", "fd00::1", "fec0::1", "fdff::", "::2"] {
                #expect(try isAllowed(text), "\(text)")
            }
            for text in ["fd00:1::1", "fd00:1::ffff", "fe80::1", "febf::1", "ff02::1", "::", "::1"] {
                #expect(try !isAllowed(text), "\(text)")
            }
            for (index, prefix) in allowed.enumerated() {
                #expect(!allowed[..<index].contains { $0.overlaps(prefix) }, "\(prefix)")
            }
        }
    }

    @Test func `all hosts of a segment know what some attachment may use of it`() async throws {
        try await TestServer.with { server in
            let service = server.service
            for number in 1...2 { try await service.makeHost(number) }
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            try await service.make(.attachment, #"{"name":"guest","spec":{"segment":"m","host":"h1"}}"#)
            let feed = try #require(
                HostFeed(host: try await service.get(.host, "h1").id, cache: service.cache))
            func shared() -> [[String]] {
                guard case .update(let update) = feed.next() else { return [] }
                return update.segments.map { $0.shared.map(\.description) }
            }
            #expect(shared() == [[]])
            let allowed = #"["fd00:1::50/128","fe80::50/128","2001:db8::/32"]"#
            try await service.make(
                .attachment, #"{"name":"far","spec":{"segment":"m","host":"h2","allowedAddresses":\#(allowed)}}"#)
            #expect(
                shared() == [["fd00:1::50/128", "fe80::50/128"]], "of another host's attachment, within the segment")
            try await service.make(
                .attachment, #"{"name":"spare","spec":{"segment":"m","allowedAddresses":["fd00:1::50/128"]}}"#)
            #expect(shared() == [["fd00:1::50/128", "fe80::50/128"]], "also of one that is nowhere yet")
            try await service.remove(.attachment, "far")
            #expect(shared() == [["fd00:1::50/128"]])
            try await service.remove(.attachment, "spare")
            #expect(shared() == [[]])
        }
    }

    @Test func `a policy's change reaches the hosts that use it, and a member's those that name it`() async throws {
        try await TestServer.with { server in
            let service = server.service
            for number in 1...3 { try await service.makeHost(number) }
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            try await service.make(.segment, #"{"name":"n","spec":{"ipam":"manual","prefix":"fd00:2::/64"}}"#)
            try await service.make(.policy, #"{"name":"clients","spec":{}}"#)
            let web = try await service.make(
                .policy, #"{"name":"web","spec":{"ingress":[{"protocol":"tcp","from":[{"policy":"clients"}]}]}}"#)
            try await service.make(
                .attachment, #"{"name":"server","spec":{"segment":"m","host":"h1","policies":["web"]}}"#)
            try await service.make(.attachment, #"{"name":"other","spec":{"segment":"m","host":"h2"}}"#)
            var feeds: [HostFeed] = []
            for number in 1...3 {
                let feed = try #require(
                    HostFeed(host: try await service.get(.host, "h\(number)").id, cache: service.cache))
                _ = feed.next()
                feeds.append(feed)
            }
            func updates() -> [HostUpdate?] {
                feeds.map { if case .update(let update) = $0.next() { update } else { nil } }
            }
            // A member on a third host, of another segment: only the host with the rules hears of its address.
            let client = try await service.make(
                .attachment,
                #"{"name":"client","spec":{"segment":"n","host":"h3","addresses":["fd00:2::7"],"policies":["clients"]}}"#
            )
            var told = updates()
            #expect(told[0]?.members.map(\.addresses) == [[try IPv6Address(parsing: "fd00:2::7")]])
            #expect(told[0]?.policies.isEmpty == true && told[0]?.attachments.isEmpty == true)
            #expect(told[1] == nil)
            #expect(told[2]?.policies.map(\.ingress.count) == [0] && told[2]?.members.isEmpty == true)
            // What it learns is a member's address too, but a link-local address is none.
            let segment = try await service.get(.segment, "n").id
            _ = try await service.publish(
                LearnedAddresses([
                    client.id: [try IPv6Address(parsing: "fd00:2::8"), try IPv6Address(parsing: "fe80::8")]
                ]),
                on: segment, from: try await service.get(.host, "h3").id)
            told = updates()
            #expect(told[0]?.members.first?.addresses.count == 2)
            #expect(told[0]?.bindings.isEmpty == true)
            #expect(told[1] == nil)
            #expect(told[2]?.bindings.first?.put.count == 2)
            // The rules: to the one host that uses them.
            try await service.put(
                .policy, "web", #"{"name":"web","spec":{"ingress":[{"protocol":"tcp","ports":["80"]}]}}"#)
            told = updates()
            #expect(told[0]?.policies.map(\.id) == [web.id])
            #expect(told[0]?.removedMembers.count == 1)
            #expect(told[1] == nil && told[2] == nil)
            // Each revision is later than the one before.
            #expect(try #require(told[0]).revision <= service.cache.revision)
        }
    }

    @Test func `who holds an address of a segment is told to its hosts, and to no other`() async throws {
        try await TestServer.with { server in
            let service = server.service
            for number in 1...3 { try await service.makeHost(number) }
            let segment = try await service.make(
                .segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
            let near = try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m","host":"h1"}}"#)
            try await service.make(.gateway, #"{"name":"g","spec":{"host":"h2","segments":["m"]}}"#)
            let feed = try #require(HostFeed(host: try await service.get(.host, "h1").id, cache: service.cache))
            guard case .update(let first) = feed.next() else {
                Issue.record("no update")
                return
            }
            let snapshot = try HostSnapshot(first)
            let table = try #require(snapshot.bindings[segment.id])
            // Its own assigned and link-local address, and three of the router.
            #expect(table.values.count { $0.attachment == near.id } == 2)
            #expect(table[.segmentRouter]?.host == (try await service.get(.host, "h2").id))
            #expect(table.count == 5)
            let port = try await service.list(.attachment, project: "default").items.first { $0.name.text != "a" }
            let mac = try #require(try port?.text("status", "mac"))
            #expect(snapshot.segments[segment.id]?.gateways.map(\.description) == [mac])
            let far = try #require(HostFeed(host: try await service.get(.host, "h3").id, cache: service.cache))
            guard case .update(let nothing) = far.next() else {
                Issue.record("no update")
                return
            }
            #expect(nothing.bindings.isEmpty)
            try await service.remove(.gateway, "g")
            guard case .update(let second) = feed.next() else {
                Issue.record("no update")
                return
            }
            #expect(second.segments.map(\.gateways) == [[]])
            #expect(second.bindings.first?.removed.count == 3)
        }
    }
}
