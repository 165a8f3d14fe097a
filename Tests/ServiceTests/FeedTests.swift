import Addressing
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import SeededRandomness
import Testing
import Waiting

@Suite struct FeedTests {
    /// What an agent makes of everything a feed has told so far.
    struct Agent {
        let feed: HostFeed
        var snapshot: HostSnapshot?

        mutating func catchUp() throws {
            guard case .update(let update) = feed.next() else { return }
            if update.reset { snapshot = try HostSnapshot(update) } else { snapshot?.merge(update) }
        }
    }

    @Test func `after any changes, deltas make what a new feed says at once`() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        try await TestServer.with { server in
            let service = server.service
            for number in 1...3 { try await service.makeHost(number) }
            try await service.make(.pool, #"{"name":"d","spec":{"type":"delegation","prefix":"fd00:d::/48"}}"#)
            var agents: [Agent] = []
            for number in 1...3 {
                let id = try await service.get(.host, "h\(number)").id
                agents.append(Agent(feed: try #require(HostFeed(host: id, cache: service.cache))))
            }
            for step in 0..<300 {
                do { try await change(service, step, &random) } catch is Problem {
                    // Refused: the change did not fit the state, which is as good a step as any.
                }
                // Each agent asks now and then, so updates gather different numbers of changes.
                for index in agents.indices where Int.random(in: 0..<3, using: &random) == 0 {
                    try agents[index].catchUp()
                }
            }
            for index in agents.indices {
                try agents[index].catchUp()
                let fresh = try #require(HostFeed(host: agents[index].feed.host, cache: service.cache))
                guard case .update(let whole) = fresh.next() else {
                    Issue.record("a new feed says nothing")
                    return
                }
                var expected = try HostSnapshot(whole)
                expected.revision = .zero
                var told = try #require(agents[index].snapshot)
                told.revision = .zero
                #expect(told == expected, "seed \(seed)")
            }
        }
    }

    private func change(_ service: NetworkService, _ step: Int, _ random: inout SeededGenerator) async throws {
        let segment = "s\(Int.random(in: 0..<4, using: &random))"
        let attachment = "a\(Int.random(in: 0..<8, using: &random))"
        let host = "h\(Int.random(in: 1...3, using: &random))"
        switch Int.random(in: 0..<20, using: &random) {
        case 0, 1:
            let way = Bool.random(using: &random) ? "unicast" : "multicast"
            let mode = ["none", "stateless", "stateful"].randomElement(using: &random) ?? "none"
            try await service.make(
                .segment,
                #"{"name":"\#(segment)","spec":{"ipam":"automatic","replication":"\#(way)","dhcp":"\#(mode)"}}"#)
        case 2: try await service.remove(.segment, segment)
        case 3:
            let way = Bool.random(using: &random) ? "unicast" : "multicast"
            let mode = ["none", "stateless", "stateful"].randomElement(using: &random) ?? "none"
            try await service.put(
                .segment, segment,
                #"{"name":"\#(segment)","spec":{"ipam":"automatic","replication":"\#(way)","dhcp":"\#(mode)"}}"#)
        case 4, 5, 6:
            let router = Bool.random(using: &random) ? #","delegated":{"length":60}"# : ""
            try await service.make(
                .attachment,
                #"{"name":"\#(attachment)","spec":{"segment":"\#(segment)","host":"\#(host)"\#(router)}}"#)
        case 7: try await service.remove(.attachment, attachment)
        case 8:
            let old = try await service.get(.attachment, attachment).text("spec", "segment") ?? ""
            try await service.put(
                .attachment, attachment, #"{"name":"\#(attachment)","spec":{"segment":"\#(old)","host":"\#(host)"}}"#)
        case 9: try await service.make(.gateway, #"{"name":"g","spec":{"host":"\#(host)","segments":["\#(segment)"]}}"#)
        case 10:
            try await service.put(.gateway, "g", #"{"name":"g","spec":{"host":"\#(host)","segments":["\#(segment)"]}}"#)
        case 18:
            if Bool.random(using: &random) {
                let to = try await service.get(.attachment, attachment).id
                _ = try await service.moveGateway(project: "default", "g", to: .attachment(.id(to)), by: administrator)
            } else {
                let to = try await service.get(.host, host).id
                _ = try await service.moveGateway(project: "default", "g", to: .host(.id(to)), by: administrator)
            }
        case 19: _ = try await service.cancelMove(project: "default", "g", by: administrator)
        case 11:
            let policy = "p\(Int.random(in: 0..<3, using: &random))"
            let peer = "p\(Int.random(in: 0..<3, using: &random))"
            let spec = #"{"ingress":[{"protocol":"tcp","ports":["\#(step + 1)"],"from":[{"policy":"\#(peer)"}]}]}"#
            do { try await service.put(.policy, policy, #"{"name":"\#(policy)","spec":\#(spec)}"#) } catch is Problem {
                try await service.make(.policy, #"{"name":"\#(policy)","spec":{}}"#)
            }
        case 12: try await service.remove(.policy, "p\(Int.random(in: 0..<3, using: &random))")
        case 13, 14:
            let old = try await service.get(.attachment, attachment)
            let segment = try old.text("spec", "segment") ?? ""
            let policies = (0..<3).filter { _ in Bool.random(using: &random) }.map { #","p\#($0)""# }.joined()
            try await service.put(
                .attachment, attachment,
                #"{"name":"\#(attachment)","spec":{"segment":"\#(segment)","host":"\#(host)","policies":["deny-in"\#(policies)]}}"#
            )
        case 15, 16:
            let item = try await service.get(.attachment, attachment)
            let segment = try #require(ResourceID(try item.text("spec", "segment") ?? ""))
            let network = try await service.list(.segment, project: "default").items.first { $0.id == segment }
            let prefix = try IPv6Prefix(parsing: network?.text("status", "prefix") ?? "fd00::/64")
            let bound = try #require(ResourceID(try item.text("spec", "host") ?? ""))
            let addresses = (0..<3).map { _ in
                IPv6Address(high: prefix.address.high, low: UInt64.random(in: 1...6, using: &random))
            }
            _ = try await service.publish(LearnedAddresses([item.id: Set(addresses)]), on: segment, from: bound)
        default:
            try await service.put(
                .host, host,
                #"{"name":"\#(host)","spec":{"vtep":"2001:db8:\#(step + 1)::1","interface":"u0","roles":["gateway"]}}"#)
        }
    }

    @Test func `a host hears of its own things alone, and of peers when its segment is unicast`() async throws {
        try await TestServer.with { server in
            let service = server.service
            for number in 1...2 { try await service.makeHost(number) }
            try await service.make(.segment, #"{"name":"u","spec":{"ipam":"none","replication":"unicast"}}"#)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            let id = try await service.get(.host, "h1").id
            let feed = try #require(HostFeed(host: id, cache: service.cache))
            guard case .update(let first) = feed.next() else {
                Issue.record("no first update")
                return
            }
            #expect(first.reset && first.segments.isEmpty && first.vteps?.count == 2)
            try await service.make(.attachment, #"{"name":"far","spec":{"segment":"m","host":"h2"}}"#)
            guard case .nothing = feed.next() else {
                Issue.record("another host's attachment was told")
                return
            }
            try await service.make(.attachment, #"{"name":"near","spec":{"segment":"u","host":"h1"}}"#)
            guard case .update(let second) = feed.next() else {
                Issue.record("no second update")
                return
            }
            #expect(second.attachments.count == 1 && second.segments.map(\.peers.count) == [0] && second.vteps == nil)
            try await service.make(.attachment, #"{"name":"peer","spec":{"segment":"u","host":"h2"}}"#)
            guard case .update(let third) = feed.next() else {
                Issue.record("no third update")
                return
            }
            #expect(third.attachments.isEmpty)
            #expect(third.segments.map(\.peers) == [[try IPv6Address(parsing: "2001:db8::2")]])
            for name in ["near", "peer", "far"] { try await service.remove(.attachment, name) }
            try await service.remove(.host, "h1")
            guard case .ended = feed.next() else {
                Issue.record("the feed of a deleted host goes on")
                return
            }
        }
    }

    @Test func `reports show in status, never move the ETag, and come from the bound host alone`() async throws {
        try await TestServer.with { server in
            let service = server.service
            for number in 1...2 { try await service.makeHost(number) }
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            let item = try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m","host":"h1"}}"#)
            #expect(try item.text("status", "phase") == "pending")
            let near = try await service.get(.host, "h1").id
            let far = try await service.get(.host, "h2").id
            let report = Report(phase: .wired, generation: 1, learned: [try IPv6Address(parsing: "fe80::7")])
            let draft = ReportDraft(kind: .attachment, id: item.id, report: report)
            _ = try await service.report([draft], from: far)
            #expect(try await service.get(.attachment, "a").text("status", "phase") == "pending")
            let revision = try await service.report([draft], from: near)
            try await service.await(.revision(revision))
            let wired = try await service.get(.attachment, "a")
            #expect(try wired.text("status", "phase") == "wired")
            #expect(try wired.text("status", "addresses") == #"[{"value":"fe80::7","origin":"learned"}]"#)
            #expect(wired.revision == item.revision)
            #expect(try await service.report([draft], from: near) == service.cache.revision)
            // A report of an older generation says nothing about what is asked for now.
            try await service.put(
                .attachment, "a", #"{"name":"a","labels":{"x":"y"},"spec":{"segment":"m","host":"h1"}}"#)
            #expect(try await service.get(.attachment, "a").text("status", "phase") == "pending")
            let segment = try await service.get(.segment, "m").id
            let said = try await service.report(
                [
                    ReportDraft(
                        kind: .segment, id: segment, report: Report(phase: .unfit, generation: 1, message: "MTU"))
                ],
                from: near)
            try await service.await(.revision(said))
            #expect(try await service.get(.segment, "m").text("status", "phase") == "unfit")
            #expect(try await service.get(.segment, "m").text("status", "hosts", "h1", "message") == "MTU")
            try await service.put(
                .host, "h1", #"{"name":"first","spec":{"vtep":"2001:db8::1","interface":"u0","roles":["gateway"]}}"#)
            #expect(try await service.get(.segment, "m").text("status", "hosts", "first", "message") == "MTU")
            try await service.remove(.attachment, "a")
            try await service.remove(.segment, "m")
            let left = try await server.store.list(StoreKey("/kc/net/w/s/"), after: nil, limit: 10)
            #expect(left.entries.isEmpty)
        }
    }

    @Test func `a host is up while it renews, at any server, and down after`() async throws {
        var settings = NetworkService.Settings()
        settings.leaseDuration = .seconds(1)
        try await TestServer.with(settings: settings) { server in
            let service = server.service
            try await service.makeHost(1)
            #expect(try await service.get(.host, "h1").text("status", "phase") == "never-seen")
            let host = LeasedHost(id: try await service.get(.host, "h1").id, lease: settings.leaseDuration)
            try await host.expectUp(renewing: service, reading: service)
            let other = server.another()
            try await server.running(other) {
                var wasKept = false
                // On a machine so busy that a renewal comes too late, the lease rightly ends: then once more.
                for _ in 0..<10 where !wasKept {
                    wasKept = try await host.outlives(settings.leaseDuration, other, server)
                }
                #expect(wasKept, "never was a lease renewed in time")
                try await eventually("the host is down") {
                    try await service.get(.host, "h1").text("status", "phase") == "down"
                }
                #expect(try await service.get(.host, "h1").text("status", "lastSeen") != nil)
                try await host.expectUp(renewing: other, reading: service)
            }
        }
    }
}

/// A host that renews, and knows whether it did so in time: what is expected of one that did not is nothing.
private struct LeasedHost {
    let id: ResourceID
    let lease: Duration

    /// Renews, and expects that the host is up as long as the lease must last.
    func expectUp(renewing: NetworkService, reading: NetworkService) async throws {
        for _ in 0..<10 {
            let renewed = ContinuousClock.now
            try await renewing.renew(host: id)
            try await reading.await(.consistent)
            let phase = try await reading.get(.host, "h1").text("status", "phase")
            guard renewed.duration(to: .now) < lease else { continue }
            #expect(phase == "up")
            return
        }
        Issue.record("ten times it took longer than \(lease) to renew and read")
    }

    /// Renews for longer than a lease lasts, and expects that the host stays up and no renewal is a write.
    /// - Returns: false when a renewal came too late to tell.
    func outlives(_ duration: Duration, _ other: NetworkService, _ server: TestServer) async throws -> Bool {
        // Begun here, so that the end of the lease before, if it ended, is not in what is counted.
        var last = ContinuousClock.now
        try await other.renew(host: id)
        try await other.await(.consistent)
        // A lease of the same length that nobody renews shows when the host's would have ended without renewals.
        let unrenewed = StoreKey("/unrenewed")
        let lease = try await server.store.grantLease(ttl: duration)
        let outcome = try await server.store.commit(StoreTransaction(changes: [.put(unrenewed, [], lease: lease)]))
        guard case .committed(let before) = outcome else {
            Issue.record("\(outcome)")
            return true
        }
        var longest = Duration.zero
        try await eventually("the lease that nobody renews has ended") {
            let began = ContinuousClock.now
            try await other.renew(host: id)
            longest = max(longest, last.duration(to: .now))
            last = began
            return try await server.store.get(unrenewed).entry == nil
        }
        let revision = try await server.store.currentRevision()
        let phase = try await other.get(.host, "h1").text("status", "phase")
        guard max(longest, last.duration(to: .now)) < duration else { return false }
        // That end is the one write: a renewal is none.
        #expect(revision == Revision(before.value + 1))
        #expect(phase == "up")
        return true
    }
}
