import Foundation
import Glibc
import Resources
import Testing
import Waiting

@Suite(.serialized) struct EdgeTests {
    @Test func `what is no HTTP request gets a problem document and the end of the connection`() async throws {
        try await LiveServer.with { server in
            let head = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
            for (sent, status) in [
                ("nonsense\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", 400),
                ("GET /healthz HTTP/9.9\r\n\r\n", 400),
                ("POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
                ("POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
                // No host, or two of them: who is asked is not clear.
                ("GET /healthz HTTP/1.1\r\n\r\n", 400), (head + "Host: y\r\n\r\n", 400),
                ("POST /v1/hosts HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}\n", 400),
                (head + "\r\n" + head + "host: x\r\n\r\n", 400),
                (head + "no colon\r\n\r\n", 400),
                (head + "X: " + String(repeating: "x", count: 20_000) + "\r\n\r\n", 431),
                (head + String(repeating: "X: y\r\n", count: 200) + "\r\n", 431),
                // The second request of a connection.
                (head + "\r\nnonsense\r\n\r\n", 400),
            ] {
                let answer = try await onThread {
                    let connection = try RawConnection(server.folder + "/api.sock")
                    _ = connection.send(sent)
                    return connection.readToEnd()
                }
                let last = answer.range(of: "HTTP/1.1 \(status) ", options: .backwards).map { answer[$0.lowerBound...] }
                let reply = Curl.parse(String(last ?? ""), 0)
                #expect(reply.status == status, "\(sent.prefix(60)): \(answer)")
                #expect(reply.headers["content-type"] == "application/problem+json")
                #expect(reply.problem == (status == 431 ? "headers-too-large" : "malformed"))
                #expect(reply.text("instance") == reply.headers["x-request-id"])
                #expect(reply.headers["connection"] == "close")
            }
            #expect(try await server.curl("GET", "/healthz").status == 200)
            // HTTP/1.0 knows no host, and waits for the end of the connection; 1.1 has many ways to ask for it.
            for head in [
                "HTTP/1.0\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n",
                "HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n",
                "HTTP/1.1\r\nHost: x\r\nConnection: TE, close\r\n",
            ] {
                let old = try await onThread {
                    let connection = try RawConnection(server.folder + "/api.sock")
                    _ = connection.send("GET /healthz " + head + "\r\n")
                    return connection.readToEnd()
                }
                #expect(old.contains(" 200 "), "\(head): \(old)")
            }
        }
    }

    @Test func `a watch of HTTP 1 0 has no chunks`() async throws {
        try await LiveServer.with { server in
            let token = server.token
            let watched = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                _ = connection.send(
                    "GET /v1/projects?watch=true HTTP/1.0\r\nAuthorization: Bearer \(token)\r\n\r\n")
                return connection.read(until: "event: bookmark")
            }
            let parts = watched.split(separator: "\r\n\r\n", maxSplits: 1)
            #expect(parts.count == 2 && parts[0].contains(" 200 "), "\(watched)")
            #expect(!parts[0].lowercased().contains("chunked"), "\(watched)")
            #expect(parts.last?.hasPrefix("event: ") == true, "\(watched)")
        }
    }

    @Test(arguments: [
        ("GET /healthz HTTP/1.1\r\nX: ", "header"),
        ("POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"name\":", "body"),
        ("POST /v1/hosts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "body"),
    ])
    func `a request that comes a byte at a time is cut off, however long it goes on`(start: String, part: String)
        async throws
    {
        try await LiveServer.with(patience: .milliseconds(600)) { server in
            let began = ContinuousClock.now
            let answer = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                let piece = start.contains("chunked") ? "1\r\n \r\n" : "x"
                var isOpen = connection.send(start)
                // Never silent for long: it is not idleness that ends it.
                while isOpen, !connection.isReadable(within: 100) { isOpen = connection.send(piece) }
                return connection.readToEnd()
            }
            let time = began.duration(to: .now)
            #expect(time > .milliseconds(500) && time < .seconds(15), "\(time)")
            let reply = Curl.parse(answer, 0)
            #expect(reply.status == 408 && reply.problem == "slow-request", "\(answer)")
            #expect(reply.text("detail")?.contains(part) == true)
        }
    }

    @Test(arguments: [
        ["GET /healthz HTTP/1.1\r\nX: "], ["G"], ["POST /v1/hosts HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"],
        // A byte at a time, never silent for as long as the limit.
        ["GET /healthz HTTP/1.1\r\nX: "] + Array(repeating: "x", count: 40),
    ]) func `a later request that does not arrive is answered as the first one is`(pieces: [String]) async throws {
        try await LiveServer.with(patience: .milliseconds(600)) { server in
            let answer = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                #expect(connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(connection.isReadable(within: 5000))
                usleep(700_000)  // longer than the limit: silence between requests is not what is cut off
                #expect(!connection.isHungUp())
                for piece in pieces where connection.send(piece) { usleep(pieces.count > 1 ? 50_000 : 0) }
                return connection.readToEnd()
            }
            let answers = answer.components(separatedBy: "HTTP/1.1 ").dropFirst()
            #expect(answers.count == 2 && answers.first?.hasPrefix("200") == true, "\(answer)")
            let reply = Curl.parse("HTTP/1.1 " + (answers.last ?? ""), 0)
            #expect(reply.status == 408 && reply.problem == "slow-request", "\(answer)")
        }
    }

