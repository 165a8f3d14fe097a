import FoundationEssentials
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Synchronization
import Testing

/// Agents that speak for one host: one after the other, and two at once.
@Suite struct TwoAgentsTests {
    /// A clock that goes on when it is told to.
    final class Hands: Sendable {
        private let milliseconds = Mutex<Int64>(1_800_000_000_000)
        func go(_ seconds: Int64) { milliseconds.withLock { $0 += seconds * 1000 } }
        var now: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }
    }

    static func agent(_ address: String) -> AgentSighting {
        AgentSighting(AgentInstance(run: ResourceID(UUID()), boot: ResourceID(UUID())), address: address)
    }

    /// A server with one host; `renew` lets 3 s pass first, as agents do.
    private func with(
        _ body: (TestServer, Hands, (AgentSighting?) async throws -> [String]) async throws -> Void
    ) async throws {
        let hands = Hands()
        var settings = NetworkService.Settings()
        settings.now = { hands.now }
        try await TestServer.with(settings: settings) { server in
            try await server.service.makeHost(1)
            let id = try await server.service.get(.host, "h1").id
            try await body(server, hands) { agent in
                hands.go(3)
                try await server.service.renew(host: id, by: agent)
                try await server.service.await(.consistent)
                return try await Self.agents(server.service)
            }
        }
    }

    private static func agents(_ service: NetworkService) async throws -> [String] {
        let status = try JSONParser.parse(try await service.get(.host, "h1").json)["status"]
        guard case .array(let agents)? = status?["agents"]?.content else { return [] }
        return agents.compactMap { $0["address"]?.string }
    }

    @Test func `agents that follow each other are one`() async throws {
        try await with { _, _, renew in
            for number in 0..<5 {
                let agent = Self.agent("fd0a::\(number)")
                for _ in 0..<3 {
                    let seen = try await renew(agent)
                    #expect(seen == [])
                }
            }
        }
    }

    @Test func `an agent that is heard again after another one is one of two, at every server`() async throws {
        try await with { server, _, renew in
            let (first, second) = (Self.agent("fd0a::1"), Self.agent("fd0a::2"))
            #expect(try await renew(first) == [])
            #expect(try await renew(second) == [])
            #expect(try await renew(first) == ["fd0a::1", "fd0a::2"])
            #expect(try await renew(second).count == 2)
            let other = server.another()
            try await server.running(other) {
                let seen = try await Self.agents(other)
                #expect(Set(seen) == ["fd0a::1", "fd0a::2"])
            }
            let boot = try #require(second.instance.boot).description.prefix(8)
            let status = try JSONParser.parse(try await server.service.get(.host, "h1").json)["status"]
            #expect(status?["phase"]?.string == "up")
            #expect(status?["message"]?.string?.contains("fd0a::2 (boot \(boot))") == true)
        }
    }

    @Test func `when one of two has ended, it is over`() async throws {
        try await with { _, _, renew in
            let (first, second) = (Self.agent("fd0a::1"), Self.agent("fd0a::2"))
            for agent in [first, second, first] { _ = try await renew(agent) }
            // 18 s: agents renew each 3 s, and one may be slow.
            for _ in 0..<7 {
                let seen = try await renew(second)
                #expect(seen.count == 2)
            }
            #expect(try await renew(second) == [])
            #expect(try await renew(second) == [])
            // A long time later, as after a move of the machine's disk back and forth.
            #expect(try await renew(first) == [])
        }
    }

    @Test func `one agent costs no write, and two no more than one a second`() async throws {
        try await with { server, hands, renew in
            let (first, second) = (Self.agent("fd0a::1"), Self.agent("fd0a::2"))
            let id = try await server.service.get(.host, "h1").id
            _ = try await renew(first)
            let before = try await server.store.currentRevision()
            for _ in 0..<10 { _ = try await renew(first) }
            // Reading consistently writes as well: what is counted is the lease's own key.
            let key = StoreKey("/kc/net/w/l/\(id)")
            let entry = try #require(try await server.store.get(key).entry)
            #expect(entry.modified <= before)
            hands.go(2)
            var written: Set<Revision> = [entry.modified]
            for number in 0..<20 {
                try await server.service.renew(host: id, by: number % 2 == 0 ? second : first)
                written.insert(try #require(try await server.store.get(key).entry).modified)
            }
            #expect(written.count <= 3, "the clock stood still")
        }
    }

    @Test func `agents that do not say who they are are not told apart`() async throws {
        try await with { _, _, renew in
            let agent = Self.agent("fd0a::1")
            for who in [agent, nil, agent, nil] {
                let seen = try await renew(who)
                #expect(seen == [])
            }
        }
    }
}
