import APIClient
import Foundation
import HTTPAPI
import HTTPServing
import Resources
import Testing
import Waiting

/// Who may do what: every route of the table with everybody.
@Suite(.serialized) struct RoleTests {
    /// What a request may come to.
    enum Outcome: String { case allowed, forbidden, hidden }

    static let writers: [String: Set<String>] = [
        "attachment": ["red-consumer", "red-operator", "red-admin", "all-consumer", "all-operator", "all-admin"],
        "service": ["red-consumer", "all-consumer", "all-operator", "all-admin"],
        "token": ["red-admin", "all-admin"], "zone": ["all-operator", "all-admin"],
        "project": ["all-admin"], "host": ["all-admin"], "pool": ["all-admin"], "underlay": ["all-admin"],
    ]
    static let standardWriters: Set<String> = ["red-operator", "red-admin", "all-operator", "all-admin"]
    static let readers: [String: Set<String>] = [
        "service": Set(["red-consumer"] + Cast.everywhere), "token": ["red-admin", "all-admin"],
        "host": Set(Cast.everywhere), "pool": Set(Cast.everywhere), "underlay": Set(Cast.everywhere),
    ]
    static let kindsOfProjects: Set<String> = [
        "segment", "policy", "attachment", "gateway", "mapping", "record", "service", "token",
    ]
    static let kindsOfCluster: Set<String> = ["project", "host", "pool", "underlay", "zone"]

    /// What is made of attachments, for whoever may read them.
    static let readsAttachments: Set = ["readTrace", "explainFrame"]

    /// Frames and ways of attachments, for whoever may write those.
    static let looksIntoAttachments: Set = [
        "createCapture", "readCapture", "deleteCapture", "createProbe", "readProbe", "deleteProbe",
    ]

    /// What this route must come to for somebody; nil for a route that nobody has thought about.
    static func expected(_ operation: String, _ who: String) -> Outcome? {
        if Self.readsAttachments.contains(operation) { return expected("read", "attachment", who) }
        if Self.looksIntoAttachments.contains(operation) {
            // What hosts and guests are asked is read by whoever has a role over all projects.
            if operation == "readProbe", who == "all-viewer" { return .allowed }
            let outcome = expected("write", "attachment", who)
            // There is none: who may know of one and who may not are answered alike.
            return outcome == .hidden && !operation.hasPrefix("create") ? .allowed : outcome
        }
        if let (verb, kind) = kind(of: operation) { return expected(verb, kind, who) }
        let allowed: Set<String>
        switch operation {
        case "health", "readiness", "openAPI", "whoAmI": allowed = Set(Cast.all)
        case "metrics", "topology", "readGatewayMove", "listGatewayRoutes": allowed = Set(Cast.everywhere)
        case "moveGateway", "cancelGatewayMove": allowed = ["all-operator", "all-admin"]
        case "createJoinToken", "rotateHostCredential": allowed = ["all-admin"]
        case "join": allowed = ["joining"]
        case "writeBatch": allowed = Set(Cast.all).subtracting(["host", "joining"])
        case "followDesiredState", "report", "publishLearnedAddresses", "answerProbe", "deliverFrames", "renewLease",
            "certifyHost":
            allowed = ["host"]
        default: return nil
        }
        return allowed.contains(who) ? .allowed : .forbidden
    }

    private static func kind(of operation: String) -> (verb: String, kind: String)? {
        for (word, verb) in [
            ("list", "list"), ("create", "create"), ("read", "read"), ("replace", "write"), ("delete", "write"),
            ("restore", "write"),
        ] where operation.hasPrefix(word) {
            var rest = operation.dropFirst(word.count).lowercased()
            if word == "list" {
                if rest.hasSuffix("history") { return known(String(rest.dropLast(7)), "read") }
                rest = String(rest.dropLast())
            }
            return known(rest, verb)
        }
        return nil
    }

    private static func known(_ kind: String, _ verb: String) -> (String, String)? {
        kindsOfProjects.contains(kind) || kindsOfCluster.contains(kind) ? (verb, kind) : nil
    }

    private static func expected(_ verb: String, _ kind: String, _ who: String) -> Outcome {
        if who == "host" || who == "joining" { return .forbidden }
        let isWriter = (writers[kind] ?? standardWriters).contains(who)
        if kindsOfProjects.contains(kind) {
            if who == "blue-admin" { return .hidden }
            if verb == "list" || verb == "read" {
                return (readers[kind] ?? Set(Cast.inRed + Cast.everywhere)).contains(who) ? .allowed : .forbidden
            }
            return isWriter ? .allowed : .forbidden
        }
        if verb == "list" { return readers[kind].map { $0.contains(who) } ?? true ? .allowed : .forbidden }
        if verb == "create" { return isWriter ? .allowed : .forbidden }
        guard (readers[kind] ?? Set(Cast.inRed + Cast.everywhere)).contains(who) else { return .hidden }
        return verb == "read" || isWriter ? .allowed : .forbidden
    }

