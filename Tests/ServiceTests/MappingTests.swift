import Addressing
import NetworkModel
import NetworkService
import Resources
import Testing

/// IPv4 addresses of attachments: who may have which, and that nobody has one twice.
@Suite struct MappingTests {
    private func problem(_ body: () async throws -> Void) async -> Problem? {
        do {
            try await body()
            return nil
        } catch { return error as? Problem }
    }

    private func prepare(_ service: NetworkService) async throws {
        try await service.make(.pool, #"{"name":"out","spec":{"type":"ipv4","prefix":"203.0.113.8/30"}}"#)
        try await service.make(.host, #"{"name":"h","spec":{"vtep":"fd0a::1","interface":"e","roles":["gateway"]}}"#)
        try await service.make(
            .segment, #"{"name":"s","spec":{"ipam":"manual","prefix":"fd00:1::/64"}}"#)
        for name in ["a", "b", "c", "d", "e"] {
            try await service.make(.attachment, #"{"name":"\#(name)","spec":{"segment":"s","host":"h"}}"#)
        }
    }

    private func assigned(_ item: Item) throws -> Mapping.Assigned {
        guard case .mapping(let mapping) = item.resource else { throw Problem(.internal, "no mapping") }
        return mapping.assigned
    }

    @Test func `mappings take the addresses of a pool one by one, until it has none`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            var given: Set<IPv4Address> = []
            for name in ["a", "b", "c", "d"] {
                let item = try await service.make(.mapping, #"{"name":"\#(name)","spec":{"attachment":"\#(name)"}}"#)
                given.insert(try assigned(item).ipv4)
            }
            #expect(given == Set((8..<12).map { IPv4Address(0xcb00_7100 + $0) }))
            let none = await problem { try await service.make(.mapping, #"{"name":"e","spec":{"attachment":"e"}}"#) }
            #expect(none?.code == .poolExhausted && none?.field == "spec.ipv4", "\(String(describing: none))")
            try await service.remove(.mapping, "b")
            try await service.make(.mapping, #"{"name":"e","spec":{"attachment":"e"}}"#)
        }
    }

    @Test func `an address is given once, and only out of a pool`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(.mapping, #"{"name":"a","spec":{"attachment":"a","ipv4":"203.0.113.9"}}"#)
            let cases: [(String, Problem.Code, String)] = [
                (#"{"attachment":"b","ipv4":"203.0.113.9"}"#, .addressTaken, "spec.ipv4"),
                (#"{"attachment":"b","ipv4":"203.0.113.99"}"#, .invalidField, "spec.ipv4"),
                (#"{"attachment":"b","pool":"ula"}"#, .invalidField, "spec.pool"),
                (#"{"attachment":"b","pool":"nowhere"}"#, .invalidField, "spec.pool"),
                (#"{"attachment":"a"}"#, .addressTaken, "spec.address"),
                (#"{"attachment":"b","address":"fd00:2::1"}"#, .invalidField, "spec.address"),
                (#"{"attachment":"nobody"}"#, .invalidField, "spec.attachment"),
            ]
            for (spec, code, field) in cases {
                let found = await problem { try await service.make(.mapping, #"{"name":"x","spec":\#(spec)}"#) }
                #expect(found?.code == code && found?.field == field, "\(spec): \(String(describing: found))")
            }
        }
    }

    @Test func `two servers never give one address to two mappings`() async throws {
        try await TestServer.with { server in
            try await prepare(server.service)
            let other = server.another()
            try await server.running(other) {
                async let one = problem {
                    try await server.service.make(
                        .mapping, #"{"name":"a","spec":{"attachment":"a","ipv4":"203.0.113.9"}}"#)
                }
                async let two = problem {
                    try await other.make(.mapping, #"{"name":"b","spec":{"attachment":"b","ipv4":"203.0.113.9"}}"#)
                }
                let found = await [one, two].compactMap { $0 }
                #expect(found.count == 1 && found.first?.code == .addressTaken, "\(found)")
            }
        }
    }

    @Test func `a mapped attachment stays, with its address, until the mapping goes`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(.mapping, #"{"name":"a","spec":{"attachment":"a"}}"#)
            let refused = await problem { try await service.remove(.attachment, "a") }
            #expect(refused?.code == .inUse, "\(String(describing: refused))")
            try await service.remove(.mapping, "a")
            try await service.remove(.attachment, "a")
        }
    }

    @Test func `a gateway hears of its segments' mappings, and takes an address for outgoing connections`() async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            let gateway = try await service.make(
                .gateway, #"{"name":"g","spec":{"host":"h","segments":["s"],"nat64":{"pool":"out"}}}"#)
            guard case .gateway(let resource) = gateway.resource, let host = resource.spec.host?.id else {
                Issue.record("no gateway")
                return
            }
            let outgoing = try #require(resource.assigned.outgoing)
            let taken = await problem {
                try await service.make(.mapping, #"{"name":"x","spec":{"attachment":"a","ipv4":"\#(outgoing)"}}"#)
            }
            #expect(taken?.code == .addressTaken)
            let feed = try #require(HostFeed(host: host, cache: service.cache))
            defer { feed.close() }
            func told() -> DesiredNAT64? {
                guard case .update(let update) = feed.next() else { return nil }
                return update.gateways.first?.nat64
            }
            #expect(told() == DesiredNAT64(prefix: .wellKnownNAT64, outgoing: outgoing))
            let item = try await service.make(.mapping, #"{"name":"a","spec":{"attachment":"a"}}"#)
            let mapping = try assigned(item)
            #expect(told()?.mappings == [mapping.ipv4: mapping.address])
            try await service.remove(.mapping, "a")
            #expect(told()?.mappings == [:])
        }
    }

    @Test func `what stands at an uplink is given to nobody else, and the other way round`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(
                .pool, #"{"name":"four","spec":{"type":"ipv4","prefix":"198.51.100.0/29"}}"#)
            try await service.make(
                .segment, #"{"name":"own","spec":{"ipam":"manual","prefix":"2001:db8:1:1::/64"}}"#)
            func gateway(
                _ ipv4: String, _ hop: String, at address: String = "2001:db8:f::2/64",
                by router: String = "2001:db8:f::1"
            ) -> String {
                #"{"name":"g","spec":{"host":"h","segments":["s"],"nat64":{"pool":"four"},"uplink":"#
                    + #"{"type":"interface","interface":"up0","addresses":["\#(address)"],"nextHop":"\#(router)","#
                    + #""ipv4":{"address":"\#(ipv4)","nextHop":"\#(hop)"}}}}"#
            }
            func mapping(_ name: String, _ spec: String) -> String {
                #"{"name":"\#(name)","spec":{"attachment":"\#(name)","pool":"four"\#(spec)}}"#
            }
            try await service.make(.mapping, mapping("a", #","ipv4":"198.51.100.2""#))
            await expectProblem(.addressTaken, field: "spec.uplink.ipv4.address", saying: "mapping 'a'") {
                try await service.make(.gateway, gateway("198.51.100.2/29", "198.51.100.1"))
            }
            await expectProblem(.addressTaken, field: "spec.uplink.ipv4.nextHop", saying: "mapping 'a'") {
                try await service.make(.gateway, gateway("198.51.100.1/29", "198.51.100.2"))
            }
            await expectProblem(.prefixTaken, field: "spec.uplink.addresses[0]", saying: "segment 'own'") {
                try await service.make(
                    .gateway,
                    gateway("198.51.100.3/29", "198.51.100.1", at: "2001:db8:1:1::2/64", by: "fe80::1"))
            }
            let made = try await service.make(.gateway, gateway("198.51.100.3/29", "198.51.100.4"))
            guard case .gateway(let resource) = made.resource else { return }
            #expect(![3, 4].contains(resource.assigned.outgoing.map { $0.value & 7 }), "\(resource.assigned)")
            for taken in ["198.51.100.3", "198.51.100.4"] {
                await expectProblem(.addressTaken, field: "spec.ipv4", saying: "uplink of gateway 'g'") {
                    try await service.make(.mapping, mapping("b", #","ipv4":"\#(taken)""#))
                }
            }
            // What is left of the pool, without being asked for by number: one after the other.
            var given: Set<IPv4Address> = []
            for _ in 0..<12 {
                given.insert(try assigned(try await service.make(.mapping, mapping("b", ""))).ipv4)
                try await service.remove(.mapping, "b")
            }
            #expect(given.count == 4 && !given.contains { [3, 4].contains($0.value & 7) }, "\(given)")
        }
    }

    @Test func `where segments see the IPv4 world is no segment's, router's or pool's network`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(
                .segment, #"{"name":"own","spec":{"ipam":"manual","prefix":"2001:db8:1:1::/64"}}"#)
            try await service.make(
                .pool, #"{"name":"more","spec":{"type":"prefix","prefix":"2001:db8:2::/48"}}"#)
            func gateway(_ prefix: String) -> String {
                #"{"name":"g","spec":{"host":"h","segments":["s"],"nat64":{"prefix":"\#(prefix)"}}}"#
            }
            await expectProblem(.prefixTaken, field: "spec.nat64.prefix", saying: "segment 'own'") {
                try await service.make(.gateway, gateway("2001:db8:1:1::/96"))
            }
            await expectProblem(.prefixTaken, field: "spec.nat64.prefix", saying: "2001:db8:2::/48 of pool 'more'") {
                try await service.make(.gateway, gateway("2001:db8:2:ffff::/96"))
            }
            await expectProblem(.invalidField, field: "spec.nat64.prefix", saying: "must not be in ::/64") {
                try await service.make(.gateway, gateway("::ffff:0:0/96"))
            }
            try await service.make(.gateway, gateway("2001:db8:64::/96"))
            await expectProblem(.prefixTaken, field: "spec.nat64.prefix", saying: "segment 'own'") {
                try await service.put(.gateway, "g", gateway("2001:db8:1:1:1::/96"))
            }
            await expectProblem(.prefixTaken, field: "spec.prefix", saying: "gateway 'g'") {
                try await service.make(
                    .segment, #"{"name":"late","spec":{"ipam":"manual","prefix":"2001:db8:64::/64"}}"#)
            }
            for type in ["prefix", "delegation"] {
                await expectProblem(.invalidField, field: "spec.prefix", saying: "gateway 'g'") {
                    try await service.make(
                        .pool, #"{"name":"late","spec":{"type":"\#(type)","prefix":"2001:db8:64::/48"}}"#)
                }
            }
            // What stands is written again as it is, and another gateway may show the same.
            try await service.put(.gateway, "g", gateway("2001:db8:64::/96"))
            try await service.make(.segment, #"{"name":"s2","spec":{"ipam":"manual"}}"#)
            try await service.make(
                .gateway,
                #"{"name":"g2","spec":{"host":"h","segments":["s2"],"nat64":{"prefix":"2001:db8:64::/96"}}}"#)
        }
    }
}
