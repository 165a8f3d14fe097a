import Foundation
import Resources
import Testing

@Suite(.serialized) struct BatchRouteTests {
    private func create(_ index: Int, segment: String = "a") -> String {
        #"{"verb":"create","kind":"attachment","project":"default","document":{"name":"p\#(index)","spec":{"segment":"\#(segment)"}}}"#
    }

    /// By way of a file: an argument of a process has at most 128 KiB.
    private func post(_ server: LiveServer, _ operations: [String], _ query: String = "") async throws -> Reply {
        let path = server.folder + "/batch.json"
        try Data(#"{"operations":[\#(operations.joined(separator: ","))]}"#.utf8).write(to: URL(filePath: path))
        return try await server.curl("POST", "/v1/batch" + query, "@" + path, options: ["-H", "Expect:"])
    }

    @Test func `create, update and delete come together, each as a single request would do it`() async throws {
        try await LiveServer.with { server in
            let segments = "/v1/projects/default/segments"
            let old = try await server.make(segments, #"{"name":"old","spec":{"ipam":"none"}}"#)
            let made = try await server.make(segments, #"{"name":"a","spec":{"ipam":"manual"}}"#)
            let revision = try #require(made.text("revision"))
            let operations = [
                #"{"verb":"update","kind":"segment","project":"default","item":"a","ifMatch":\#(revision),"document":{"name":"a","labels":{"x":"y"},"spec":{"ipam":"manual"}}}"#,
                create(1),
                #"{"verb":"delete","kind":"segment","project":"default","item":"\#(old.text("id") ?? "")"}"#,
            ]
            let reply = try await post(server, operations)
            #expect(reply.status == 200, "\(reply.body)")
            #expect(reply.headers["kc-revision"] == reply.text("revision"))
            let items = try #require(try reply.json?["items"])
            guard case .array(let results) = items.content else {
                Issue.record("no items")
                return
            }
            #expect(results.map { $0["name"]?.string } == ["a", "p1", "old"])
            #expect(results[0]["resource"]?["labels"]?["x"]?.string == "y")
            let attachment = try await server.curl("GET", "/v1/projects/default/attachments/p1")
            #expect(results[1]["resource"].map { String(decoding: $0.raw, as: UTF8.self) } == attachment.body)
            #expect(results[2]["deleted"] != nil && results[2]["resource"] == nil)
            // The same again finds the segment changed and writes nothing.
            let stale = try await post(server, [create(2)] + operations.prefix(1), "?brief=true")
            #expect(stale.status == 412 && stale.problem == "precondition-failed", "\(stale.body)")
            #expect(try await server.curl("GET", "/v1/projects/default/attachments/p2").status == 404)
            let brief = try await post(server, [create(2)], "?brief=true")
            #expect(brief.status == 200 && !brief.body.contains("resource"))
        }
    }

    @Test func `a wrong operation is named with its own problem, and nothing is there`() async throws {
        try await LiveServer.with { server in
            try await server.make("/v1/projects/default/segments", #"{"name":"a","spec":{"ipam":"manual"}}"#)
            var operations = (0..<100).map { create($0) }
            operations[56] = create(56, segment: "nope")
            operations[80] = create(3)
            let reply = try await post(server, operations)
            #expect(reply.status == 422 && reply.problem == "invalid-field")
            #expect(reply.text("field") == "operations[56].document.spec.segment")
            guard case .array(let problems)? = try reply.json?["operations"]?.content else {
                Issue.record("no operations: \(reply.body)")
                return
            }
            #expect(problems.map { String(decoding: $0["index"]?.raw ?? [], as: UTF8.self) } == ["56", "80"])
            #expect(problems.map { $0["item"]?.string } == ["p56", "p3"])
            #expect(problems[1]["type"]?.string == "urn:kc:problem:name-taken")
            #expect(try await server.curl("GET", "/v1/projects/default/attachments").text("items") == "[]")
        }
    }

    @Test func `bounds, shapes and rights are kept`() async throws {
        try await LiveServer.with { server in
            try await server.make("/v1/projects/default/segments", #"{"name":"a","spec":{"ipam":"none"}}"#)
            let many = try await post(server, (0...1000).map { create($0) })
            #expect(many.status == 413 && many.problem == "too-large" && many.text("field") == "operations")
            let padding = String(repeating: " ", count: 8 << 20)
            let large = try await post(server, [create(1) + padding])
            #expect(large.status == 413 && large.problem == "too-large" || [55, 56].contains(large.exitCode))
            for (body, field) in [
                ("{}", "operations"), (#"{"operations":{}}"#, "operations"), (#"{"operations":[]}"#, "operations"),
                (#"{"operations":[3]}"#, "operations[0]"), (#"{"operations":[{}]}"#, "operations[0].verb"),
                (#"{"operations":[{"verb":"make","kind":"pool"}]}"#, "operations[0].verb"),
                (#"{"operations":[{"verb":"delete","kind":"vm","item":"x"}]}"#, "operations[0].kind"),
                (#"{"operations":[{"verb":"delete","kind":"pool"}]}"#, "operations[0].item"),
                (#"{"operations":[{"verb":"delete","kind":"segment","item":"x"}]}"#, "operations[0].project"),
                (#"{"operations":[{"verb":"create","kind":"pool"}]}"#, "operations[0].document"),
                (
                    #"{"operations":[{"verb":"delete","kind":"pool","item":"x","document":{}}]}"#,
                    "operations[0].document"
                ),
            ] {
                let reply = try await server.curl("POST", "/v1/batch", body)
                #expect(reply.status == 422 && reply.text("field") == field, "\(body): \(reply.body)")
            }
            try await server.make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            let credential = try await server.curl("POST", "/v1/hosts/h1/credential").text("credential") ?? ""
            let host = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(credential)"])
            #expect(try await host("POST", "/v1/hosts/h1/lease").status == 204)
            let refused = try await host("POST", "/v1/batch", #"{"operations":[\#(create(1))]}"#)
            #expect(refused.status == 403 && refused.problem == "forbidden")
            #expect(try await server.anonymous("POST", "/v1/batch", "{}").status == 401)
            #expect(try await server.curl("GET", "/v1/projects/default/attachments").text("items") == "[]")
            // A host that a batch deletes takes its credential with it.
            let gone = try await post(server, [#"{"verb":"delete","kind":"host","item":"h1"}"#])
            #expect(gone.status == 200, "\(gone.body)")
            #expect(try await host("POST", "/v1/hosts/h1/lease").status == 401)
        }
    }
}