    private static func filled(_ path: String, _ operation: String) -> String {
        let kind = path.split(separator: "/").dropFirst(path.hasPrefix("/v1/projects/{project}/") ? 3 : 1).first
        let item: String =
            switch kind {
            case "hosts": "hyper-one"
            case "projects": "red"
            case "pools": "v4"
            case "underlays": "default"
            case "zones": "z"
            case "tokens": "red-viewer"
            case "gateways": "red-router"
            case "attachments": "red-port"
            case "segments": "red-net"
            case "policies": "red-policy"
            default: "red-" + (kind?.dropLast() ?? "")
            }
        return path.replacing("{project}", with: "red").replacing("{item}", with: item)
            .replacing("{host}", with: operation == "rotateHostCredential" ? "nothing" : "hyper-one")
            .replacing("{probe}", with: "nothing").replacing("{capture}", with: "nothing")
            .replacing("{chunk}", with: "nothing").replacing("{segment}", with: "nothing")
    }

    @Test func `every route lets through whom it must, and nobody else`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            for who in Cast.all {
                let client = try cast.client(who)
                for route in server.api.operations {
                    guard let expected = Self.expected(route.operation, who) else {
                        Issue.record("\(route.operation): nobody has said who may do this")
                        continue
                    }
                    // An open stream has no end to wait for; a join that is let through is another test.
                    if route.operation == "followDesiredState", expected == .allowed { continue }
                    let method = try #require(APIRequest.Method(rawValue: route.method))
                    let body: [UInt8]? = method == .get || method == .delete ? nil : Array("{}".utf8)
                    let status = try await client.status(method, Self.filled(route.path, route.operation), body)
                    let isOfKind =
                        Self.kind(of: route.operation) != nil || Self.readsAttachments.contains(route.operation)
                        || ["createCapture", "createProbe"].contains(route.operation)
                    let outcome: Outcome =
                        switch status {
                        case 401, 403: .forbidden
                        case 404 where isOfKind: .hidden
                        default: .allowed
                        }
                    #expect(outcome == expected, "\(who): \(route.method) \(route.path) came to \(status)")
                }
                await client.shutdown()
            }
        }
    }

    @Test func `what one may not know of is answered as what does not exist`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            let red = cast.curl("red-admin")
            func same(_ method: String, _ hidden: String, _ absent: String, _ body: String? = nil) async throws {
                let first = try await red(method, hidden, body, headers: ["X-Request-Id: x"])
                let second = try await red(method, absent, body, headers: ["X-Request-Id: x"])
                #expect(first.status == 404 && second.status == 404, "\(first.body) \(second.body)")
                let words = first.body.replacing("blue-net", with: "NAME").replacing("blue", with: "NAME")
                #expect(words == second.body.replacing("gone-net", with: "NAME").replacing("gone", with: "NAME"))
            }
            let document = #"{"name":"x","spec":{"ipam":"none"}}"#
            for (method, body) in [("GET", nil), ("PUT", document), ("DELETE", nil)] {
                try await same(
                    method, "/v1/projects/blue/segments/blue-net", "/v1/projects/gone/segments/gone-net", body)
                try await same(method, "/v1/projects/blue", "/v1/projects/gone", body)
            }
            try await same("GET", "/v1/projects/blue/segments", "/v1/projects/gone/segments")
            try await same("GET", "/v1/projects/blue/segments?watch=true", "/v1/projects/gone/segments?watch=true")
            try await same("POST", "/v1/projects/blue/segments", "/v1/projects/gone/segments", document)
            try await same(
                "GET", "/v1/projects/blue/segments/blue-net/history", "/v1/projects/gone/segments/gone-net/history")
            // Another project's resource under one's own project, by name and by id: a nested path checks its owner.
            let id = try #require(try await server.curl("GET", "/v1/projects/blue/segments/blue-net").text("id"))
            for item in ["blue-net", id] {
                for method in ["GET", "PUT", "DELETE"] {
                    let reply = try await red(
                        method, "/v1/projects/red/segments/\(item)", method == "PUT" ? document : nil)
                    #expect(reply.status == 404, "\(method) \(item): \(reply.body)")
                }
                // And in a reference.
                let reply = try await red(
                    "POST", "/v1/projects/red/attachments", #"{"name":"x","spec":{"segment":"\#(item)"}}"#)
                #expect(reply.status == 422 && reply.body.contains("must be a segment that exists"))
            }
            // In a batch.
            let batch = try await red(
                "POST", "/v1/batch",
                #"{"operations":[{"verb":"delete","kind":"segment","project":"blue","item":"blue-net"}]}"#)
            let gone = try await red(
                "POST", "/v1/batch",
                #"{"operations":[{"verb":"delete","kind":"segment","project":"gone","item":"blue-net"}]}"#)
            #expect(batch.status == 404 && gone.status == 404)
            #expect(batch.text("detail")?.replacing("(it is blue)", with: "(it is gone)") == gone.text("detail"))
        }
    }

    @Test func `a tenant sees nothing of hosts, VTEPs, VNIs and other projects`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            let secrets = [
                "hyper-one", "2001:db8:dead", "und0", "77771", "77772", "ff15:", "blue", "secretsocket", "kct_",
                try #require(try await server.curl("GET", "/v1/hosts/hyper-one").text("id")),
                try #require(try await server.curl("GET", "/v1/projects/blue").text("id")),
            ]
            let tenant = cast.curl("red-admin")
            func expectClean(_ reply: Reply, _ what: String) {
                for secret in secrets {
                    #expect(!reply.body.contains(secret), "\(what) shows \(secret): \(reply.body)")
                }
            }
            let kinds = ["segments", "policies", "attachments", "gateways", "mappings", "records", "tokens"]
            for path in kinds.map({ "/v1/projects/red/\($0)" }) + ["/v1/projects", "/v1/zones"] {
                let list = try await tenant("GET", path)
                #expect(list.status == 200, "\(list.body)")
                expectClean(list, path)
                guard case .array(let items)? = try list.json?["items"]?.content else {
                    Issue.record("\(path) has no items")
                    continue
                }
                #expect(!items.isEmpty, "\(path)")
                for item in items {
                    let one = path + "/" + (item["name"]?.string ?? "")
                    expectClean(try await tenant("GET", one), one)
                    expectClean(try await tenant("GET", one + "/history"), one + "/history")
                }
                let watch = try EventReader(tenant, path + "?watch=true")
                defer { watch.stop() }
                try await eventually("\(path) shows what is there") { watch.events.contains { $0.name == "bookmark" } }
                for event in watch.events {
                    for secret in secrets { #expect(!event.data.contains(secret), "\(path) as \(event.name)") }
                }
            }
            // Who holds what somebody wants has no name either.
            for (path, document) in [
                ("attachments", #"{"name":"x","spec":{"segment":"red-net","mac":"02:00:00:00:00:01"}}"#),
                ("attachments", #"{"name":"x","spec":{"segment":"red-net","host":"hyper-one"}}"#),
                ("segments", #"{"name":"x","spec":{"ipam":"none","vni":77772}}"#),
                ("gateways", #"{"name":"x","spec":{"host":"hyper-one","segments":["red-net"]}}"#),
            ] {
                let reply = try await tenant("POST", "/v1/projects/red/\(path)", document)
                #expect([403, 409].contains(reply.status), "\(reply.body)")
                #expect(!reply.body.contains("blue"), "\(reply.body)")
            }
            // The operator of all projects sees where things are.
            #expect(try await cast.curl("all-viewer")("GET", "/v1/projects/red/attachments").body.contains(secrets[9]))
        }
    }

    @Test func `a tenant's write keeps what it is not shown`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            let tenant = cast.curl("red-operator")
            let path = "/v1/projects/red/attachments/red-port"
            let shown = try await tenant("GET", path)
            let changed = shown.body.replacing(#""labels":{}"#, with: #""labels":{"a":"b"}"#)
            #expect(changed != shown.body)
            let reply = try await tenant("PUT", path, changed)
            #expect(reply.status == 200, "\(reply.body)")
            let whole = try await server.curl("GET", path)
            #expect(whole.text("labels", "a") == "b" && whole.text("spec", "host") != nil)
            let network = "/v1/projects/red/segments/red-net"
            #expect(try await tenant("PUT", network, #"{"name":"red-net","spec":{"ipam":"automatic"}}"#).status == 200)
            #expect(try await server.curl("GET", network).text("spec", "vni") == "77771")
            #expect(try await tenant("POST", path + "/restore", #"{"generation":1}"#).status == 200)
            #expect(try await server.curl("GET", path).text("spec", "host") != nil)
            for (method, gate) in [("PUT", "red-gate"), ("DELETE", "red-gate")] {
                let body = #"{"name":"red-gate","spec":{"host":"hyper-one","segments":[]}}"#
                let reply = try await tenant(method, "/v1/projects/red/gateways/\(gate)", method == "PUT" ? body : nil)
                #expect(reply.status == 403, "\(reply.body)")
            }
        }
    }
}
