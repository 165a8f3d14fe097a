import Foundation
import NetworkModel
import Resources
import Testing
import Waiting

/// What agents and engineers ask about policies, learned addresses and drops, over real sockets.
@Suite(.serialized) struct IsolationRouteTests {
    private let attachments = "/v1/projects/default/attachments"

    /// Two hosts with their credentials, a segment, an attachment on the first.
    private func world(_ server: LiveServer) async throws -> (segment: String, attachment: String, hosts: [Curl]) {
        var hosts: [Curl] = []
        for number in 1...2 {
            try await server.make(
                "/v1/hosts", #"{"name":"h\#(number)","spec":{"vtep":"2001:db8::\#(number)","interface":"u0"}}"#)
            let credential = try await server.curl("POST", "/v1/hosts/h\(number)/credential").text("credential")
            hosts.append(Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(credential ?? "")"]))
        }
        let segment = try await server.make(
            "/v1/projects/default/segments", #"{"name":"s","spec":{"ipam":"automatic","prefix":"fd00:1::/64"}}"#)
        let attachment = try await server.make(attachments, #"{"name":"a","spec":{"segment":"s","host":"h1"}}"#)
        return (try #require(segment.text("id")), try #require(attachment.text("id")), hosts)
    }

    @Test func `a host publishes for itself, is told what is refused, and is held to its pace`() async throws {
        try await LiveServer.with { server in
            let (segment, attachment, hosts) = try await world(server)
            let body = #"{"addresses":{"\#(attachment)":["fd00:1::5","fd00:2::5"]}}"#
            let reply = try await hosts[0]("PUT", "/v1/hosts/h1/bindings/\(segment)", body)
            #expect(reply.status == 200, "\(reply.body)")
            #expect(reply.body.contains(#""address":"fd00:2::5","reason":"outside""#))
            #expect(
                try await server.curl("GET", "\(attachments)/a").text("status", "addresses")
                    == #"[{"value":"fd00:1::5","origin":"learned"}]"#)
            #expect(try await hosts[0]("PUT", "/v1/hosts/h2/bindings/\(segment)", body).status == 403)
            #expect(try await hosts[1]("PUT", "/v1/hosts/h2/bindings/\(segment)", body).status == 403)
            for (path, body, field) in [
                ("x", body, "segment"), (segment, #"{"addresses":{"a":[]}}"#, "addresses"),
                (segment, #"{"addresses":{"\#(attachment)":["10.0.0.1"]}}"#, "addresses.\(attachment)[0]"),
            ] {
                let bad = try await hosts[0]("PUT", "/v1/hosts/h1/bindings/\(path)", body)
                #expect(bad.status == 422 && bad.text("field") == field, "\(bad.body)")
            }
            var statuses: [Int] = []
            for _ in 0..<8 {
                statuses.append(try await hosts[0]("PUT", "/v1/hosts/h1/bindings/\(segment)", body).status)
            }
            #expect(statuses.contains(429) && Set(statuses).isSubset(of: [200, 429]), "\(statuses)")
        }
    }

    @Test func `a probe reaches the attachment's host, which answers, and no other project reads it`() async throws {
        try await LiveServer.with { server in
            let (_, attachment, hosts) = try await world(server)
            try await server.make("/v1/projects", #"{"name":"other","spec":{}}"#)
            let probes = "/v1/projects/default/probes"
            let stream = try EventReader(server, "/v1/hosts/h1/desired", headers: ["KC-Desired-Format: 2"])
            defer { stream.stop() }
            let made = try await server.make(probes, #"{"type":"drops","attachment":"a","seconds":30}"#)
            let id = try #require(made.text("id"))
            #expect(made.text("hosts", "h1") == "{}" && made.text("question", "attachment") == attachment)
            try await eventually("the agent is asked") {
                stream.events.contains { $0.data.contains(#""probes":[{"id":"\#(id)""#) }
            }
            let result =
                #"{"phase":"measuring","drops":{"counters":{"rogue-ra":3},"frames":[],"unseen":0}}"#
            #expect(try await hosts[1]("PUT", "/v1/hosts/h2/probes/\(id)", result).status == 404)
            #expect(try await hosts[0]("PUT", "/v1/hosts/h1/probes/\(id)", result).status == 204)
            try await eventually("the answer shows") {
                try await server.curl("GET", "\(probes)/\(id)").text("hosts", "h1", "result") == result
            }
            #expect(try await server.curl("GET", "/v1/projects/other/probes/\(id)").status == 404)
            #expect(try await hosts[0]("GET", "\(probes)/\(id)").status == 403)
            for (bad, field) in [
                (#"{"phase":"done","drops":{"counters":{"A":1}}}"#, "drops.counters"),
                (
                    #"{"phase":"done","drops":{"counters":{},"frames":[{"number":1,"time":"x"}]}}"#,
                    "drops.frames[0].bytes"
                ),
                (#"{"phase":"soon"}"#, "phase"),
            ] {
                let reply = try await hosts[0]("PUT", "/v1/hosts/h1/probes/\(id)", bad)
                #expect(reply.status == 422 && reply.text("field") == field, "\(reply.body)")
            }
            #expect(try await server.curl("DELETE", "\(probes)/\(id)").status == 204)
            try await eventually("it is gone") {
                try await server.curl("GET", "\(probes)/\(id)").status == 404
                    && stream.events.contains { $0.data.contains(#""removed""#) && $0.data.contains(id) }
            }
            for (body, status, field) in [
                (#"{"type":"drops","attachment":"nope"}"#, 404, nil),
                (#"{"type":"drops","attachment":"a","seconds":301}"#, 422, "seconds"),
                (#"{"type":"trace","attachment":"a"}"#, 422, "type"),
            ] as [(String, Int, String?)] {
                let reply = try await server.curl("POST", probes, body)
                #expect(reply.status == status && reply.text("field") == field, "\(reply.body)")
            }
            try await server.make(attachments, #"{"name":"unbound","spec":{"segment":"s"}}"#)
            #expect(try await server.curl("POST", probes, #"{"type":"drops","attachment":"unbound"}"#).status == 409)
        }
    }

    @Test func `an agent is told no more than it says it reads`() async throws {
        try await LiveServer.with { server in
            _ = try await world(server)
            try await server.make(
                "/v1/projects/default/policies", #"{"name":"web","spec":{"ingress":[{"protocol":"tcp"}]}}"#)
            try await server.make(
                attachments, #"{"name":"b","spec":{"segment":"s","host":"h1","policies":["web"],"learnedAddresses":3}}"#
            )
            let old = try EventReader(server, "/v1/hosts/h1/desired")
            let new = try EventReader(server, "/v1/hosts/h1/desired", headers: ["KC-Desired-Format: 7"])
            defer {
                old.stop()
                new.stop()
            }
            try await eventually("both are told") { !old.events.isEmpty && !new.events.isEmpty }
            let first = try #require(old.events.first)
            for word in ["policies", "bindings", "members", "learnedAddresses", "limits", "probes"] {
                #expect(!first.data.contains("\"\(word)\""), "\(word)")
            }
            let update = try HostUpdate(
                json: JSONParser.parse(Array(try #require(new.events.first).data.utf8)), path: "")
            #expect(update.policies.count == 1 && update.bindings.first?.put.count == 2)
            #expect(try HostUpdate(json: JSONParser.parse(Array(first.data.utf8)), path: "").attachments.count == 2)
            let bad = try await server.curl("GET", "/v1/hosts/h1/desired", headers: ["KC-Desired-Format: new"])
            #expect(bad.status == 400 && bad.text("field") == "KC-Desired-Format")
        }
    }
}
