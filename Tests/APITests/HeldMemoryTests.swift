import Foundation
import HTTPServing
import HTTPTypes
import NIOCore
import Persistence
import Resources
import SeededRandomness
import Synchronization
import Testing
import Waiting

/// How much a server holds for whom: bodies that come, and answers that go.
@Suite(.serialized) struct HeldMemoryTests {
    fileprivate static let segments = "/v1/projects/default/segments"

    @Test func `counts are right whatever is held and given back, and nobody's bound is another's`() throws {
        var random = SeededGenerator(printedFor: "held memory")
        let limits = HeldMemory.Limits(each: 100, all: 400, little: 20)
        let memory = HeldMemory(limits)
        var holders = (0..<5).map { HeldMemory.Holder.user("u\($0)") }
        holders += [.administrator, .host(ResourceID(UUID()))]
        var shares: [(holder: HeldMemory.Holder, share: HeldMemory.Share)] = []
        var refused = (each: 0, all: 0)
        for _ in 0..<5000 {
            if shares.isEmpty || random.chance(50) {
                let holder = try #require(holders.randomElement(using: &random))
                shares.append((holder, HeldMemory.Share(holder)))
            }
            let index = Int.random(in: shares.indices, using: &random)
            let (holder, before) = shares[index]
            let bytes = Int.random(in: 0...30, using: &random)
            let others = shares.filter { $0.holder == holder }.reduce(0) { $0 + $1.share.bytes } - before.bytes
            let whole = shares.reduce(0) { $0 + $1.share.bytes } - before.bytes + bytes
            var expected: Problem.Code?
            if holder != .administrator, bytes > before.bytes {
                if others > 0, others + bytes > 100 {
                    expected = .rateLimited
                } else if whole > 400 || whole > 300 && others + bytes > 20 {
                    expected = .unavailable
                }
            }
            do throws(Problem) {
                try memory.hold(bytes, &shares[index].share)
                #expect(expected == nil && shares[index].share.bytes == bytes)
            } catch {
                #expect(error.code == expected && error.retryAfterSeconds == 1)
                #expect(shares[index].share.bytes == before.bytes)
                if expected == .rateLimited { refused.each += 1 } else { refused.all += 1 }
            }
            // It fills up and empties again.
            while shares.count > 30, random.chance(60) {
                memory.giveBack(shares.remove(at: Int.random(in: shares.indices, using: &random)).share)
            }
            #expect(memory.totals.bytes == shares.reduce(0) { $0 + $1.share.bytes })
        }
        #expect(refused.each > 5 && refused.all > 5, "\(refused)")
        #expect(memory.totals.refusedByTenant == refused.each && memory.totals.refusedInAll == refused.all)
        for share in shares { memory.giveBack(share.share) }
        #expect(memory.totals.bytes == 0)
    }

    @Test func `tenants at their bounds leave room for others, and what is done is never refused`() throws {
        let memory = HeldMemory(HeldMemory.Limits(each: 100, all: 400, little: 20))
        var shares = (0..<3).map { HeldMemory.Share(.user("u\($0)")) }
        for index in shares.indices { try memory.hold(100, &shares[index]) }
        var another = HeldMemory.Share(.user("another"))
        try memory.hold(20, &another)
        #expect(throws: Problem.self) { try memory.hold(21, &another) }
        try memory.hold(500, &another, isDone: true)
        // Now there is nothing left, and it can only become less; who is administrator is served.
        var late = HeldMemory.Share(.user("late"))
        #expect(throws: Problem.self) { try memory.hold(1, &late) }
        var root = HeldMemory.Share(.administrator)
        try memory.hold(300, &root)
        try memory.hold(400, &another)
        for share in shares + [another, root, late] { memory.giveBack(share) }
        #expect(memory.totals.bytes == 0)
    }

