import Addressing
import NetworkModel
import NetworkService
import Resources
import Testing

/// IPv4 inside segments: what may be written, what is assigned, who is told.
@Suite struct SegmentIPv4Tests {
    private func prepare(_ service: NetworkService) async throws {
        try await service.makeHost(1)
        try await service.make(
            .segment, #"{"name":"old","spec":{"ipam":"automatic","ipv4":{"prefix":"10.0.0.0/29"}}}"#)
    }

    private func addresses(_ service: NetworkService, _ name: String) async throws -> String {
        try await service.get(.attachment, name).text("status", "addresses") ?? ""
    }

    @Test func `each attachment gets an address of its own until none is left, and gives it back`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            var seen: Set<String> = []
            for number in 1...5 {
                try await service.make(.attachment, #"{"name":"vm\#(number)","spec":{"segment":"old"}}"#)
                seen.insert(try await addresses(service, "vm\(number)"))
            }
            #expect(seen == Set((2...6).map { #"[{"value":"10.0.0.\#($0)","origin":"assigned"}]"# }))
            let full = await #expect(throws: Problem.self) {
                try await service.make(.attachment, #"{"name":"vm6","spec":{"segment":"old"}}"#)
            }
            #expect(full?.code == .poolExhausted && full?.field == "spec.ipv4")
            let freed = try await addresses(service, "vm3")
            try await service.remove(.attachment, "vm3")
            try await service.make(.attachment, #"{"name":"vm6","spec":{"segment":"old"}}"#)
            #expect(try await addresses(service, "vm6") == freed)
        }
    }

    @Test func `a chosen address is held, and one that cannot be had is refused by field`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(.segment, #"{"name":"new","spec":{"ipam":"automatic"}}"#)
            try await service.make(.attachment, #"{"name":"vm","spec":{"segment":"old","ipv4":"10.0.0.6"}}"#)
            #expect(try await addresses(service, "vm") == #"[{"value":"10.0.0.6","origin":"static"}]"#)
            for (segment, address, code) in [
                ("old", "10.0.0.6", Problem.Code.addressTaken), ("old", "10.0.0.1", .invalidField),
                ("old", "10.0.0.7", .invalidField), ("old", "10.0.1.2", .invalidField),
                ("new", "10.0.0.3", .invalidField),
            ] {
                let problem = await #expect(throws: Problem.self, "\(segment) \(address)") {
                    try await service.make(
                        .attachment, #"{"name":"x","spec":{"segment":"\#(segment)","ipv4":"\#(address)"}}"#)
                }
                #expect(problem?.code == code && problem?.field == "spec.ipv4", "\(segment) \(address)")
            }
            // Moving to another address frees the old one.
            try await service.put(.attachment, "vm", #"{"name":"vm","spec":{"segment":"old","ipv4":"10.0.0.5"}}"#)
            try await service.make(.attachment, #"{"name":"vm2","spec":{"segment":"old","ipv4":"10.0.0.6"}}"#)
            #expect(try await addresses(service, "vm2").contains("10.0.0.6"))
        }
    }

    @Test(arguments: ["10.0.0.0/7", "10.0.0.0/30", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/8", "198.18.4.0/24"])
    func `a prefix in which no guest can be is refused`(prefix: String) async throws {
        try await TestServer.with { server in
            let problem = await #expect(throws: Problem.self) {
                try await server.service.make(
                    .segment, #"{"name":"s","spec":{"ipam":"automatic","ipv4":{"prefix":"\#(prefix)"}}}"#)
            }
            #expect(problem?.field == "spec.ipv4.prefix", "\(prefix)")
        }
    }

    @Test func `segments of one gateway have disjoint prefixes, and keep theirs while they are in use`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(
                .segment, #"{"name":"wide","spec":{"ipam":"automatic","ipv4":{"prefix":"10.0.0.0/8"}}}"#)
            let overlap = await #expect(throws: Problem.self) {
                try await service.make(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["old","wide"]}}"#)
            }
            #expect(overlap?.code == .prefixTaken && overlap?.field == "spec.segments[1]")
            try await service.make(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["old"]}}"#)
            let busy = await #expect(throws: Problem.self) {
                try await service.put(.segment, "old", #"{"name":"old","spec":{"ipam":"automatic"}}"#)
            }
            #expect(busy?.field == "spec.ipv4")
            try await service.put(.segment, "wide", #"{"name":"wide","spec":{"ipam":"automatic"}}"#)
        }
    }

    @Test func `the gateway's host is told whom the address is kept for, an agent of the version before is not`()
        async throws
    {
        try await TestServer.with { server in
            let service = server.service
            try await prepare(service)
            try await service.make(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["old"]}}"#)
            try await service.make(
                .attachment,
                #"{"name":"vm","spec":{"segment":"old","host":"h1","mac":"02:6b:63:00:00:07","ipv4":"10.0.0.4"}}"#)
            let host = try await service.get(.host, "h1").id
            let feed = try #require(HostFeed(host: host, cache: service.cache))
            guard case .update(let update) = feed.next() else {
                Issue.record("no update")
                return
            }
            let snapshot = try HostSnapshot(update)
            #expect(snapshot.reservations.values.flatMap(\.values).map(\.ipv4) == [IPv4Address(0x0a00_0004)])
            #expect(snapshot.segments.values.first?.ipv4?.prefix.description == "10.0.0.0/29")
            #expect(snapshot.attachments.values.contains { $0.ipv4 == IPv4Address(0x0a00_0004) })
            #expect(!String(decoding: update.json(.guests), as: UTF8.self).contains("ipv4"))
        }
    }
}
