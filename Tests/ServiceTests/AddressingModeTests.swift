import Addressing
import NetworkModel
import NetworkService
import Resources
import Testing

/// Addresses and prefixes that are assigned with an attachment, and what the gateway's host is told of them.
@Suite struct AddressingModeTests {
    private func prepare(_ service: NetworkService) async throws {
        for number in 1...2 { try await service.makeHost(number) }
        try await service.make(.pool, #"{"name":"d","spec":{"type":"delegation","prefix":"2001:db8:d::/48"}}"#)
        for mode in DHCPMode.allCases.map(\.rawValue) {
            try await service.make(.segment, #"{"name":"\#(mode)","spec":{"ipam":"automatic","dhcp":"\#(mode)"}}"#)
        }
        try await service.make(
            .gateway, #"{"name":"g","spec":{"host":"h1","segments":["none","stateless","stateful"]}}"#)
    }

    private func reservations(_ service: NetworkService, host: String = "h1") async throws -> [Reservation] {
        let id = try await service.get(.host, host).id
        let feed = try #require(HostFeed(host: id, cache: service.cache))
        guard case .update(let update) = feed.next() else { return [] }
        return try HostSnapshot(update).reservations.values.flatMap(\.values)
    }

    @Test func `on a stateful segment the address is known with the attachment, and its gateway's host is told`()
        async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(
                .attachment, #"{"name":"vm","spec":{"segment":"stateful","host":"h2","mac":"02:6b:63:00:00:07"}}"#)
            let addresses = try await service.get(.attachment, "vm").text("status", "addresses") ?? ""
            #expect(addresses.contains("6b:63ff:fe00:7"))
            #expect(addresses.contains("assigned"))
            let kept = try await reservations(service)
            #expect(kept.map(\.mac) == [MACAddress(0x026b_6300_0007)])
            #expect(kept.first?.addresses.map(\.low) == [0x006b_63ff_fe00_0007])
            #expect(try await reservations(service, host: "h2").isEmpty)
        }
    }

    @Test func `a static address is what the server gives`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            let prefix = try await service.get(.segment, "stateful").text("status", "prefix") ?? ""
            let address = prefix.replacing("::/64", with: "::99")
            try await service.make(
                .attachment, #"{"name":"vm","spec":{"segment":"stateful","addresses":["\#(address)"]}}"#)
            #expect(try await reservations(service).first?.addresses.map(\.description) == [address])
        }
    }

    @Test(arguments: ["none", "stateless"])
    func `where guests make their addresses none is assigned and none reserved`(segment: String) async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(.attachment, #"{"name":"vm","spec":{"segment":"\#(segment)"}}"#)
            #expect(try await service.get(.attachment, "vm").text("status", "addresses") == "[]")
            #expect(try await reservations(service).isEmpty)
        }
    }

