import APIClient
import Foundation
import NetworkModel
import Resources
import Testing

private let segments = "/v1/projects/default/segments"
private let attachments = "/v1/projects/default/attachments"

@Suite(.serialized) struct RequestTests {
    @Test func `a resource is made, read, replaced and deleted, with its ETag all along`() async throws {
        try await LiveServer.with { server in
            let made = try await server.make(
                segments, #"{"name":"blue","annotations":{"o":{"b": 1.0,"a":[ ]}},"spec":{"ipam":"manual"}}"#)
            let tag = try #require(made.headers["etag"])
            #expect(tag == "\"\(made.headers["kc-revision"] ?? "")\"")
            #expect(made.body.contains(#""o":{"b": 1.0,"a":[ ]}"#))
            let read = try await server.curl("GET", segments + "/blue")
            #expect(read.status == 200 && read.headers["etag"] == tag && read.body == made.body)
            let byID = try await server.overTCP("GET", segments + "/\(made.text("id") ?? "")")
            #expect(byID.body == made.body)
            let put = try await server.curl(
                "PUT", segments + "/blue", #"{"name":"green","spec":{"ipam":"automatic"}}"#,
                headers: ["If-Match: \(tag)"])
            #expect(put.status == 200 && put.text("name") == "green" && put.text("generation") == "2")
            let stale = try await server.curl(
                "PUT", segments + "/green", #"{"name":"x","spec":{"ipam":"automatic"}}"#, headers: ["If-Match: \(tag)"])
            #expect(stale.status == 412 && stale.problem == "precondition-failed" && stale.text("field") == "revision")
            for bad in ["7", "W/\"7\"", "\"x\"", "\"\"", "\"1\", \"2\""] {
                let reply = try await server.curl("DELETE", segments + "/green", headers: ["If-Match: \(bad)"])
                #expect(reply.status == 400, "\(bad)")
            }
            let gone = try await server.curl("DELETE", segments + "/green")
            #expect(gone.status == 204 && gone.headers["kc-revision"] != nil && gone.body.isEmpty)
            #expect(try await server.curl("GET", segments + "/green").problem == "not-found")
        }
    }

    @Test func `every bad input is a problem that names field, value and rule`() async throws {
        try await LiveServer.with { server in
            let long = String(repeating: "n", count: 300)
            for (name, value) in [
                (#"a\nb"#, "a\nb"), (#"a\"b"#, "a\"b"), ("a/b", "a/b"), (long, String(long.prefix(64))),
            ] {
                let reply = try await server.curl("POST", segments, #"{"name":"\#(name)","spec":{"ipam":"none"}}"#)
                #expect(reply.status == 422 && reply.problem == "invalid-field")
                #expect(reply.text("field") == "name" && reply.text("value") == value && reply.text("rule") != nil)
                #expect(reply.headers["content-type"] == "application/problem+json")
                #expect(reply.text("instance") == reply.headers["x-request-id"])
            }
            for (body, field) in [
                (#"{"name":"a","spec":{"ipam":"none","colour":"red"}}"#, "spec.colour"), (#"{"name":"a"}"#, "spec"),
                (#"{"name":"a","spec":{"ipam":3}}"#, "spec.ipam"), (#"{"name":"a","spec":[]}"#, "spec"),
                (#"{"name":"a","spec":{"ipam":"manual","prefix":"2001:db8::/48"}}"#, "spec.prefix"),
                ("[]", "(document)"),
            ] {
                let reply = try await server.curl("POST", segments, body)
                #expect(reply.status == 422 && reply.text("field") == field, "\(body): \(reply.body)")
            }
            let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
            for body in [
                "", "{", "nonsense", #"{"name":"a","name":"b"}"#, "{} {}",
                #"{"name":"a","annotations":{"d":\#(deep)},"spec":{"ipam":"none"}}"#,
            ] {
                let reply = try await server.curl("POST", segments, body)
                #expect(reply.status == 400 && reply.problem == "malformed", "\(body.prefix(40)): \(reply.body)")
            }
            let host = try await server.curl("POST", attachments, #"{"name":"a","spec":{"segment":"nope"}}"#)
            #expect(host.status == 422 && host.text("field") == "spec.segment")
            #expect(try await server.curl("GET", segments).text("items") == "[]")
        }
    }

    @Test func `conflicts say with whom`() async throws {
        try await LiveServer.with { server in
            try await server.make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            try await server.make(
                segments, #"{"name":"a","spec":{"ipam":"manual","vni":9,"prefix":"2001:db8:1::/64"}}"#)
            try await server.make(attachments, #"{"name":"w","spec":{"segment":"a","host":"h1"}}"#)
            for (method, path, body, code) in [
                ("POST", segments, #"{"name":"b","spec":{"ipam":"none","vni":9}}"#, "vni-taken"),
                (
                    "POST", segments, #"{"name":"b","spec":{"ipam":"manual","prefix":"2001:db8:1::/64"}}"#,
                    "prefix-taken"
                ),
                ("POST", segments, #"{"name":"a","spec":{"ipam":"none"}}"#, "name-taken"),
                ("DELETE", segments + "/a", nil, "in-use"), ("DELETE", "/v1/hosts/h1", nil, "in-use"),
                ("DELETE", "/v1/projects/default", nil, "in-use"),
                ("PUT", "/v1/pools/vni", #"{"name":"vni","spec":{"type":"vni","from":9,"to":9}}"#, nil),
                ("POST", segments, #"{"name":"b","spec":{"ipam":"none"}}"#, "pool-exhausted"),
            ] as [(String, String, String?, String?)] {
                let reply = try await server.curl(method, path, body)
                #expect(reply.problem == code, "\(method) \(path): \(reply.body)")
                #expect(reply.status == (code == nil ? 200 : 409))
            }
        }
    }

    @Test func `a large body is refused before it is read`() async throws {
        try await LiveServer.with { server in
            let path = server.folder + "/large"
            #expect(FileManager.default.createFile(atPath: path, contents: nil))
            let file = try FileHandle(forWritingTo: URL(filePath: path))
            try file.truncate(atOffset: 100 << 20)
            try file.close()
            let start = ContinuousClock.now
            for options in [["-H", "Expect:"], ["-H", "Expect:", "-H", "Transfer-Encoding: chunked"]] {
                let reply = try await server.curl("POST", segments, "@" + path, options: options)
                // A client that goes on sending may see the reset before it reads the answer.
                #expect(
                    reply.status == 413 && reply.problem == "too-large" || [55, 56].contains(reply.exitCode), "\(reply)"
                )
            }
            #expect(start.duration(to: .now) < .seconds(20))
            #expect(residentMegabytes() < 600)
            let small = String(repeating: "x", count: 70_000)
            let tooMuch = try await server.curl(
                "POST", segments, #"{"name":"a","annotations":{"a":"\#(small)"},"spec":{"ipam":"none"}}"#)
            #expect(tooMuch.status == 422 && tooMuch.text("field") == "annotations")
            #expect(try await server.curl("GET", segments).status == 200)
        }
    }

    @Test func `paths, methods, queries and headers that are none are problems too`() async throws {
        try await LiveServer.with { server in
            let nothing = try await server.curl("GET", "/v1/nothing")
            #expect(nothing.status == 404 && nothing.problem == "not-found")
            for path in [
                "/", "//v1/hosts", "/v1/hosts/", "/v1/hosts//", "/v1/%zz", "/v1/hosts/%ff",
                "/v1/projects/nope/segments",
            ] {
                let reply = try await server.curl("GET", path, options: ["--path-as-is"])
                #expect(reply.status == 404 && reply.problem == "not-found", "\(path) \(reply)")
            }
            let method = try await server.curl("PATCH", "/v1/hosts")
            #expect(method.status == 405 && method.problem == "method-not-allowed")
            for query in [
                "limit=0", "limit=1001", "limit=x", "limit=-1", "selector=a%3D%3D%3Db", "continue=x", "minRevision=x",
                "colour=red", "after=1", "limit=1&limit=2",
            ] {
                let reply = try await server.curl("GET", segments + "?" + query)
                #expect(reply.status == 422 && reply.text("field") != nil, "\(query): \(reply.body)")
            }
            #expect(try await server.curl("GET", segments + "?limit=%zz").status == 400)
            let long = try await server.curl("GET", "/v1/hosts?selector=" + String(repeating: "a", count: 9000))
            #expect(long.status == 431)
            let given = try await server.curl("GET", "/healthz", headers: ["X-Request-Id: abc-1.2_3"])
            #expect(given.headers["x-request-id"] == "abc-1.2_3")
            let foul = try await server.curl("GET", "/healthz", headers: ["X-Request-Id: a b\"c"])
            #expect(foul.headers["x-request-id"] != "a b\"c" && foul.headers["x-request-id"] != nil)
        }
    }

    @Test func `HEAD is answered as GET is, without the body, on a connection that goes on`() async throws {
        try await LiveServer.with { server in
            try await server.make(segments, #"{"name":"a","spec":{"ipam":"none"}}"#)
            for path in ["/healthz", "/readyz", segments, segments + "/a", "/openapi.json", segments + "/nope"] {
                let whole = try await server.curl("GET", path)
                // Two on one connection: of a body that is none the second would not begin where it does.
                let heads = try await run(
                    "/usr/bin/curl",
                    [
                        "-sS", "-m", "10", "--unix-socket", server.folder + "/api.sock", "-I",
                        "http://localhost" + path,
                        "http://localhost" + path,
                    ])
                #expect(heads.code == 0, "\(path)")
                let answers = heads.output.components(separatedBy: "HTTP/1.1 ").dropFirst()
                #expect(answers.count == 2, "\(path): \(heads.output)")
                for answer in answers {
                    #expect(answer.hasPrefix("\(whole.status) "), "\(path): \(answer)")
                    let length = whole.headers["content-length"] ?? "?"
                    // A problem has its request's id in it, and not all are of one length.
                    #expect(whole.status != 200 || answer.contains("Content-Length: \(length)\r"), "\(path): \(answer)")
                    #expect(answer.hasSuffix("\r\n\r\n"), "\(path): \(answer)")
                }
            }
            let tokenless = try await server.anonymous("HEAD", segments, options: ["-I"])
            #expect(tokenless.status == 401)
            let stream = try await server.curl("HEAD", segments + "?watch=true", options: ["-I"])
            #expect(stream.status == 405)
            let patch = try await server.curl("PATCH", segments)
            #expect(patch.text("detail")?.contains("GET, HEAD, POST") == true, "\(patch.body)")
        }
    }

    @Test func `a condition that a write would not look at is refused, and nothing is written`() async throws {
        try await LiveServer.with { server in
            let made = try await server.make(segments, #"{"name":"a","spec":{"ipam":"none"}}"#)
            let changed = #"{"name":"b","spec":{"ipam":"none"}}"#
            let tag = try #require(made.headers["etag"])
            for (method, path, body, condition) in [
                ("PUT", "/a", changed, "If-None-Match: *"), ("DELETE", "/a", nil, "If-None-Match: \(tag)"),
                ("PUT", "/a", changed, "If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT"),
                ("POST", "", changed, "If-Match: \(tag)"), ("POST", "", changed, "If-None-Match: *"),
            ] as [(String, String, String?, String)] {
                let reply = try await server.curl(method, segments + path, body, headers: [condition])
                #expect(reply.status == 400 && reply.text("field") != nil, "\(condition): \(reply)")
            }
            #expect(try await server.curl("GET", segments + "/a").headers["etag"] == tag)
            // A read is answered in full: its status may be another one.
            #expect(try await server.curl("GET", segments + "/a", headers: ["If-None-Match: \(tag)"]).status == 200)
            let put = try await server.curl("PUT", segments + "/a", changed, headers: ["If-Match: \(tag)"])
            let stale = try await server.curl(
                "POST", segments + "/b/restore", #"{"generation":1}"#, headers: ["If-Match: \(tag)"])
            #expect(stale.status == 412, "\(stale)")
            let restored = try await server.curl(
                "POST", segments + "/b/restore", #"{"generation":1}"#,
                headers: ["If-Match: \(put.headers["etag"] ?? "")"])
            #expect(restored.status == 200 && restored.text("name") == "a", "\(restored)")
        }
    }

    @Test func `a join token comes with the address to use it at, which listens when the server is ready`() async throws
    {
        try await LiveServer.with { server in
            let token = try await server.curl("POST", "/v1/join-tokens", "{}")
            let url = try #require(token.text("url"))
            #expect(url == server.encrypted.url, "\(token.body)")
            #expect(
                try await run("/usr/bin/curl", ["-sSk", "-m", "10", url + "/readyz"]).output == #"{"status":"ok"}"#)
        }
    }

    @Test func `pages hold each resource once, while others come and go`() async throws {
        try await LiveServer.with { server in
            for number in 0..<40 {
                try await server.make(
                    segments, #"{"name":"s\#(number)","labels":{"even":"\#(number % 2)"},"spec":{"ipam":"none"}}"#)
            }
            var names: [String] = []
            var query = "?limit=7"
            for round in 0..<100 {
                let page = try await server.curl("GET", segments + query)
                #expect(page.status == 200)
                guard case .array(let items)? = try page.json?["items"]?.content else { break }
                #expect(items.count <= 7)
                names += items.compactMap { $0["name"]?.string }
                guard let next = page.text("continue") else { break }
                query = "?limit=7&continue=\(next)"
                // One goes that was shown, one is renamed, one comes.
                _ = try await server.curl("DELETE", segments + "/s\(round)")
                _ = try await server.curl(
                    "PUT", segments + "/s\(30 + round)", #"{"name":"r\#(30 + round)","spec":{"ipam":"none"}}"#)
                try await server.make(segments, #"{"name":"new\#(round)","spec":{"ipam":"none"}}"#)
            }
            let olds = names.filter { !$0.hasPrefix("new") }.compactMap { Int($0.dropFirst()) }
            #expect(olds.sorted() == Array(0..<40))
            let even = try await server.curl("GET", segments + "?selector=even%3D0,!odd&limit=1000")
            guard case .array(let items)? = try even.json?["items"]?.content else {
                Issue.record("no items")
                return
            }
            #expect(!items.isEmpty && items.allSatisfy { $0["labels"]?["even"]?.string == "0" })
        }
    }

    @Test func `a page ends before it is too large, and its continue leads to the rest`() async throws {
        try await LiveServer.with { server in
            // 14 MB, which takes two pages; and every program of KC's, and a watch, has all of it.
            let note = String(repeating: "x", count: 64_000)
            let client = try APIClient(endpoint: Endpoint(parsing: "unix:" + server.folder + "/api.sock"))
            let collection = ResourceCollection(Segment.kind, project: "default")
            let names = (0..<220).map { "s\($0)" }
            var listed: [String] = []
            do {
                for first in stride(from: 0, to: names.count, by: 110) {
                    try await client.write(
                        names[first..<min(first + 110, names.count)].map { name in
                            let body = #"{"name":"\#(name)","annotations":{"n":"\#(note)"},"spec":{"ipam":"none"}}"#
                            return BatchOperation(.create, collection, document: Array(body.utf8))
                        })
                }
                listed = try await client.list(collection).map(\.name.text)
            } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
            var seen: [String] = []
            var sizes: [Int] = []
            var query = "?limit=1000"
            while sizes.count < 10 {
                let page = try await server.curl("GET", segments + query)
                #expect(page.status == 200)
                sizes.append(page.body.utf8.count)
                guard case .array(let items)? = try page.json?["items"]?.content else { break }
                seen += items.compactMap { $0["name"]?.string }
                guard let next = page.text("continue") else { break }
                query = "?limit=1000&continue=\(next)"
            }
            // Those of one batch are in no order of their names.
            #expect(seen.sorted() == names.sorted() && seen == listed)
            #expect(sizes.count == 2 && sizes.allSatisfy { $0 < (8 << 20) + 1000 }, "\(sizes)")
            // As many as the page before had, and no more.
            let brief = try await server.curl("GET", segments + "?limit=3")
            #expect(brief.text("continue") != nil && brief.body.utf8.count < 200_000)
        }
    }

    @Test func `history is listed, compared by the reader, and restored`() async throws {
        try await LiveServer.with { server in
            try await server.make(segments, #"{"name":"a","labels":{"v":"1"},"spec":{"ipam":"none"}}"#)
            _ = try await server.curl(
                "PUT", segments + "/a", #"{"name":"b","labels":{"v":"2"},"spec":{"ipam":"none"}}"#)
            let history = try await server.curl("GET", segments + "/b/history")
            guard case .array(let items)? = try history.json?["items"]?.content else {
                Issue.record("no items")
                return
            }
            #expect(items.map { $0["action"]?.string } == ["update", "create"])
            #expect(items[1]["resource"]?["labels"]?["v"]?.string == "1" && items[1]["who"]?.string == "root@unix")
            let restored = try await server.curl("POST", segments + "/b/restore", #"{"generation":1}"#)
            #expect(
                restored.text("name") == "a" && restored.text("labels", "v") == "1"
                    && restored.text("generation") == "3")
            #expect(try await server.curl("POST", segments + "/a/restore", #"{"generation":9}"#).status == 404)
            #expect(try await server.curl("POST", segments + "/a/restore", "{}").text("field") == "generation")
        }
    }
}

/// This process's resident memory (proc(5), statm).
func residentMegabytes() -> Int {
    // Unreadable means no /proc, on which nothing here runs.
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096 >> 20
}
