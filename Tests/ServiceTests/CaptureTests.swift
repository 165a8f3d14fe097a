import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Testing

/// Captures where several servers have one store.
@Suite struct CaptureTests {
    private static func chunk(_ number: UInt64) -> CaptureChunk {
        CaptureChunk([
            CapturedFrame(device: 0, nanoseconds: number, length: 60, isOutgoing: false, bytes: [1, 2, UInt8(number)])
        ])
    }

    @Test func `frames that come to one server are read at another, in order and to the last`() async throws {
        try await TestServer.with { server in
            let first = server.service
            let second = server.another()
            try await server.running(second) {
                try await first.makeHost(1)
                try await first.makeHost(2)
                try await first.make(.segment, #"{"name":"blue","spec":{"ipam":"none"}}"#)
                try await first.make(.attachment, #"{"name":"web","spec":{"segment":"blue","host":"h1"}}"#)
                let draft = try CaptureDraft(json: JSONParser.parse(Array(#"{"flow":"udp/53"}"#.utf8)))
                let made = try await first.makeCapture(
                    project: "default", attachment: "web", draft, by: administrator, .full)
                let text = try #require(JSONParser.parse(made.json)["id"]?.string)
                let id = try #require(ResourceID(text))
                try await second.cache.wait(for: made.revision)
                let host = try await first.get(.host, "h1").id
                let feed = try #require(HostFeed(host: host, cache: second.cache))
                guard case .update(let update) = feed.next(), case .capture(let task)? = update.probes.first?.question
                else {
                    Issue.record("the host is not asked")
                    return
                }
                #expect(task.flow == CaptureFlow(.udp, 53) && task.points == CapturePoint.allCases)
                #expect(task.by == administrator.description)
                // Agents of the format before are not told what they would refuse.
                #expect(
                    !String(decoding: HostUpdate(revision: .zero, probes: update.probes).json(.ipv4), as: UTF8.self)
                        .contains("capture"))
                for number in 0..<10 {
                    try await (number.isMultiple(of: 2) ? first : second).take(
                        Self.chunk(UInt64(number)), number: number, of: id, from: host)
                }
                let other = try await first.get(.host, "h2").id
                await expectProblem(.notFound) { try await first.take(Self.chunk(1), number: 0, of: id, from: other) }
                var seen: [UInt64] = []
                var next = 0
                while true {
                    let node = try JSONParser.parse(
                        try await second.capture(
                            project: "default", attachment: "web", text, from: next, by: administrator, .full))
                    guard case .array(let list)? = node["chunks"]?.content, !list.isEmpty else { break }
                    for chunk in list {
                        seen += try CaptureChunk(json: chunk, path: "").frames.map(\.nanoseconds)
                    }
                    next += list.count
                }
                #expect(seen == Array(0..<10))
                try await second.endCapture(project: "default", attachment: "web", text, by: administrator)
                #expect(try await server.store.list(StoreKey("/kc/net/c/"), after: nil, limit: 10).entries.isEmpty)
            }
        }
    }
}
