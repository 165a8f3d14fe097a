import APIClient
import ComputeModel
import ComputeNode
import Foundation
import Resources
import Synchronization
import Testing
import Waiting

/// Consoles between a user and the agent of a host, each at its end of the real servers.
@Suite(.serialized) struct ConsoleRouteTests {
    /// What came over one stream.
    private final class Heard: Sendable {
        let text = Mutex("")
        var all: String { text.withLock { $0 } }
        func add(_ bytes: [UInt8]) { text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
    }

    private let vms = Cloud.vms

    /// What the agent's stream of orders says of consoles, last.
    private final class Orders: Sendable {
        let consoles = Mutex<[ConsoleOrder]>([])
        var all: [ConsoleOrder] { consoles.withLock { $0 } }
    }

    private func withAgent(
        _ cloud: Cloud, _ body: (APIComputeUpstream, APIClient, Orders) async throws -> Void
    ) async throws {
        let client = try APIClient(endpoint: Endpoint(parsing: "unix:" + cloud.folder + "/api.sock"))
        let upstream = APIComputeUpstream(client, host: "c1")
        let orders = Orders()
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await upstream.follow { event in
                        if case .consoles(let consoles) = event { orders.consoles.withLock { $0 = consoles } }
                    }
                }
                defer { group.cancelAll() }
                try await body(upstream, client, orders)
            }
            result = .success(())
        } catch { result = .failure(error) }
        await client.shutdown()
        try result.get()
    }

    private func show(_ client: APIClient, _ path: [String], _ heard: Heard) async throws {
        for try await event in try await client.events(APIRequest(.get, path)) {
            let piece = try ConsolePiece(json: JSONParser.parse(event.data), path: "")
            heard.add(event.name == "end" ? Array("[end: \(piece.notice)]".utf8) : piece.bytes)
        }
    }

    @Test func `keys and output go between a user and a host, quickly, and one is at a console at a time`() async throws
    {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            #expect(try await cloud.vm("web").status == 201)
            try await withAgent(cloud) { upstream, client, orders in
                let opened = try await cloud.curl("POST", vms + "/web/console", "{}")
                #expect(opened.status == 201, "\(opened.text)")
                let session = try #require(opened.text("session").flatMap { ResourceID($0) })
                try await eventually("the host is told") { orders.all.map(\.session) == [session] }
                let (shown, typed) = (Heard(), Heard())
                let path = ["compute", "v1", "projects", "default", "vms", "web", "console", session.description]
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await show(client, path, shown) }
                    group.addTask { try await upstream.followConsole(session) { typed.add($0) } }
                    defer { group.cancelAll() }
                    try await upstream.show(ConsolePiece(Array("login: ".utf8)), number: 0, at: session)
                    // A second time: its answer was lost.
                    try await upstream.show(ConsolePiece(Array("login: ".utf8)), number: 0, at: session)
                    try await eventually("it is shown") { shown.all == "login: " }
                    var slowest = Duration.zero
                    for (number, key) in "root\r".enumerated() {
                        let begin = ContinuousClock.now
                        _ = try await client.send(
                            APIRequest(
                                .post, path + ["input"], query: [("number", "\(number)")], body: Array("\(key)".utf8)))
                        try await eventually("the key is there") { typed.all.count == number + 1 }
                        slowest = max(slowest, begin.duration(to: .now))
                    }
                    #expect(typed.all == "root\r")
                    print("the slowest of five keys took \(slowest)")
                    #expect(slowest < .seconds(1))
                    try await refusals(cloud, session)
                    let input = vms + "/web/console/\(session)/input?number="
                    // Numbers are the caller's: those that the host has passed are never read, and at most 32 wait.
                    #expect(try await cloud.curl("POST", input + "\(UInt64(1) << 47)", "x").status < 300)
                    try await eventually("it is the last that the host reads") { typed.all == "root\rx" }
                    var statuses: [Int] = []
                    for number in 1...40 {
                        statuses.append(try await cloud.curl("POST", input + "\(number * 64)", "x").status)
                    }
                    #expect(statuses.count { $0 < 300 } <= 32 && statuses.last == 429, "\(statuses)")
                    // Taken over: the first one hears by whom, and its session is no more.
                    let forced = try await cloud.curl("POST", vms + "/web/console", #"{"force":true}"#)
                    #expect(forced.status == 201, "\(forced.text)")
                    try await eventually("the first one hears it") { shown.all.contains("taken the console over") }
                    try await eventually("the host hears it too") {
                        orders.all.map(\.force) == [true] && orders.all.first?.session != session
                    }
                    await #expect(throws: UpstreamError.self) {
                        try await upstream.show(ConsolePiece([65]), number: 1, at: session)
                    }
                    let second = try #require(forced.text("session"))
                    #expect(try await cloud.curl("DELETE", vms + "/web/console/\(second)").status == 204)
                    try await eventually("nobody is there") { orders.all.isEmpty }
                }
            }
        }
    }

    private func refusals(_ cloud: Cloud, _ session: ResourceID) async throws {
        let second = try await cloud.curl("POST", vms + "/web/console", "{}")
        #expect(second.status == 409 && second.text.contains("is at the console"), "\(second.text)")
        #expect(second.text("field") == "force")
        let input = vms + "/web/console/\(session)/input"
        for (path, body, status) in [
            (input, "x", 422), (input + "?number=a", "x", 422), (input + "?number=9", "", 400),
            (input + "?number=10", String(repeating: "x", count: 20_000), 413),
            (vms + "/web/console/\(UUID())/input?number=0", "x", 404),
            (vms + "/nothing/console/\(session)/input?number=0", "x", 404),
            (vms + "/web/console", #"{"force":1}"#, 422),
        ] {
            let reply = try await cloud.curl("POST", path, body)
            #expect(reply.status == status, "\(path): \(reply.text)")
        }
        #expect(
            try await cloud.curl("PUT", "/compute/v1/nodes/c1/consoles/\(UUID())?number=0", "{}").status == 404)
        // A role that reads is not enough.
        let token = try #require(
            try await cloud.curl(
                "POST", "/v1/projects/default/tokens", #"{"name":"reader","spec":{"role":"viewer"}}"#
            ).text("secret"))
        let headers = ["Authorization: Bearer \(token)"]
        for (method, path, body) in [
            ("POST", vms + "/web/console", "{}"), ("GET", vms + "/web/console/\(session)", nil),
            ("POST", input + "?number=5", "x"), ("DELETE", vms + "/web/console/\(session)", nil),
        ] {
            let reply = try await cloud.curl(method, path, body, headers: headers)
            #expect(reply.status == 403, "\(method) \(path): \(reply.text)")
        }
    }

    @Test func `nobody follows, so the console is left; and it ends with its VM`() async throws {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            #expect(try await cloud.vm("web").status == 201)
            try await withAgent(cloud) { upstream, client, orders in
                #expect(try await cloud.curl("POST", vms + "/web/console", "{}").status == 201)
                try await eventually("the host is told") { orders.all.count == 1 }
                try await eventually("it is left by itself", within: .seconds(45)) { orders.all.isEmpty }
                let opened = try await cloud.curl("POST", vms + "/web/console", "{}")
                let session = try #require(opened.text("session"))
                let shown = Heard()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await show(
                            client, ["compute", "v1", "projects", "default", "vms", "web", "console", session], shown)
                    }
                    let id = try #require(ResourceID(session))
                    try await upstream.show(ConsolePiece(Array("here".utf8)), number: 0, at: id)
                    try await eventually("it is shown") { shown.all == "here" }
                    #expect(try await cloud.curl("DELETE", vms + "/web").status == 204)
                    try await group.waitForAll()
                }
                #expect(shown.all.contains("the VM is gone"), "\(shown.all)")
            }
        }
    }
}
