import Foundation
import Resources
import Testing
import Waiting

/// Who is believed.
@Suite(.serialized) struct ComputeTrustTests {
    private static func header(_ json: String) -> String { "KC-Principal: " + Data(json.utf8).base64EncodedString() }

    /// A token of a role in the project `default`.
    private func token(_ cloud: Cloud, _ name: String, _ role: String) async throws -> String {
        let made = try await cloud.curl(
            "POST", "/v1/projects/default/tokens", #"{"name":"\#(name)","spec":{"role":"\#(role)"}}"#)
        return try #require(made.text("secret"), "\(made.text)")
    }

    @Test func `who asks is what kcd found, whatever the client says of itself`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let viewer = try await token(cloud, "eve", "viewer")
            let mine = ["Authorization: Bearer \(viewer)"]
            let forged = mine + [Self.header(#"{"administrator":"root@unix"}"#)]
            #expect(try await cloud.curl("GET", Cloud.vms, headers: mine).status == 200)
            let body = #"{"name":"x","spec":{"machineType":"small","image":"debian"}}"#
            for headers in [mine, forged, forged + ["Connection: KC-Principal"]] {
                let reply = try await cloud.curl("POST", Cloud.vms, body, headers: headers)
                #expect(reply.status == 403, "\(headers): \(reply.text)")
                #expect(
                    try await cloud.curl("GET", "/compute/v1/compute-hosts", headers: headers).text("items") == "[]")
            }
            let stranger = ["Authorization: Bearer wrong"] + [Self.header(#"{"administrator":"root@unix"}"#)]
            #expect(try await cloud.curl("GET", Cloud.vms, headers: stranger).status == 401)
            let writer = ["Authorization: Bearer \(try await token(cloud, "olga", "operator"))"]
            let made = try await cloud.curl("POST", Cloud.vms, body, headers: writer)
            #expect(made.status == 201, "\(made.text)")
            // A tenant is not told where its VM is, and the history says who made it.
            #expect(made.text("status", "host") == nil, "\(made.text)")
            let history = try await cloud.curl("GET", Cloud.vms + "/x/history")
            #expect(history.text.contains("olga"), "\(history.text)")
            // A host speaks for nobody here.
            #expect(try await cloud.curl("GET", "/compute/v1/nodes/c1/desired", headers: writer).status == 403)
        }
    }

    @Test func `who may not write is refused before it is told what is wrong with it`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let tenant = ["Authorization: Bearer \(try await token(cloud, "olga", "operator"))"]
            let viewer = ["Authorization: Bearer \(try await token(cloud, "eve", "viewer"))"]
            let wrong = #"{"name":"NO NAME","spec":{"x":1}}"#
            for (method, path, who) in [
                ("POST", "/compute/v1/machine-types", tenant), ("PUT", "/compute/v1/machine-types/small", tenant),
                ("POST", "/compute/v1/compute-hosts", tenant), ("POST", Cloud.vms, viewer),
                ("POST", "/compute/v1/projects/default/images", viewer),
                ("PUT", "/compute/v1/projects/default/images/debian", viewer),
            ] {
                let reply = try await cloud.curl(method, path, wrong, headers: who)
                #expect(reply.status == 403, "\(method) \(path): \(reply.text)")
            }
            #expect(try await cloud.curl("POST", "/compute/v1/machine-types", wrong).status == 422)
        }
    }

