import Foundation
import Resources
import Testing
import Waiting

/// Users' requests: through `kcd api` to `kc-compute api` and back.
@Suite(.serialized) struct ComputeRequestTests {
    @Test func `every kind is made, listed, changed, restored and deleted through kcd`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let made = try await cloud.vm("web")
            #expect(made.status == 201, "\(made.text)")
            let etag = try #require(made.headers["etag"])
            let vms = Cloud.vms
            #expect(try await cloud.curl("GET", vms).text.contains(#""name":"web""#))
            #expect(try await cloud.curl("GET", vms + "?selector=tier%3Ddb").text("items") == "[]")
            let stale = try await cloud.curl("DELETE", vms + "/web", headers: [#"If-Match: "1""#])
            #expect(stale.status == 412, "\(stale.text)")
            let stopped = try await cloud.curl("POST", vms + "/web/stop", headers: ["If-Match: \(etag)"])
            #expect(stopped.text("spec", "power") == "off", "\(stopped.text)")
            #expect(try await cloud.curl("POST", vms + "/web/reboot").status == 409)
            #expect(try await cloud.curl("POST", vms + "/web/start").text("spec", "power") == "on")
            let history = try await cloud.curl("GET", vms + "/web/history")
            #expect(history.text.matches(of: /"action":"update"/).count == 2, "\(history.text)")
            let restored = try await cloud.curl("POST", vms + "/web/restore", #"{"generation":2}"#)
            #expect(restored.text("spec", "power") == "off", "\(restored.text)")
            let reasons = try await cloud.curl("GET", vms + "/web/explain")
            #expect(reasons.text("summary") != nil && reasons.text.contains(#""host":"c1""#), "\(reasons.text)")
            let schema = try await cloud.curl("GET", "/compute/v1/machine-types/small/parameters")
            #expect(schema.text("properties", "cpus", "maximum") == "4", "\(schema.text)")
            let used = try await cloud.curl("DELETE", Cloud.images + "/debian")
            #expect(used.status == 409 && used.text.contains("web"), "\(used.text)")
            #expect(try await cloud.curl("DELETE", vms + "/web").status == 204)
            #expect(try await cloud.curl("DELETE", Cloud.images + "/debian").status == 204)
            #expect(try await cloud.curl("DELETE", "/compute/v1/machine-types/small").status == 204)
            #expect(try await cloud.curl("DELETE", "/compute/v1/compute-hosts/c1").status == 204)
            let description = try await cloud.curl("GET", "/compute/openapi.json")
            #expect(description.text("openapi") == "3.1.0" && description.text.contains("createVm"))
        }
    }

    @Test func `bad requests get an answer that says what to do, and leave nothing`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let keys = (0..<64).map { _ in #"{"segment":"blue"}"# }.joined(separator: ",")
            let cases: [(String, Int, String)] = [
                (#","networks":[\#(keys)]"#, 422, "spec.networks"),
                (#","parameters":{"cpus":64}"#, 422, "spec.parameters.cpus"),
                (#","parameters":{"gpus":1}"#, 422, "spec.parameters"),
                (#","networks":[{"segment":"nowhere"}]"#, 422, "spec.networks[0].segment"),
                (#","sshKeys":["ssh-rsa AAAA x"]"#, 422, "spec.sshKeys[0]"),
                (#","colour":"blue""#, 422, "spec.colour"),
            ]
            for (more, status, field) in cases {
                let reply = try await cloud.vm("bad", more)
                #expect(reply.status == status, "\(more.prefix(60)): \(reply.text)")
                #expect(reply.text("field")?.hasPrefix(field) == true, "\(more.prefix(60)): \(reply.text)")
            }
            let large = String(repeating: "x", count: 10 << 20)
            #expect(try await cloud.vm("bad", #","userData":"\#(large)""#).status == 413)
            let long = String(repeating: "x", count: 70_000)
            let reply = try await cloud.vm("bad", #","userData":"\#(long)""#)
            #expect(reply.status == 422 && reply.text("field") == "spec.userData", "\(reply.text)")
            #expect(try await cloud.curl("GET", Cloud.vms).text("items") == "[]")
            #expect(try await cloud.curl("GET", "/compute/v1/projects/nobody/vms").status == 404)
            #expect(try await cloud.curl("GET", "/compute/v1/nothing").status == 404)
            #expect(try await cloud.curl("PATCH", Cloud.vms).status == 405)
            // Whatever stands in the request line, it stays below /compute and is the client's mistake.
            for target in [
                "/compute/../v1/hosts", "/compute/%2e%2e/v1/hosts", "/compute//v1/hosts", "/compute/v1/\"<>|\\^`{}",
                "/compute/@localhost:1/v1", "/compute/v1?a=b#c",
            ] {
                let reply = try await cloud.curl("GET", "/", options: ["--request-target", target])
                #expect((400..<500).contains(reply.status), "\(target): \(reply.status) \(reply.text)")
            }
        }
    }

    @Test func `a body that nobody wants keeps neither server from the next request`() async throws {
        try await Cloud.run { cloud in
            let body = Data(count: 4 << 20)
            try await withThrowingTaskGroup(of: [Int].self) { group in
                for number in 0..<12 {
                    let chunked = number.isMultiple(of: 2) ? ["Transfer-Encoding: chunked"] : []
                    group.addTask {
                        let large = try await cloud.curl("POST", "/compute/v1/nothing", data: body, headers: chunked)
                        let trace = try await cloud.curl("TRACE", "/compute/v1/machine-types", "{}", headers: chunked)
                        return [large.status, trace.status]
                    }
                }
                for try await statuses in group { #expect(statuses == [404, 405]) }
            }
            #expect(try await cloud.curl("POST", "/compute/v1/nothing", data: Data(count: 9 << 20)).status == 413)
            #expect(try await cloud.curl("GET", "/compute/readyz").status == 200)
        }
    }

    @Test func `of two creations of one name at once one is made`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            for round in 0..<5 {
                async let first = cloud.vm("twin-\(round)")
                async let second = cloud.vm("twin-\(round)")
                let statuses = try await [first.status, second.status].sorted()
                #expect(statuses == [201, 409])
            }
        }
    }

    @Test func `a page ends before it is too large, and its continue leads to the rest`() async throws {
        try await Cloud.run { cloud in
            let note = String(repeating: "x", count: 64_000)
            let names = (0..<140).map { "t\($0)" }
            let types = "/compute/v1/machine-types"
            for name in names {
                let made = try await cloud.curl(
                    "POST", types,
                    #"{"name":"\#(name)","annotations":{"n":"\#(note)"},"spec":{"architecture":"x86_64","cpus":{"minimum":1,"maximum":4,"default":1},"memoryMiB":512,"diskGiB":4}}"#
                )
                #expect(made.status == 201, "\(made.text)")
            }
            var seen: [String] = []
            var query = "?limit=1000&consistent=true"
            for _ in 0..<3 {
                let page = try await cloud.curl("GET", types + query)
                #expect(page.status == 200 && page.text.utf8.count < (8 << 20) + 1000, "\(page.text.utf8.count)")
                guard case .array(let items)? = try page.json?["items"]?.content else { break }
                seen += items.compactMap { $0["name"]?.string }
                guard let next = page.text("continue") else { break }
                #expect(items.count < names.count)
                query = "?limit=1000&continue=\(next)"
            }
            #expect(seen == names)
        }
    }

    @Test func `a watch tells of changes, and ends with the server`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            async let events = cloud.curl("GET", Cloud.vms + "?watch=true", options: ["-N"])
            // curl says nothing of when the stream is open: what comes before is in it as well.
            #expect(try await cloud.vm("seen").status == 201)
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/seen").status == 204)
            try await eventually("the stream is open and told") {
                try await cloud.curl("GET", "/metrics").text.contains("kc_streams 1")
            }
            #expect(try await cloud.vm("late").status == 201)
            cloud.stop("kc-compute")
            let text = try await events.text
            #expect(text.contains("event: put") && text.contains(#""name":"late""#), "\(text.prefix(2000))")
            #expect(text.contains("event: bookmark"))
        }
    }
}