    @Test func `a router gets a prefix of its own, keeps it, and gives it back`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            func prefix(_ name: String) async throws -> String? {
                try await service.get(.attachment, name).text("status", "delegatedPrefix")
            }
            let spec = #""spec":{"segment":"stateless","delegated":{"length":60}}"#
            try await service.make(.attachment, #"{"name":"r1",\#(spec)}"#)
            try await service.make(.attachment, #"{"name":"r2",\#(spec)}"#)
            #expect(try await prefix("r1") == "2001:db8:d::/60")
            #expect(try await prefix("r2") == "2001:db8:d:10::/60")
            try await service.put(
                .attachment, "r1",
                #"{"name":"r1","spec":{"segment":"stateless","host":"h2","delegated":{"length":60}}}"#)
            #expect(try await prefix("r1") == "2001:db8:d::/60")
            let kept = try await reservations(service)
            #expect(Set(kept.map(\.delegated?.description)) == ["2001:db8:d::/60", "2001:db8:d:10::/60"])
            try await service.put(.attachment, "r1", #"{"name":"r1","spec":{"segment":"stateless"}}"#)
            #expect(try await prefix("r1") == nil)
            try await service.put(.pool, "d", #"{"name":"d","spec":{"type":"delegation","prefix":"2001:db8:d::/59"}}"#)
            try await service.make(.attachment, #"{"name":"r3",\#(spec)}"#)
            #expect(try await prefix("r3") == "2001:db8:d::/60")
            await expectProblem(.poolExhausted, field: "spec.delegated", saying: "'d' (2001:db8:d::/59)") {
                try await service.make(.attachment, #"{"name":"r4",\#(spec)}"#)
            }
        }
    }

    @Test func `the host of a router lets its prefix through`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(
                .attachment, #"{"name":"r","spec":{"segment":"stateful","host":"h2","delegated":{"length":64}}}"#)
            let id = try await service.get(.host, "h2").id
            let feed = try #require(HostFeed(host: id, cache: service.cache))
            guard case .update(let update) = feed.next() else {
                Issue.record("no update")
                return
            }
            let allowed = update.attachments.flatMap(\.allowedAddresses).map(\.description)
            #expect(allowed == ["2001:db8:d::/64"])
        }
    }

    @Test func `two servers never delegate overlapping prefixes`() async throws {
        try await TestServer.with { server in
            let one = server.service
            try await prepare(one)
            let two = server.another()
            try await server.running(two) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<24 {
                        group.addTask {
                            let length = [56, 60, 64][number % 3]
                            try await (number % 2 == 0 ? one : two).make(
                                .attachment,
                                #"{"name":"r\#(number)","spec":{"segment":"stateless","delegated":{"length":\#(length)}}}"#
                            )
                        }
                    }
                    try await group.waitForAll()
                }
                var prefixes: [IPv6Prefix] = []
                for number in 0..<24 {
                    let text = try await one.get(.attachment, "r\(number)").text("status", "delegatedPrefix")
                    prefixes.append(try IPv6Prefix(parsing: text ?? ""))
                }
                for (index, prefix) in prefixes.enumerated() {
                    for other in prefixes[(index + 1)...] {
                        #expect(!prefix.contains(other) && !other.contains(prefix), "\(prefix) \(other)")
                    }
                }
            }
        }
    }

    @Test func `what cannot be is refused by field`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            await expectProblem(.invalidField, field: "spec.delegated", saying: "no DHCPv6", "'stateless'") {
                try await service.make(
                    .attachment, #"{"name":"r","spec":{"segment":"none","delegated":{"length":60}}}"#)
            }
            await expectProblem(.invalidField, field: "spec.prefix", saying: "2001:db8:d::/48", "pool 'd'") {
                try await service.make(.pool, #"{"name":"p","spec":{"type":"prefix","prefix":"2001:db8::/32"}}"#)
            }
            try await service.make(
                .attachment, #"{"name":"r","spec":{"segment":"stateless","delegated":{"length":60}}}"#)
            await expectProblem(.prefixTaken, field: "spec.prefix", saying: "2001:db8:d::/60", "attachment 'r'") {
                try await service.make(.segment, #"{"name":"s","spec":{"ipam":"manual","prefix":"2001:db8:d:1::/64"}}"#)
            }
            await expectProblem(.invalidField, field: "spec.dhcp", saying: "attachment 'r'", "'stateful'") {
                try await service.put(.segment, "stateless", #"{"name":"stateless","spec":{"ipam":"automatic"}}"#)
            }
            await expectProblem(.invalidField, field: "spec.dhcp", saying: "delete them first") {
                try await service.put(
                    .segment, "stateless", #"{"name":"stateless","spec":{"ipam":"automatic","dhcp":"stateful"}}"#)
            }
            try await service.make(.attachment, #"{"name":"p","spec":{"segment":"none"}}"#)
            try await service.put(.segment, "none", #"{"name":"none","spec":{"ipam":"automatic","dhcp":"stateless"}}"#)
        }
    }
}