    @Test func `a project's tokens hold together what one may, and users each their own`() throws {
        func holder(_ name: String, _ projects: [String: Role], isToken: Bool) -> HeldMemory.Holder {
            HeldMemory.Holder(.identity(Identity(name: name, grants: Grants(projects: projects), isToken: isToken)))
        }
        let red = holder("token/a", ["red": .viewer], isToken: true)
        #expect(red == holder("token/b", ["red": .operator], isToken: true))
        #expect(red != holder("token/a", ["blue": .viewer], isToken: true))
        #expect(
            holder("user/eva", ["red": .viewer], isToken: false) != holder("user/max", ["red": .viewer], isToken: false)
        )
        #expect(red != holder("user/eva", ["red": .viewer], isToken: false))
    }

    fileprivate func secret(_ server: LiveServer, _ project: String) async throws -> String {
        let made = try await server.make(
            "/v1/projects/\(project)/tokens", #"{"name":"t","spec":{"role":"operator"}}"#)
        return try #require(made.text("secret"))
    }

    /// The beginning of a request with a body that is longer than what comes of it.
    fileprivate func unfinished(_ server: LiveServer, _ path: String, _ token: String) throws -> RawConnection {
        let connection = try RawConnection(server.folder + "/api.sock")
        let head =
            "POST \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\nContent-Length: 1000000\r\n\r\n"
        #expect(connection.send(head + String(repeating: " ", count: 60_000)))
        return connection
    }

    @Test(arguments: [segments, "/other/things"])
    func `bodies on their way are bounded for each tenant, and one at its bound refuses nobody else`(path: String)
        async throws
    {
        let annex = SilentAnnex()
        try await LiveServer.with(held: .init(each: 200_000, all: 800_000, little: 50_000), annexes: [annex]) {
            server in
            try await server.make("/v1/projects", #"{"name":"blue","spec":{}}"#)
            let (greedy, calm) = (try await secret(server, "default"), try await secret(server, "blue"))
            var open: [RawConnection] = []
            for number in 1...3 {
                open.append(try unfinished(server, path, greedy))
                try await eventually("its body is held") {
                    try await server.metric("kc_held_bytes") == Double(number * 60_000)
                }
            }
            let refused = try unfinished(server, path, greedy)
            let reply = try await onThread { Curl.parse(refused.read(until: "\"}"), 0) }
            #expect(reply.status == 429 && reply.problem == "rate-limited", "\(reply.body)")
            #expect(reply.headers["retry-after"] == "1")
            #expect(reply.text("detail")?.contains("180000 bytes") == true, "\(reply.body)")
            #expect(try await server.metric(#"kc_held_refused_total{limit="tenant"}"#) == 1)
            // Another tenant, and the administrator, are served as ever; so is who asks for little.
            let note = String(repeating: "x", count: 50_000)
            let body = #"{"name":"s","annotations":{"note":"\#(note)"},"spec":{"ipam":"none"}}"#
            let other = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(calm)"])
            #expect(try await other("POST", "/v1/projects/blue/segments", body).status == 201)
            #expect(try await server.curl("POST", Self.segments, body).status == 201)
            let mine = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(greedy)"])
            #expect(try await mine("GET", Self.segments).status == 200)
            #expect(try await mine("POST", Self.segments, body.replacing(#""s""#, with: #""t""#)).status == 429)
            // What ends gives back what it held, whatever its end.
            open.removeLast()
            try await eventually("room again") { try await server.metric("kc_held_bytes") == 120_000 }
            #expect(try await mine("POST", Self.segments, body.replacing(#""s""#, with: #""u""#)).status == 201)
            open = []
            try await eventually("nothing is held") { try await server.metric("kc_held_bytes") == 0 }
        }
    }

    @Test func `answers on their way are bounded, and those of writes are not refused`() async throws {
        try await LiveServer.with(held: .init(each: 300_000, all: 4_000_000, little: 100_000)) { server in
            let token = try await secret(server, "default")
            let mine = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(token)"])
            let note = String(repeating: "x", count: 60_000)
            for number in 0..<20 {
                try await server.make(
                    Self.segments, #"{"name":"s\#(number)","annotations":{"note":"\#(note)"},"spec":{"ipam":"none"}}"#)
            }
            // One request alone may be answered whatever it is.
            let page = try await mine("GET", Self.segments)
            #expect(page.status == 200 && page.body.utf8.count > 1_200_000)
            // Somebody who reads nothing has it held.
            let silent = try RawConnection(server.folder + "/api.sock")
            let ask = "GET \(Self.segments) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(token)\r\n\r\n"
            #expect(silent.send(ask))
            try await eventually("it is held") { try await server.metric("kc_held_bytes") ?? 0 > 1_200_000 }
            #expect(try await mine("GET", Self.segments).status == 429)
            #expect(try await mine("HEAD", Self.segments, options: ["-I"]).status == 200)
            #expect(try await mine("GET", Self.segments + "?watch=true").status == 429)
            #expect(try await server.overTCP("GET", Self.segments).status == 200)
            #expect(try await mine("DELETE", Self.segments + "/s0").status == 204)
            let brief = try await mine("GET", Self.segments + "/s1?minRevision=1")
            #expect(brief.status == 200)
            withExtendedLifetime(silent) {}
        }
    }
}

extension HeldMemoryTests {
    @Test func `a history is counted before it is read`() async throws {
        // A body on its way leaves no room for one beside it.
        try await LiveServer.with(held: .init(each: 8 << 20, all: 64 << 20, little: 1 << 20)) { server in
            try await server.make(Self.segments, #"{"name":"a","spec":{"ipam":"none"}}"#)
            let token = try await secret(server, "default")
            let mine = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(token)"])
            let history = Self.segments + "/a/history"
            #expect(try await mine("GET", history).status == 200)
            do {
                let open = try unfinished(server, Self.segments, token)
                try await eventually("its body is held") { try await server.metric("kc_held_bytes") == 60_000 }
                let refused = try await mine("GET", history)
                #expect(refused.status == 429 && refused.problem == "rate-limited", "\(refused.body)")
                #expect(try await mine("GET", Self.segments + "/a").status == 200)
                withExtendedLifetime(open) {}
            }
            try await eventually("room again") { try await mine("GET", history).status == 200 }
            try await eventually("nothing is held") { try await server.metric("kc_held_bytes") == 0 }
        }
    }
}

/// Reads what it is handed, and answers with nothing.
struct SilentAnnex: Annex {
    let prefix = "/other"
    let maximumBody = 8 << 20

    func respond(to request: AnnexRequest) async throws(Problem) -> AnnexResponse {
        AnnexResponse(
            status: .noContent, headers: HTTPFields(), body: AsyncThrowingStream<ByteBuffer, any Error> { $0.finish() })
    }
}