    @Test func `what a document names and is not there is a fault of the document, with its field and what to do`()
        async throws
    {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            for (spec, field, next) in [
                (#""machineType":"none","image":"debian""#, "spec.machineType", "kc type list"),
                (#""machineType":"small","image":"none""#, "spec.image", "kc image list"),
                (
                    #""machineType":"small","image":"debian","networks":[{"segment":"none"}]"#,
                    "spec.networks[0].segment", "kcnet segment list"
                ),
                (
                    #""machineType":"small","image":"debian","networks":[{"segment":"blue","policies":["none"]}]"#,
                    "spec.networks[0].policies[0]", "kcnet policy list"
                ),
                (
                    #""machineType":"small","image":"debian","networks":[{"attachment":"none"}]"#,
                    "spec.networks[0].attachment", "kcnet attachment list"
                ),
            ] {
                let reply = try await cloud.curl("POST", Cloud.vms, #"{"name":"x","spec":{\#(spec)}}"#)
                #expect(reply.status == 422, "\(reply.text)")
                for part in [field, next, "none"] { #expect(reply.text.contains(part), "\(part): \(reply.text)") }
            }
        }
    }

    @Test func `a page of another site changes nothing through kcd, and a page of its own may`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            #expect(try await cloud.vm("web").status == 201)
            let path = Cloud.vms + "/web/stop"
            for (origin, status) in [("https://evil.example", 403), ("http://kc.example:8440", 200)] {
                let reply = try await cloud.curl(
                    "POST", path, headers: ["Host: kc.example:8440", "Origin: \(origin)"])
                #expect(reply.status == status, "\(origin): \(reply.text)")
            }
        }
    }

    @Test func `a stream ends soon after the token it was opened with is deleted`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let viewer = try await token(cloud, "eve", "viewer")
            async let stream = cloud.curl(
                "GET", Cloud.vms + "?watch=true", headers: ["Authorization: Bearer \(viewer)"], options: ["-N"])
            try await eventually("the stream is open") {
                try await cloud.curl("GET", "/metrics").text.contains("kc_streams 1")
            }
            let begin = ContinuousClock.now
            #expect(try await cloud.curl("DELETE", "/v1/projects/default/tokens/eve").status == 204)
            // curl itself would wait for 30 s.
            #expect(try await stream.text.contains("event: bookmark"))
            #expect(begin.duration(to: .now) < .seconds(10))
            try await eventually("kcd holds it no more") {
                try await cloud.curl("GET", "/metrics").text.contains("kc_streams 0")
            }
        }
    }

    @Test func `the socket of kc-compute hears root and its own user alone`() async throws {
        try await Cloud.run { cloud in
            let socket = cloud.computeSocket
            let url = "http://localhost/compute/v1/machine-types"
            let header = Self.header(#"{"administrator":"root@unix"}"#)
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/setpriv")
            process.arguments = [
                "--reuid", "65534", "--regid", "65534", "--clear-groups", "curl", "-sS", "-o", "/dev/null", "-w",
                "%{http_code}", "--unix-socket", socket, "-H", header, url,
            ]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let code = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            #expect(code == "403")
            let direct = cloud.direct
            #expect(try await direct("GET", "/compute/v1/machine-types").status == 200)
            #expect(
                try await direct("GET", "/compute/v1/machine-types", headers: ["KC-Principal: !"]).status == 400)
            #expect(
                try await direct(
                    "GET", "/compute/v1/machine-types", headers: [Self.header(#"{"administrator":"a","host":"b"}"#)]
                ).status == 422)
        }
    }

    @Test func `a second kc-compute on the same socket or store is refused`() async throws {
        try await Cloud.run { cloud in
            for (state, socket) in [("other", "compute.sock"), ("compute", "other.sock")] {
                let code = try cloud.second(state: state, socket: socket)
                #expect(code == 1, "\(state), \(socket)")
            }
            #expect(try await cloud.curl("GET", "/compute/readyz").status == 200)
        }
    }

    @Test func `without kc-compute the answer says so, and the next one comes when it is back`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            cloud.stop("kc-compute", SIGKILL)
            let reply = try await cloud.curl("GET", Cloud.vms)
            #expect(reply.status == 503 && reply.text("detail")?.contains("kc-compute api") == true, "\(reply.text)")
            #expect(reply.headers["retry-after"] != nil)
            #expect(try await cloud.curl("GET", "/readyz").status == 200)
            try cloud.startCompute()
            try await cloud.ready()
            #expect(try await cloud.curl("GET", Cloud.images).text.contains(#""state":"ready""#))
        }
    }
}
