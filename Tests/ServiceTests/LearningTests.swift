import Addressing
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import SeededRandomness
import Testing

/// Addresses that hosts have learned.
@Suite struct LearningTests {
    private func list(_ entries: (Item, [String])...) throws -> LearnedAddresses {
        var list = LearnedAddresses()
        for (item, texts) in entries {
            list.addresses[item.id] = Set(try texts.map { try IPv6Address(parsing: $0) })
        }
        return list
    }

    private func learned(_ service: NetworkService, _ name: String) async throws -> [String] {
        let addresses = try await service.get(.attachment, name).document["status"]?["addresses"]
        guard case .array(let nodes) = addresses?.content else { return [] }
        return nodes.filter { $0["origin"]?.string == "learned" }.compactMap { $0["value"]?.string }
    }

    /// Two hosts, a segment, an attachment on each.
    private func world(_ service: NetworkService) async throws -> (
        segment: ResourceID, near: ResourceID, far: ResourceID, a: Item, b: Item
    ) {
        for number in 1...2 { try await service.makeHost(number) }
        let segment = try await service.make(
            .segment, #"{"name":"s","spec":{"ipam":"automatic","prefix":"fd00:1::/64"}}"#)
        let near = try await service.get(.host, "h1").id
        let far = try await service.get(.host, "h2").id
        let a = try await service.make(.attachment, #"{"name":"a","spec":{"segment":"s","host":"h1"}}"#)
        let b = try await service.make(.attachment, #"{"name":"b","spec":{"segment":"s","host":"h2"}}"#)
        return (segment.id, near, far, a, b)
    }

    private func keys(_ server: TestServer, _ prefix: String) async throws -> Int {
        try await server.store.list(StoreKey(prefix), after: nil, limit: 1000).entries.count
    }

    @Test func `what is learned shows, has one holder, and is given back`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (segment, near, far, a, b) = try await world(service)
            let first = try await service.publish(
                try list((a, ["fd00:1::a", "fe80::a"])), on: segment, from: near)
            #expect(first.refused.isEmpty)
            #expect(try await learned(service, "a") == ["fd00:1::a", "fe80::a"])
            #expect(try await service.get(.attachment, "a").revision == a.revision)
            let second = try await service.publish(
                try list((b, ["fd00:1::a", "fd00:1::b"])), on: segment, from: far)
            #expect(second.refused.map(\.address) == [try IPv6Address(parsing: "fd00:1::a")])
            #expect(second.refused.first?.reason == .held)
            #expect(second.refused.first?.holder?.attachment == a.id && second.refused.first?.holder?.host == near)
            #expect(try await learned(service, "b") == ["fd00:1::b"])
            // The same list again is no write.
            let before = try await server.store.currentRevision()
            _ = try await service.publish(try list((b, ["fd00:1::b"])), on: segment, from: far)
            #expect(try await server.store.currentRevision() == before)
            // Given back by the one, it is free for the other.
            _ = try await service.publish(try list((a, ["fe80::a"])), on: segment, from: near)
            let third = try await service.publish(
                try list((b, ["fd00:1::a", "fd00:1::b"])), on: segment, from: far)
            #expect(third.refused.isEmpty)
            #expect(try await learned(service, "b") == ["fd00:1::a", "fd00:1::b"])
        }
    }

    @Test func `a host speaks for its own attachments alone, within the segment and the limit`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (segment, near, far, a, b) = try await world(service)
            let reasons = try await service.publish(
                try list((b, ["fd00:1::1"]), (a, ["fd00:2::1", "ff02::1", "::", "fe80:1::1", "fd00:1::", "fe80::1"])),
                on: segment, from: near
            ).refused
            #expect(reasons.filter { $0.attachment == b.id }.map(\.reason) == [.notHere])
            #expect(reasons.filter { $0.attachment == a.id }.map(\.reason) == Array(repeating: .outside, count: 6))
            let many = (1...17).map { "fd00:1::\(String($0, radix: 16))" }
            _ = try await service.publish(try list((a, [many[16]])), on: segment, from: near)
            let over = try await service.publish(try list((a, many)), on: segment, from: near).refused
            // The one that was there first stays; of the others the last has no room.
            #expect(over.map(\.reason) == [.limit])
            #expect(over.map(\.address) == [try IPv6Address(parsing: many[15])])
            await expectProblem(.forbidden) {
                let other = try await service.make(.segment, #"{"name":"o","spec":{"ipam":"automatic"}}"#)
                _ = try await service.publish(LearnedAddresses(), on: other.id, from: far)
            }
            // Its own link-local address needs no learning, and another's is taken.
            let mac = try MACAddress(parsing: try #require(try b.text("status", "mac")))
            let theirs = try await service.publish(
                try list((a, ["\(IPv6Address.linkLocal(mac))"])), on: segment, from: near
            ).refused
            #expect(theirs.map(\.reason) == [.held] && theirs.first?.holder?.attachment == b.id)
            let own = try await service.publish(
                try list((b, ["\(IPv6Address.linkLocal(mac))"])), on: segment, from: far)
            #expect(own.refused.isEmpty)
            #expect(try await learned(service, "b").isEmpty)
        }
    }

    @Test func `a static address is taken from whoever has learned it, and never granted to others`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (segment, near, far, a, b) = try await world(service)
            _ = try await service.publish(try list((a, ["fd00:1::5", "fd00:1::6"])), on: segment, from: near)
            try await service.put(
                .attachment, "b", #"{"name":"b","spec":{"segment":"s","host":"h2","addresses":["fd00:1::5"]}}"#)
            #expect(try await learned(service, "a") == ["fd00:1::6"])
            let refused = try await service.publish(
                try list((a, ["fd00:1::5", "fd00:1::6"])), on: segment, from: near
            ).refused
            #expect(refused.map(\.reason) == [.held] && refused.first?.holder?.origin == .static)
            // Its own one becomes static without a gap, also while it moves.
            _ = try await service.publish(try list((b, ["fd00:1::7", "fd00:1::8"])), on: segment, from: far)
            try await service.put(
                .attachment, "b",
                #"{"name":"b","spec":{"segment":"s","host":"h1","addresses":["fd00:1::5","fd00:1::7"]}}"#)
            #expect(try await learned(service, "b") == ["fd00:1::8"])
            #expect(try await keys(server, "/kc/net/w/b/") == 1)
            _ = try await service.publish(try list((a, ["fd00:1::6"]), (b, [])), on: segment, from: near)
            let free = try await service.publish(
                try list((a, ["fd00:1::6", "fd00:1::8"]), (b, [])), on: segment, from: near)
            #expect(free.refused.isEmpty)
            await expectProblem(.addressTaken, field: "spec.addresses[0]") {
                try await service.make(.attachment, #"{"name":"c","spec":{"segment":"s","addresses":["fd00:1::7"]}}"#)
            }
        }
    }

    @Test func `what was learned goes with its attachment to another host, and nobody gets it meanwhile`() async throws
    {
        try await TestServer.with { server in
            let service = server.service
            let (segment, near, far, a, b) = try await world(service)
            _ = try await service.publish(
                try list((a, ["fd00:1::a", "fd00:1::1a", "fe80::a"])), on: segment, from: near)
            _ = try await service.publish(try list((b, ["fd00:1::b"])), on: segment, from: far)
            // One of them becomes static on the way.
            try await service.put(
                .attachment, "a",
                #"{"name":"a","spec":{"segment":"s","host":"h2","addresses":["fd00:1::1a"]}}"#)
            #expect(try await learned(service, "a") == ["fd00:1::a", "fe80::a"])
            let feed = try #require(HostFeed(host: far, cache: service.cache))
            guard case .update(let first) = feed.next() else {
                Issue.record("no update")
                return
            }
            let address = try IPv6Address(parsing: "fd00:1::a")
            let binding = try #require(try HostSnapshot(first).bindings[segment]?[address])
            #expect(binding.attachment == a.id && binding.host == far && binding.origin == .learned)
            // Not another attachment's, beside which host ever; nor what the former host says has a meaning.
            let c = try await service.make(.attachment, #"{"name":"c","spec":{"segment":"s","host":"h1"}}"#)
            let answer = try await service.publish(
                try list((a, ["fd00:1::a"]), (c, ["fd00:1::a", "fd00:1::c"])), on: segment, from: near)
            #expect(Set(answer.refused.map(\.reason)) == [.held, .notHere])
            #expect(try await learned(service, "a") == ["fd00:1::a", "fe80::a"])
            #expect(try await learned(service, "c") == ["fd00:1::c"])
            // Too many for what it may have from now on.
            try await service.put(
                .attachment, "a", #"{"name":"a","spec":{"segment":"s","host":"h1","learnedAddresses":1}}"#)
            #expect(try await learned(service, "a") == [])
            #expect(try await learned(service, "b") == ["fd00:1::b"])
        }
    }

    @Test func `what moves or goes gives back all it has learned`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let (segment, near, _, a, _) = try await world(service)
            _ = try await service.publish(try list((a, ["fd00:1::a"])), on: segment, from: near)
            try await service.put(.attachment, "a", #"{"name":"a","spec":{"segment":"s"}}"#)
            #expect(try await learned(service, "a").isEmpty)
            try await service.put(.attachment, "a", #"{"name":"a","spec":{"segment":"s","host":"h1"}}"#)
            _ = try await service.publish(try list((a, ["fd00:1::a"])), on: segment, from: near)
            try await service.remove(.attachment, "a")
            #expect(try await keys(server, "/kc/net/w/b/") == 0)
            try await service.remove(.attachment, "b")
            #expect(try await keys(server, "/kc/net/k/address/") == 0)
        }
    }

    @Test func `of many hosts that want one address at two servers, one gets it`() async throws {
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                let service = server.service
                let segment = try await service.make(
                    .segment, #"{"name":"s","spec":{"ipam":"automatic","prefix":"fd00:1::/64"}}"#)
                var items: [(host: ResourceID, item: Item)] = []
                for number in 1...8 {
                    try await service.makeHost(number)
                    let item = try await service.make(
                        .attachment, #"{"name":"a\#(number)","spec":{"segment":"s","host":"h\#(number)"}}"#)
                    items.append((try await service.get(.host, "h\(number)").id, item))
                }
                try await other.await(.consistent)
                let wanted = Set(try (1...10).map { try IPv6Address(parsing: "fd00:1::\($0)") })
                let granted = try await withThrowingTaskGroup(of: Set<IPv6Address>.self) { group in
                    for (index, entry) in items.enumerated() {
                        let server = index.isMultiple(of: 2) ? service : other
                        group.addTask {
                            let answer = try await server.publish(
                                LearnedAddresses([entry.item.id: wanted]), on: segment.id, from: entry.host)
                            return wanted.subtracting(answer.refused.map(\.address))
                        }
                    }
                    var all: [Set<IPv6Address>] = []
                    for try await one in group { all.append(one) }
                    return all
                }
                #expect(granted.reduce(0) { $0 + $1.count } == wanted.count)
                #expect(granted.reduce(into: Set()) { $0.formUnion($1) } == wanted)
                #expect(try await keys(server, "/kc/net/k/address/") == wanted.count)
            }
        }
    }

    @Test func `publishing, moving, deleting and static addresses at two servers leave no address twice or orphaned`()
        async throws
    {
        let seed = UInt64.random(in: .min ... .max)
        try await TestServer.with { server in
            let other = server.another()
            try await server.running(other) {
                let service = server.service
                let segment = try await service.make(
                    .segment, #"{"name":"s","spec":{"ipam":"automatic","prefix":"fd00:1::/64"}}"#)
                var hosts: [ResourceID] = []
                for number in 1...3 {
                    try await service.makeHost(number)
                    hosts.append(try await service.get(.host, "h\(number)").id)
                }
                for number in 0..<6 {
                    try await service.make(
                        .attachment, #"{"name":"a\#(number)","spec":{"segment":"s","host":"h1"}}"#)
                }
                let all = hosts
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for worker in 0..<6 {
                        let server = worker.isMultiple(of: 2) ? service : other
                        group.addTask {
                            var random = SeededGenerator(seed: seed &+ UInt64(worker))
                            for _ in 0..<120 {
                                do { try await self.disturb(server, segment.id, all, &random) } catch is Problem {
                                    // Refused, or lost a race too often: no harm.
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await service.await(.consistent)
                try await self.expectSound(server, segment.id, seed)
            }
        }
    }

    private func disturb(
        _ service: NetworkService, _ segment: ResourceID, _ hosts: [ResourceID], _ random: inout SeededGenerator
    ) async throws {
        let name = "a\(Int.random(in: 0..<6, using: &random))"
        let host = Int.random(in: 1...3, using: &random)
        let address = "fd00:1::\(Int.random(in: 1...9, using: &random))"
        switch Int.random(in: 0..<8, using: &random) {
        case 0...3:
            var list = LearnedAddresses()
            for number in 0..<6 where Bool.random(using: &random) {
                guard let item = try? await service.get(.attachment, "a\(number)") else { continue }
                list.addresses[item.id] = Set(
                    try (0..<3).map { _ in
                        try IPv6Address(parsing: "fd00:1::\(Int.random(in: 1...9, using: &random))")
                    })
            }
            _ = try await service.publish(list, on: segment, from: hosts[host - 1])
        case 4:
            try await write(service, over: name, #"{"name":"\#(name)","spec":{"segment":"s","host":"h\#(host)"}}"#)
        case 5:
            try await write(
                service, over: name,
                #"{"name":"\#(name)","spec":{"segment":"s","host":"h\#(host)","addresses":["\#(address)"]}}"#)
        case 6: try await service.remove(.attachment, name)
        default:
            try await write(
                service, over: nil,
                #"{"name":"\#(name)","spec":{"segment":"s","host":"h\#(host)","addresses":["\#(address)"]}}"#)
        }
    }

    /// Creates or replaces, and does not ask what is there afterwards: another one may have deleted it.
    private func write(_ service: NetworkService, over name: String?, _ json: String) async throws {
        let document = try JSONParser.parse(Array(json.utf8))
        if let name {
            _ = try await service.replace(.attachment, project: "default", name, document, by: administrator)
        } else {
            _ = try await service.create(.attachment, project: "default", document, by: administrator)
        }
    }

    /// Every key of an address has the holder that a resource or a list says it has, and the other way round.
    private func expectSound(_ server: TestServer, _ segment: ResourceID, _ seed: UInt64) async throws {
        var said: [IPv6Address: [ResourceID]] = [:]
        let service = server.service
        for item in try await service.list(.attachment, project: "default").items {
            guard case .array(let nodes) = try item.document["status"]?["addresses"]?.content else { continue }
            for node in nodes {
                said[try IPv6Address(parsing: node["value"]?.string ?? ""), default: []].append(item.id)
            }
        }
        let entries = try await server.store.list(StoreKey("/kc/net/k/address/"), after: nil, limit: 1000).entries
        #expect(entries.count == said.count, "seed \(seed)")
        for (address, holders) in said {
            #expect(holders.count == 1, "seed \(seed): \(address) has \(holders)")
            let holder = entries.first { $0.key.text.hasSuffix(String(address.low, radix: 16)) }?.value
            #expect(holder == Array((holders.first?.description ?? "").utf8), "seed \(seed): \(address)")
        }
        let lists = try await server.store.list(StoreKey("/kc/net/w/b/"), after: nil, limit: 1000).entries
        for entry in lists {
            let list = try LearnedAddresses(json: JSONParser.parse(entry.value), path: "")
            for (attachment, addresses) in list.addresses {
                for address in addresses {
                    #expect(said[address] == [attachment], "seed \(seed): \(entry.key) has \(address)")
                }
            }
        }
    }
}
