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

    @Test func `a host stores no more than the capture's own limit, at whichever servers, and nothing out of turn`()
        async throws
    {
        try await TestServer.with { server in
            let (first, second) = (server.service, server.another())
            try await server.running(second) {
                try await first.makeHost(1)
                try await first.make(.segment, #"{"name":"blue","spec":{"ipam":"none"}}"#)
                try await first.make(.attachment, #"{"name":"web","spec":{"segment":"blue","host":"h1"}}"#)
                let draft = try CaptureDraft(json: JSONParser.parse(Array(#"{"bytes":2048,"snapLength":9216}"#.utf8)))
                let made = try await first.makeCapture(
                    project: "default", attachment: "web", draft, by: administrator, .full)
                let id = try #require(JSONParser.parse(made.json)["id"]?.string.flatMap { ResourceID($0) })
                try await second.cache.wait(for: made.revision)
                let host = try await first.get(.host, "h1").id
                func take(_ number: Int, _ sizes: [Int]) async throws {
                    let frames = sizes.map { size in
                        CapturedFrame(
                            device: 0, nanoseconds: 1, length: size, isOutgoing: false,
                            bytes: [UInt8](repeating: 7, count: size))
                    }
                    try await (number.isMultiple(of: 2) ? first : second).take(
                        CaptureChunk(frames), number: number, of: id, from: host)
                }
                await expectProblem(.conflict) { try await take(1, [60]) }
                try await take(0, [1000])
                await expectProblem(.conflict) { try await take(2, [60]) }
                await expectProblem(.tooLarge) { try await take(1, [1049]) }
                try await take(1, [1000])
                // Again, and smaller: in place of what it was.
                try await take(1, [500, 500])
                try await take(1, [548])
                // What came long ago is there, and stays what it is.
                try await take(0, [9000])
                try await take(2, [250, 250])
                await expectProblem(.tooLarge) { try await take(3, [1]) }
                await expectProblem(.tooLarge) { try await take(3, [Int](repeating: 0, count: 1024)) }
                let page = try await server.store.list(StoreKey("/kc/net/c/"), after: nil, limit: 10)
                let sizes = try page.entries.map { entry in
                    try CaptureChunk(json: JSONParser.parse(entry.value), path: "").frames.reduce(0) {
                        $0 + $1.bytes.count
                    }
                }
                #expect(sizes == [1000, 548, 500])
                try await first.endCapture(project: "default", attachment: "web", "\(id)", by: administrator)
                #expect(
                    try await server.store.list(StoreKey("/kc/net/k/captured/"), after: nil, limit: 1).entries.isEmpty)
            }
        }
    }
}
