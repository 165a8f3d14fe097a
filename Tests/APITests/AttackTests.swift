import Foundation
import Glibc
import Resources
import TestLogs
import Testing

/// What somebody hostile sends to the API.
@Suite(.serialized) struct AttackTests {
    /// Sends bytes to a port of ::1 and gives everything until the other end closes, at most 5 s.
    private static func raw(_ port: Int, _ text: String) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
                defer { close(descriptor) }
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = in_port_t(port).bigEndian
                address.sin6_addr = in6addr_loopback
                let code = withUnsafePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                    }
                }
                #expect(code == 0, "errno \(errno)")
                var limit = timeval(tv_sec: 5, tv_usec: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                let bytes = Array(text.utf8)
                _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                shutdown(descriptor, Int32(SHUT_WR))
                var answer: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
                    answer += buffer[..<count]
                }
                continuation.resume(returning: String(decoding: answer, as: UTF8.self))
            }
        }
    }

    @Test(arguments: [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 0\r\nContent-Length: 44\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding : chunked\r\n", "Content-Length: +0\r\n",
        "Content-Length: 0x0\r\n", "X: a\r\n Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "X: a\u{0}b\r\n", "X: a\rY: b\r\n",
    ]) func `a request of two lengths is refused, and nothing in it becomes a second one`(fields: String) async throws {
        try await LiveServer.with { server in
            let hidden = "GET /v1/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.token)\r\n\r\n"
            let answer = try await Self.raw(
                server.port,
                "POST /v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.token)\r\n\(fields)\r\n0\r\n\r\n"
                    + hidden)
            #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
            #expect(!answer.contains("administrator") && answer.components(separatedBy: "Content-Type: ").count == 2)
        }
    }

    @Test func `a request behind another one on a connection has nobody's rights but its own`() async throws {
        try await LiveServer.with { server in
            let answer = try await Self.raw(
                server.port,
                "GET /v1/whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.token)\r\n\r\n"
                    + "GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("HTTP/1.1 200") && answer.contains("HTTP/1.1 401"), "\(answer)")
        }
    }

    @Test func `paths that climb, and names with line breaks, find nothing and reach no header`() async throws {
        try await LiveServer.with { server in
            for path in [
                "/v1/projects/..%2f..%2fetc%2fpasswd/segments", "/v1/../../etc/passwd", "/v1/projects/%2e%2e/segments",
                "/v1/projects/default%00/segments", "/v1/projects/default%0d%0aX-Evil:1/segments", "//v1/hosts",
                "/v1/projects/default/segments/%2f", "/v1/projects/default;x=1/segments",
                "/v1/projects/%c0%ae%c0%ae/segments", "/v1/projects/DEFAULT/segments",
            ] {
                let reply = try await server.curl("GET", path, options: ["--path-as-is"])
                #expect(reply.status == 404, "\(path): \(reply.body)")
                #expect(reply.headers["x-evil"] == nil && !reply.body.contains("root:"))
            }
            let evil = try await server.curl("GET", "/v1/whoami", headers: ["X-Request-Id: a\tb<script>"])
            #expect(evil.status == 200 && evil.headers["x-request-id"]?.contains("script") == false)
        }
    }

    @Test func `no secret is in a log, an error or the store, and nothing that is sent makes a line of its own there`()
        async throws
    {
        let book = LogBook()
        try await LiveServer.with(log: book) { server in
            let canary = "kct_CANARYcanaryCANARYcanaryCANARYcanaryCANARYcan"
            let password = "canary-password"
            let tcp = server.anonymous
            var answers: [String] = []
            for header in [
                "Authorization: Bearer \(canary)",
                "Authorization: Basic \(Data("x:\(password)".utf8).base64EncodedString())",
                "Authorization: \(canary)", "Authorization: Bearer \(server.token)x",
            ] {
                answers.append(try await tcp("GET", "/v1/hosts", headers: [header]).body)
                answers.append(try await tcp("GET", "/v1/nothing%0aFORGED", headers: [header]).body)
            }
            _ = try await server.overTCP("GET", "/v1/projects/x%0aFORGED%1b%5b2J/segments")
            _ = try await server.overTCP("POST", "/v1/projects", "{\"name\":\"a\\nFORGED\",\"spec\":{}}")
            _ = try await Self.raw(server.port, "GET / HTTP/1.1\r\nFORGED\r\n\r\n")
            let made = try await server.make(
                "/v1/projects/default/tokens", #"{"name":"ci","spec":{"role":"viewer"}}"#)
            let secrets = [canary, password, server.token, try #require(made.text("secret"))]
            let texts = book.lines + answers
            #expect(book.lines.count > 10)
            for secret in secrets { #expect(!texts.contains { $0.contains(secret) }, "\(secret)") }
            for line in book.lines {
                #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }, "\(line)")
            }
            for name in ["store.db", "store.db-wal"] {
                let bytes = try Data(contentsOf: URL(filePath: server.folder + "/" + name))
                for secret in secrets { #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name)") }
            }
        }
    }

    @Test func `JSON of any depth and size is refused or taken, and never brings the server down`() async throws {
        try await LiveServer.with { server in
            let deep = String(repeating: "[", count: 100_000)
            let objects = String(repeating: #"{"a":"#, count: 50_000)
            for body in [deep, objects, #"{"name":"a","annotations":{"x":\#(deep)"#] {
                try body.write(toFile: server.folder + "/body", atomically: true, encoding: .utf8)
                let reply = try await server.curl("POST", "/v1/projects", "@\(server.folder)/body")
                #expect(reply.status == 400, "\(reply.body.prefix(200))")
            }
            // Short values, each of which takes many times its text in memory.
            for (path, most) in [("/v1/projects", JSONParser.ordinaryValues), ("/v1/batch", JSONParser.batchValues)] {
                let values = "[" + Array(repeating: "[]", count: most).joined(separator: ",") + "]"
                try values.write(toFile: server.folder + "/body", atomically: true, encoding: .utf8)
                let reply = try await server.curl("POST", path, "@\(server.folder)/body")
                #expect(
                    reply.status == 400 && reply.body.contains("more than \(most) values"), "\(reply.body.prefix(200))")
            }
            #expect(try await server.curl("GET", "/readyz").status == 200)
        }
    }
}