    @Test func `what comes early of a next request takes no time from the one that is being answered`() async throws {
        try await LiveServer.with(patience: .milliseconds(300)) { server in
            let isOpen = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                #expect(connection.send("GET /v1/hosts?watch=true HTTP/1.1\r\nHost: x\r\n\r\n"))
                #expect(connection.isReadable(within: 5000))
                #expect(connection.send("GET /heal"))
                usleep(900_000)  // three times the limit
                return !connection.isHungUp()
            }
            #expect(isOpen)
        }
    }

    @Test func `a kept connection and a stream that is read live longer than the limit`() async throws {
        try await LiveServer.with(patience: .milliseconds(300)) { server in
            let stream = try EventReader(server, "/v1/hosts?watch=true")
            defer { stream.stop() }
            try await eventually("the bookmark") { !stream.events.isEmpty }
            let answer = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                let request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                #expect(connection.send(request) && connection.isReadable(within: 5000))
                #expect(!connection.isHungUp())
                usleep(900_000)  // three times the limit of silence, which is what is looked at here
                #expect(connection.send(request.replacing("Host", with: "Connection: close\r\nHost")))
                return connection.readToEnd()
            }
            #expect(answer.components(separatedBy: "HTTP/1.1 200").count == 3, "\(answer)")
            try await server.make("/v1/hosts", #"{"name":"h1","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            try await eventually("the stream goes on") { stream.events.contains { $0.name == "put" } }
        }
    }

    @Test(arguments: ["/v1/projects?limit=1000", "/v1/whoami"])
    func `a client that never reads its answers is cut off, and they are given back`(path: String) async throws {
        try await LiveServer.with(patience: .milliseconds(1500)) { server in
            // More than a socket's buffers hold: about 6 MB of annotations.
            let text = String(repeating: "x", count: 60_000)
            for index in 0..<100 {
                try await server.make(
                    "/v1/projects", #"{"name":"p\#(index)","annotations":{"a":"\#(text)"},"spec":{}}"#)
            }
            let connection = try RawConnection(server.folder + "/api.sock")
            // One large answer, or small ones without end.
            let request = "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n"
            let isLarge = path.contains("limit")
            #expect(connection.send(request))
            if isLarge {
                try await eventually("the answer is held") {
                    try await server.metric("kc_held_bytes") ?? 0 > 5_000_000
                }
            }
            try await eventually("it is cut off", within: .seconds(20)) {
                if !isLarge { connection.sendWhatFits(String(repeating: request, count: 100)) }
                return connection.isHungUp()
            }
            try await eventually("nothing is held") {
                try await server.metric("kc_held_bytes") == 0
            }
            #expect(try await server.curl("GET", "/readyz").status == 200)
        }
    }

    @Test func `a large answer that is taken slowly comes whole`() async throws {
        try await LiveServer.with(patience: .milliseconds(1500)) { server in
            let text = String(repeating: "x", count: 60_000)
            for index in 0..<60 {
                try await server.make(
                    "/v1/projects", #"{"name":"p\#(index)","annotations":{"a":"\#(text)"},"spec":{}}"#)
            }
            let body = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                #expect(connection.send("GET /v1/projects HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
                // 3.6 MB in about six seconds: four times as long as it may take nothing.
                return connection.readToEnd(pausing: 100_000)
            }
            #expect(body.utf8.count > 3_600_000 && body.hasSuffix("}"), "\(body.utf8.count)")
        }
    }

    @Test func `a client that never reads its stream is cut off`() async throws {
        try await LiveServer.with(patience: .milliseconds(1500)) { server in
            // More than a socket's buffers hold: about 6 MB of annotations.
            let text = String(repeating: "x", count: 60_000)
            for index in 0..<100 {
                try await server.make(
                    "/v1/projects",
                    #"{"name":"p\#(index)","annotations":{"a":"\#(text)"},"spec":{}}"#)
            }
            let isCut = try await onThread {
                let connection = try RawConnection(server.folder + "/api.sock")
                #expect(connection.send("GET /v1/projects?watch=true HTTP/1.1\r\nHost: x\r\n\r\n"))
                let end = ContinuousClock.now + .seconds(20)
                while ContinuousClock.now < end {
                    if connection.isHungUp() { return true }
                    usleep(20_000)  // a bounded wait for the other end, which gives no other sign
                }
                return false
            }
            #expect(isCut)
            try await eventually("the stream is over") {
                try await server.curl("GET", "/metrics").body.contains("kc_streams 0")
            }
        }
    }
}
