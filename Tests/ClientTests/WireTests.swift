import APIClient
import NetworkModel
import Resources
import Synchronization
import Testing

private let segment = """
    {"kind":"segment","id":"0190f3b2-0000-7000-8000-000000000001","name":"blue","project":"default","revision":7,\
    "generation":1,"created":"2026-01-31T12:00:00.000Z","updated":"2026-01-31T12:00:00.000Z","protected":false,\
    "labels":{},"annotations":{"x":1.10},"spec":{"ipam":"none"},"status":{"phase":"wired","vni":300}}
    """

private func withClient(
    _ endpoint: String, token: String? = nil, silence: Duration = .seconds(10),
    _ body: (APIClient) async throws -> Void
) async throws {
    let client = try APIClient(endpoint: Endpoint(parsing: endpoint), token: token, silence: silence)
    do { try await body(client) } catch {
        await client.shutdown()
        throw error
    }
    await client.shutdown()
}

@Suite struct `Client on the wire` {
    private let segments = ResourceCollection(Segment.kind, project: "default")

    @Test func `a resource comes over a Unix socket, its annotations byte for byte`() async throws {
        let path = "/tmp/kc-client-\(UInt32.random(in: 0...UInt32.max)) a.sock"
        let requests = Mutex<[String]>([])
        try await ScriptedServer.with(.socket(path)) { request in
            requests.withLock { $0.append(request) }
            return .json(segment)
        } _: { _ in
            try await withClient("unix:\(path)") { client in
                let document = try await client.get(segments, "bl ue")
                #expect(document.name.text == "blue")
                #expect(document.phase == "wired")
                #expect(document.node["annotations"]?["x"]?.excerpt == "1.10")
            }
        }
        let request = try #require(requests.withLock { $0.first })
        #expect(request.hasPrefix("GET /v1/projects/default/segments/bl%20ue HTTP/1.1\r\n"))
    }

