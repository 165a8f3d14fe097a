import Addressing
import Diagnosis
import NetworkModel
import NetworkService
import Persistence
import Resources
import Synchronization
import Testing

/// Questions about ways: who gets them, and who reads what.
@Suite struct PathProbeTests {
    private static func cloud(_ service: NetworkService) async throws {
        for number in 1...3 { try await service.makeHost(number) }
        for segment in ["blue", "green"] {
            try await service.make(.segment, #"{"name":"\#(segment)","spec":{"ipam":"none"}}"#)
        }
        for (name, segment, host) in [("web", "blue", "h1"), ("db", "blue", "h2"), ("other", "green", "h3")] {
            try await service.make(
                .attachment, #"{"name":"\#(name)","spec":{"segment":"\#(segment)","host":"\#(host)"}}"#)
        }
        try await service.make(.attachment, #"{"name":"loose","spec":{"segment":"blue"}}"#)
    }

    private static func draft(_ from: String, _ to: String, flow: String = "icmpv6") throws -> ProbeDraft {
        try ProbeDraft(
            json: JSONParser.parse(Array(#"{"type":"path","from":"\#(from)","to":"\#(to)","flow":"\#(flow)"}"#.utf8)))
    }

    private static func ask(_ service: NetworkService, _ from: String, _ to: String) async throws -> JSONNode {
        try JSONParser.parse(
            try await service.makeProbe(project: "default", draft(from, to), by: .administrator(via: "test"), .full)
                .json)
    }

    private static func probes(_ service: NetworkService, _ host: String) async throws -> [DesiredProbe] {
        let id = try await service.get(.host, host).id
        let feed = try #require(HostFeed(host: id, cache: service.cache))
        guard case .update(let update) = feed.next() else { return [] }
        return update.probes
    }

    @Test func `both hosts get the question with one nonce, no other host and no reader does`() async throws {
        // No time passes, so that no agent counts as silent.
        let clock = Clock()
        var settings = NetworkService.Settings()
        settings.now = { clock.time }
        try await TestServer.with(settings: settings) { server in
            let service = server.service
            try await Self.cloud(service)
            let made = try await Self.ask(service, "web", "db")
            let id = try #require(made["id"]?.string)
            let told = [try await Self.probes(service, "h1"), try await Self.probes(service, "h2")]
            #expect(told[0] == told[1])
            #expect(try await Self.probes(service, "h3").isEmpty)
            guard case .path(let task)? = told[0].first?.question else {
                Issue.record("no task")
                return
            }
            #expect(task.nonce != ProbeNonce(high: 0, low: 0))
            #expect(task.from.guest?.mac != task.to.guest?.mac)
            // Agents of the format before are not told what they would refuse.
            let old = HostUpdate(revision: .zero, probes: told[0]).json(.services)
            #expect(!String(decoding: old, as: UTF8.self).contains("path"))
            let read = try await service.probe(project: "default", id, by: .administrator(via: "test"), .full)
            let nonce = String(decoding: task.nonce.json, as: UTF8.self).dropFirst().dropLast()
            #expect(nonce.utf8.count == 32)
            for text in [made.raw.map { $0 }, read].map({ String(decoding: $0, as: UTF8.self) }) {
                #expect(!text.contains(nonce) && !text.contains("nonce"))
                #expect(!text.contains("verdict"), "agents may still answer")
            }
        }
    }

    @Test func `a silent agent is the verdict after its time`() async throws {
        let clock = Clock()
        var settings = NetworkService.Settings()
        settings.now = { clock.time }
        try await TestServer.with(settings: settings) { server in
            let service = server.service
            try await Self.cloud(service)
            let id = try #require(try await Self.ask(service, "web", "db")["id"]?.string)
            clock.advance(milliseconds: 1600)
            let node = try JSONParser.parse(
                try await service.probe(project: "default", id, by: .administrator(via: "test"), .full))
            let verdict = try PathVerdict(json: try #require(node["verdict"]), path: "")
            #expect(verdict.fault?.layer == .agents)
        }
    }

    @Test func `two ends that nothing brings together are told at once`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await Self.cloud(service)
            for (from, to) in [("web", "other"), ("web", "loose"), ("web", "host/h2")] {
                let node = try await Self.ask(service, from, to)
                let verdict = try PathVerdict(json: try #require(node["verdict"]), path: "")
                #expect(verdict.fault?.layer == .intent, "\(from) \(to)")
            }
            #expect(try await Self.probes(service, "h1").isEmpty)
            await expectProblem(.conflict, field: "to") { _ = try await Self.ask(service, "web", "web") }
            await expectProblem(.notFound) { _ = try await Self.ask(service, "web", "nobody") }
            await expectProblem(.notFound, field: "to") { _ = try await Self.ask(service, "web", "2001:db8::9") }
        }
    }
}

/// A clock that a test sets.
private final class Clock: Sendable {
    private let milliseconds = Atomic<Int64>(1_700_000_000_000)

    var time: Timestamp { Timestamp(milliseconds: milliseconds.load(ordering: .relaxed)) }
    func advance(milliseconds: Int64) { self.milliseconds.wrappingAdd(milliseconds, ordering: .relaxed) }
}
