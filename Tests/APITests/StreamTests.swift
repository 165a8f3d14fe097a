import APIClient
import Foundation
import NetworkModel
import Resources
import Synchronization
import Testing
import Waiting

private let segments = "/v1/projects/default/segments"

@Suite(.serialized) struct StreamTests {
    @Test func `a watch shows what is, then what changes, and can be taken up where it ended`() async throws {
        try await LiveServer.with { server in
            try await server.make(
                segments,
                #"{"name":"a","labels":{"team":"red"},"annotations":{"n":{"line":1,NEWLINE"next": 2}},"spec":{"ipam":"none"}}"#
                    .replacing("NEWLINE", with: "\n"))
            try await server.make(segments, #"{"name":"b","labels":{"team":"blue"},"spec":{"ipam":"none"}}"#)
            let watch = try EventReader(server, segments + "?watch=true&selector=team%3Dred")
            defer { watch.stop() }
            try await eventually("the bookmark") { watch.events.contains { $0.name == "bookmark" } }
            #expect(watch.events.map(\.name) == ["put", "bookmark"])
            let whole = try await server.curl("GET", segments + "/a")
            #expect(watch.events.first?.data == whole.body)
            let place = try #require(watch.events.last?.id)

            _ = try await server.curl(
                "PUT", segments + "/a", #"{"name":"a","labels":{"team":"blue"},"spec":{"ipam":"none"}}"#)
            _ = try await server.curl(
                "PUT", segments + "/b", #"{"name":"b","labels":{"team":"red"},"spec":{"ipam":"none"}}"#)
            _ = try await server.curl("DELETE", segments + "/b")
            // Leaving the selection is a deletion to who watches it.
            try await eventually("three changes") { watch.events.count >= 5 }
            #expect(watch.events.dropFirst(2).map(\.name) == ["delete", "put", "delete"])
            #expect(watch.events.dropFirst(2).map { $0.member("name") } == ["a", "b", "b"])
            let ids = watch.events.dropFirst(1).compactMap { $0.id.flatMap { Int($0) } }
            #expect(ids == ids.sorted())

            let again = try EventReader(server, segments + "?watch=true&after=\(place)&selector=team%3Dred")
            defer { again.stop() }
            try await eventually("the same changes") { again.events.count >= 3 }
            #expect(again.events.prefix(3).map(\.data) == watch.events.dropFirst(2).prefix(3).map(\.data))

            let item = try EventReader(server, segments + "/a?watch=true")
            defer { item.stop() }
            try await eventually("what is") { item.events.contains { $0.name == "bookmark" } }
            _ = try await server.curl("DELETE", segments + "/a")
            try await eventually("its deletion") { item.events.last?.name == "delete" }
        }
    }

    @Test func `annotations come back byte for byte from a read, a watch and a batch, whatever white space they have`()
        async throws
    {
        try await LiveServer.with { server in
            let annotation = "{\r\n\t\"a\":\r1,\n\n\r\r\n \"b\" :[ \r]\r}"
            let document =
                #"{"name":"a","annotations":{"n":"# + annotation + #"},"spec":{"ipam":"none"}}"#
            let client = try APIClient(endpoint: Endpoint(parsing: "unix:" + server.folder + "/api.sock"))
            let collection = ResourceCollection(Segment.kind, project: "default")
            do {
                _ = try await client.create(collection, Array(document.utf8))
                try await client.write([
                    BatchOperation(
                        .create, collection, document: Array(document.replacing(#""a","a"#, with: #""b","a"#).utf8))
                ])
                for name in ["a", "b"] {
                    let read = try await client.get(collection, name)
                    #expect(read.node["annotations"]?["n"].map { Array($0.raw) } == Array(annotation.utf8))
                    for try await event in try await client.watch(collection, item: name) {
                        guard case .put(let document, _) = try WatchEvent(event) else { continue }
                        #expect(Array(document.node.raw) == Array(read.node.raw))
                        break
                    }
                }
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }
    }

    @Test func `a body sent with a watch is passed over, and is none to fill the server with`() async throws {
        try await LiveServer.with { server in
            let watch = segments + "?watch=true"
            let passed = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                let head = "GET \(watch) HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"
                #expect(connection.send(head + String(repeating: " ", count: 500_000)))
                return connection.read(until: "event: bookmark")
            }
            #expect(passed.contains(" 200 ") && passed.contains("event: bookmark"), "\(passed)")
            let body = server.folder + "/body"
            try String(repeating: " ", count: 2_000_000).write(toFile: body, atomically: true, encoding: .utf8)
            for chunked in [[], ["-H", "Transfer-Encoding: chunked"]] {
                let reply = try await server.curl("GET", watch, "@" + body, options: chunked)
                #expect(reply.status == 413 && reply.problem == "too-large", "\(chunked): \(reply.body)")
            }
        }
    }

    @Test func `a watch from too long ago is told so`() async throws {
        try await LiveServer.with { server in
            let reply = try await server.curl("GET", segments + "?watch=true&after=0")
            #expect(reply.status == 410 && reply.problem == "compacted" && reply.text("field") == "after")
            #expect(try await server.curl("GET", segments + "?watch=true&limit=3").status == 422)
            // One that never was: the number of a change that a restore has taken back, and that another one will get.
            let made = try await server.make(segments, #"{"name":"a","spec":{"ipam":"none"}}"#)
            let newest = try #require(made.text("revision").flatMap { UInt64($0) })
            for place in [segments, segments + "/a"] {
                let early = try await server.curl("GET", place + "?watch=true&after=\(newest + 1000)")
                #expect(early.status == 410 && early.problem == "compacted", "\(early.status) \(early.body)")
            }
        }
    }

    @Test func `a host's stream begins with everything, goes on with changes, and reports come back as status`()
        async throws
    {
        try await LiveServer.with { server in
            try await server.make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            let stream = try EventReader(server, "/v1/hosts/h1/desired")
            defer { stream.stop() }
            try await eventually("the first state") { stream.events.count == 1 }
            #expect(stream.events.first?.member("reset") == "true")
            try await server.make(segments, #"{"name":"a","spec":{"ipam":"none"}}"#)
            let port = try await server.make(
                "/v1/projects/default/attachments", #"{"name":"p","spec":{"segment":"a","host":"h1"}}"#)
            try await eventually("the attachment") {
                stream.events.contains { $0.data.contains(port.text("id") ?? "-") }
            }
            let watch = try EventReader(server, "/v1/projects/default/attachments/p?watch=true")
            defer { watch.stop() }
            let report =
                #"{"reports":[{"kind":"attachment","id":"\#(port.text("id") ?? "")","report":{"phase":"wired","generation":1,"interface":"kctx"}}]}"#
            let reply = try await server.curl("POST", "/v1/hosts/h1/reports", report)
            #expect(reply.status == 200)
            let shown = try await server.curl(
                "GET", "/v1/projects/default/attachments/p?minRevision=\(reply.text("revision") ?? "")")
            #expect(shown.text("status", "phase") == "wired" && shown.headers["etag"] == port.headers["etag"])
            try await eventually("the watch shows it") {
                watch.events.contains { $0.data.contains(#""phase":"wired""#) }
            }
            for body in [
                "{}", #"{"reports":[{"kind":"attachment","id":"x"}]}"#,
                #"{"reports":[{"kind":"vm","id":"\#(port.text("id") ?? "")"}]}"#,
            ] {
                #expect(try await server.curl("POST", "/v1/hosts/h1/reports", body).status == 422)
            }
        }
    }

    @Test func `streams end when the server stops`() async throws {
        let kept = Shared<EventReader?>(nil)
        try await LiveServer.with { server in
            let watch = try EventReader(server, segments + "?watch=true")
            try await eventually("it began") { !watch.events.isEmpty }
            kept.withLock { $0 = watch }
        }
        let watch = try #require(kept.withLock { $0 })
        try await eventually("the client ended by itself") { !watch.isRunning }
        #expect(watch.exitCode == 0)
    }

    @Test func `the server ends within a second while agents are connected with TLS`() async throws {
        let asked = Shared<ContinuousClock.Instant?>(nil)
        var clients: [APIClient] = []
        let agents = Shared<[Task<Void, Never>]>([])
        let told = Shared(0)
        try await LiveServer.with { server in
            try await server.make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            for _ in 0..<4 {
                let client = try APIClient(
                    endpoint: Endpoint(parsing: server.encrypted.url), token: server.token,
                    certificate: server.encrypted.certificate)
                clients.append(client)
                // As an agent does: one connection for its stream, which it opens again when it ends, and one that is
                // kept for its requests.
                _ = try await client.send(APIRequest(.get, ["v1", "hosts"]))
                let task = Task {
                    while !Task.isCancelled {
                        do {
                            for try await _ in try await client.desiredUpdates(host: "h1") {
                                told.withLock { $0 += 1 }
                            }
                        } catch {
                            // Refused or cut off: tried again as long as the test lasts.
                        }
                        await Task.yield()
                    }
                }
                agents.withLock { $0.append(task) }
            }
            try await eventually("all have their state") { told.withLock { $0 } >= 4 }
            asked.withLock { $0 = .now }
        }
        let took = try #require(asked.withLock { $0 }).duration(to: .now)
        for task in agents.withLock({ $0 }) { task.cancel() }
        for client in clients { await client.shutdown() }
        print("the server ended in \(took)")
        #expect(took < .seconds(1), "\(took)")
    }
}

@Suite(.serialized) struct DescriptionTests {
    @Test func `the description has every route, and no reference to nothing`() async throws {
        try await LiveServer.with { server in
            let reply = try await server.curl("GET", "/openapi.json")
            #expect(reply.text("openapi") == "3.1.0")
            let document = try #require(try reply.json)
            guard case .object(let paths)? = document["paths"]?.content,
                case .object(let schemas)? = document["components"]?["schemas"]?.content
            else {
                Issue.record("no paths or schemas")
                return
            }
            #expect(paths.count > 30)
            let names = Set(schemas.map(\.name))
            for part in reply.body.split(separator: "#/components/schemas/").dropFirst() {
                #expect(names.contains(String(part.prefix { $0 != "\"" })))
            }
            #expect(!reply.body.contains(#""@"#))
        }
    }

    @Test func `the picture is a page that needs nothing else, and shows no name as markup`() async throws {
        try await LiveServer.with { server in
            try await server.make(segments, #"{"name":"blue","spec":{"ipam":"none"}}"#)
            let page = try await server.curl("GET", "/topology")
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.body.contains("blue") && page.body.contains("<svg xmlns=\"http://www.w3.org/2000/svg\""))
            #expect(page.body.contains(#"<meta http-equiv="refresh" content="5">"#))
            for word in ["<script", "src=", "href=", "url("] { #expect(!page.body.contains(word), "\(word)") }
            // Well-formed from the drawing's first mark to its last.
            let start = try #require(page.body.range(of: "<svg"))
            let end = try #require(page.body.range(of: "</svg>"))
            let drawing = String(page.body[start.lowerBound..<end.upperBound])
            #expect(drawing.count(where: { $0 == "<" }) == drawing.count(where: { $0 == ">" }))
            #expect(try await server.curl("POST", "/topology").status == 405)
            let policy = try #require(page.headers["content-security-policy"])
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(policy)")
            #expect(!policy.contains("script-src") && page.headers["cache-control"] == "no-store", "\(policy)")
        }
    }

    @Test func `a page of another site changes nothing by somebody's browser`() async throws {
        try await LiveServer.with { server in try await Self.browse(server.folder + "/api.sock") }
    }

    private static func browse(_ socket: String) async throws {
        let path = "/v1/projects/default/segments"
        let draft = #"{"name":"blue","spec":{"ipam":"none"}}"#
        for origin in ["https://evil.example", "null", "http://localhost:81"] {
            let browser = Curl(socket: socket, headers: ["Origin: \(origin)"])
            #expect(try await browser("POST", path, draft).status == 403, "\(origin)")
            #expect(try await browser("DELETE", path + "/blue").status == 403, "\(origin)")
            #expect(try await browser("GET", path).status == 200, "\(origin)")
        }
        let own = Curl(socket: socket, headers: ["Origin: http://localhost"])
        #expect(try await own("POST", path, draft).status == 201)
    }

    @Test func `measurements are in Prometheus' format`() async throws {
        try await LiveServer.with { server in
            try await server.make(segments, #"{"name":"a","spec":{"ipam":"none"}}"#)
            let page = try await server.curl("GET", "/metrics")
            #expect(page.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            for line in page.body.split(separator: "\n") where !line.hasPrefix("#") {
                #expect(Double(line.split(separator: " ").last ?? "") != nil, "\(line)")
            }
            #expect(page.body.contains(#"kc_resources{kind="segment"} 1"#))
            #expect(
                page.body.contains(
                    #"kc_http_requests_total{route="/v1/projects/{project}/segments",method="POST",status="201"} 1"#))
        }
    }
}