    @Test func `of several servers the next one is asked when one is away or cannot help, and then stays`() async throws
    {
        let requests = Mutex<[String]>([])
        let away = try await ScriptedServer.with { _ in
            .json("{}")
        } _: {
            $0.port
        }
        try await ScriptedServer.with { request in
            requests.withLock { $0.append("well " + request.prefix(4)) }
            return .json(request.hasPrefix("POST") ? segment : #"{"kind":"segmentList","revision":1,"items":[]}"#)
        } _: { well in
            try await ScriptedServer.with { request in
                requests.withLock { $0.append("ill " + request.prefix(4)) }
                return .json(
                    #"{"type":"urn:kc:problem:unavailable","title":"x","status":503,"detail":"x","instance":"1"}"#,
                    status: "503 Service Unavailable")
            } _: { ill in
                let list = [away, ill.port, well.port].map { "http://[::1]:\($0)" }.joined(separator: ",")
                // Wherever it begins, it ends at the one that answers. What the second one was asked it may have done:
                // its answer is given, and the caller asks again.
                for _ in 1...20 {
                    try await withClient(list) { client in
                        do { _ = try await client.create(segments, Array(#"{"name":"blue"}"#.utf8)) } catch let problem
                            as APIProblem
                        {
                            #expect(problem.status == 503)
                            _ = try await client.create(segments, Array(#"{"name":"blue"}"#.utf8))
                        }
                        requests.withLock { $0 = [] }
                        for _ in 1...3 { #expect(try await client.list(segments).isEmpty) }
                        #expect(requests.withLock(\.self) == ["well GET ", "well GET ", "well GET "])
                    }
                }
            }
        }
        // All of them are away: each was asked once, and the last one is named.
        try await withClient("http://[::1]:\(away),http://localhost:\(away)") { client in
            let failure = await #expect(throws: APIFailure.self) { try await client.list(segments) }
            #expect(failure?.code == .unreachable)
        }
    }

    @Test func `a read after a write asks for the revision that the write gave`() async throws {
        let requests = Mutex<[String]>([])
        try await ScriptedServer.with { request in
            requests.withLock { $0.append(request) }
            return request.hasPrefix("POST")
                ? .json(segment, status: "201 Created", headers: ["KC-Revision: 41", "ETag: \"41\""])
                : .json(#"{"kind":"segmentList","revision":41,"items":[\#(segment)]}"#)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)", token: "secret") { client in
                #expect(try await client.list(segments).count == 1)
                _ = try await client.create(segments, Array(#"{"name":"blue"}"#.utf8))
                #expect(client.seen == Revision(41))
                #expect(try await client.list(segments, selector: "a=b,c").count == 1)
            }
        }
        let seen = requests.withLock { $0 }
        #expect(seen.allSatisfy { $0.contains("\r\nAuthorization: Bearer secret\r\n") })
        #expect(!seen[0].contains("minRevision"))
        #expect(seen[1].hasSuffix("\r\n\r\n{\"name\":\"blue\"}"))
        #expect(seen[2].contains("?limit=500&selector=a%3Db%2Cc&minRevision=41 HTTP"))
    }

    @Test func `a list goes on over its pages`() async throws {
        try await ScriptedServer.with { request in
            request.contains("continue=next%2F2")
                ? .json(#"{"kind":"segmentList","revision":9,"items":[\#(segment)]}"#)
                : .json(#"{"kind":"segmentList","revision":9,"items":[\#(segment)],"continue":"next/2"}"#)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let count = try await client.list(segments).count
                #expect(count == 2)
            }
        }
    }

    @Test func `a list without an end is given up`() async throws {
        let asked = Mutex(0)
        try await ScriptedServer.with { request in
            let number = asked.withLock { asked in
                asked += 1
                return asked
            }
            let next = request.contains("selector=") ? "again" : "next/\(number)"
            return .json(#"{"kind":"segmentList","revision":9,"items":[],"continue":"\#(next)"}"#)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let same = await #expect(throws: APIFailure.self) { try await client.list(segments, selector: "a=b") }
                #expect(same?.code == .protocolViolation && asked.withLock { $0 } == 2)
                let endless = await #expect(throws: APIFailure.self) { try await client.list(segments) }
                #expect(endless?.code == .tooLarge && asked.withLock { $0 } < 3000)
            }
        }
    }

    @Test func `a problem keeps field, value, rule and request id`() async throws {
        try await ScriptedServer.with { _ in
            .json(
                """
                {"type":"urn:kc:problem:invalid-field","title":"a field is not valid","status":422,"detail":"spec.vni",\
                "instance":"r-1","field":"spec.vni","value":"0","rule":"must be 1 to 16777215"}
                """, status: "422 Unprocessable Content")
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let problem = await #expect(throws: APIProblem.self) { try await client.create(segments, []) }
                #expect(
                    problem
                        == APIProblem(
                            code: "invalid-field", status: 422, title: "a field is not valid", detail: "spec.vni",
                            field: "spec.vni", value: "0", rule: "must be 1 to 16777215", requestID: "r-1"))
            }
        }
    }

    @Test func `an answer of something else than KC is a problem with its status`() async throws {
        try await ScriptedServer.with { _ in
            Answer(pieces: ["HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"])
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let problem = await #expect(throws: APIProblem.self) { try await client.get(segments, "x") }
                #expect(problem?.code == "http-502")
            }
        }
    }
    private typealias Answer = ScriptedServer.Answer

    @Test func `a broken answer is a protocol violation`() async throws {
        try await ScriptedServer.with { request in
            request.contains("/a ") ? .json("{\"kind\":") : .json(#"{"kind":"segment"}"#)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                for name in ["a", "b"] {
                    let failure = await #expect(throws: APIFailure.self) { try await client.get(segments, name) }
                    #expect(failure?.code == .protocolViolation)
                }
            }
        }
    }

    @Test func `a GET on a connection that was closed is repeated, a POST is not`() async throws {
        let count = Mutex(0)
        try await ScriptedServer.with { request in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return number.isMultiple(of: 2) ? .json(segment) : Answer(pieces: [])
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let document = try await client.get(segments, "blue")
                #expect(document.name.text == "blue")
                let failure = await #expect(throws: APIFailure.self) { try await client.create(segments, []) }
                #expect(failure?.code == .interrupted)
            }
        }
        #expect(count.withLock { $0 } == 3)
    }

    @Test func `what is not there is told with what to do`() async throws {
        try await withClient("unix:/tmp/kc-no-such.sock") { client in
            let failure = await #expect(throws: APIFailure.self) { try await client.get(segments, "blue") }
            #expect(failure?.code == .unreachable)
            #expect(failure?.cause == "the socket /tmp/kc-no-such.sock does not exist")
            #expect(failure?.advice.contains("is `kcd api` running") == true)
        }
        let port = try await ScriptedServer.with { _ in
            .json("{}")
        } _: {
            $0.port
        }
        try await withClient("http://[::1]:\(port)") { client in
            let failure = await #expect(throws: APIFailure.self) { try await client.get(segments, "blue") }
            #expect(failure?.code == .unreachable)
            #expect(failure?.cause == "nothing listens there")
        }
    }

    @Test func `an answer that does not come in time is told as that`() async throws {
        try await ScriptedServer.with { _ in
            Answer(pieces: [], hold: true)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let failure = await #expect(throws: APIFailure.self) {
                    try await client.send(APIRequest(.get, ["v1", "whoami"], timeout: .milliseconds(50)))
                }
                #expect(failure?.code == .timedOut)
            }
        }
    }
}

@Suite struct `Client streams` {
    private let segments = ResourceCollection(Segment.kind, project: "default")

    @Test func `a watch gives puts, deletes and bookmarks, and ends with the server's stream`() async throws {
        let pieces = [
            "event: put\nid: 9\nda", "ta: \(segment)\n\n:\n\nevent: bookmark\ndata: {\"revision\":9}\n", "\n",
            "event: later\ndata: {}\n\nevent: delete\nid: 10\ndata: {\"id\":\"0190f3b2-0000-7000-8000-000000000001\",",
            "\"name\":\"blue\",\"project\":\"default\",\"revision\":10}\n\n",
        ]
        try await ScriptedServer.with { _ in
            .stream(pieces)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                var seen: [String] = []
                for try await event in try await client.watch(segments) {
                    switch try WatchEvent(event) {
                    case .put(let document, let revision): seen.append("put \(document.name) \(revision)")
                    case .delete(_, let name, _, let revision): seen.append("delete \(name) \(revision)")
                    case .bookmark(let revision): seen.append("bookmark \(revision)")
                    case nil: seen.append("unknown")
                    }
                }
                #expect(seen == ["put blue 9", "bookmark 9", "unknown", "delete blue 10"])
            }
        }
    }

    @Test func `a stream that falls silent is an error, not an end`() async throws {
        try await ScriptedServer.with { _ in
            .stream([":\n"], hold: true)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)", silence: .milliseconds(100)) { client in
                let failure = await #expect(throws: APIFailure.self) {
                    for try await _ in try await client.watch(segments) {}
                }
                #expect(failure?.code == .streamDead)
            }
        }
    }

    @Test func `a cancelled reader leaves at once`() async throws {
        try await ScriptedServer.with { _ in
            .stream([":\n"], hold: true)
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                await withTaskGroup { group in
                    group.addTask {
                        await #expect(throws: CancellationError.self) {
                            for try await _ in try await client.watch(segments) {}
                        }
                    }
                    group.cancelAll()
                    await group.waitForAll()
                }
            }
        }
    }

    @Test func `a refused stream is a problem`() async throws {
        try await ScriptedServer.with { _ in
            .json(
                #"{"type":"urn:kc:problem:compacted","title":"too old","status":410}"#, status: "410 Gone")
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                let problem = await #expect(throws: APIProblem.self) { _ = try await client.watch(segments) }
                #expect(problem?.code == "compacted")
            }
        }
    }

    @Test func `the desired state comes as updates`() async throws {
        let update = #"{"revision":3,"reset":false,"segments":[],"attachments":[],"gateways":[]}"#
        try await ScriptedServer.with { _ in
            .stream(["event: state\ndata: \(update)\n\n", "event: other\ndata: 1\n\n", "event: state\ndata: {}\n\n"])
        } _: { server in
            try await withClient("http://[::1]:\(server.port)") { client in
                var iterator = try await client.desiredUpdates(host: "h1").makeAsyncIterator()
                #expect(try await iterator.next()?.revision == Revision(3))
                let failure = await #expect(throws: APIFailure.self) { _ = try await iterator.next() }
                #expect(failure?.code == .protocolViolation)
            }
        }
    }
}
