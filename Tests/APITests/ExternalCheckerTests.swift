import Authenticators
import Foundation
import Persistence
import Resources
import TestLogs
import Testing
import Waiting

/// A server of the operator's that says who asks: one of Python's standard library, asked over each of the transports.
@Suite(.serialized) struct ExternalCheckerTests {
    static let now = Timestamp(milliseconds: 1_800_000_000_000)
    private static let allow = #"{"allow":{"name":"eva","projects":{"default":"viewer"}}}"#

    /// Answers by the path, and writes each question to `asked`.
    private static let script = #"""
        import http.server, json, os, socket, ssl, sys, time
        folder, kind, where = sys.argv[1:4]
        ALLOW = b'{"allow":{"name":"eva","projects":{"default":"viewer"}}}'
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def address_string(self): return "client"
            def send(self, body, status=200, **headers):
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def do_GET(self): self.send(ALLOW)
            def handle(self):
                try: super().handle()
                except ConnectionError: pass
            def do_POST(self):
                question = self.rfile.read(int(self.headers["Content-Length"]))
                with open(folder + "/asked", "ab") as file: file.write(question + b"\n")
                if self.path in ("/", "/allow"):
                    asked = json.loads(question)
                    if asked["authorization"] == "Bad":
                        return self.send(b'{"deny":"not you"}')
                    return self.send(ALLOW)
                if self.path == "/pass": return self.send(b'{"pass":true}')
                if self.path == "/moved": return self.send(b"", 307, Location="/allow")
                if self.path == "/found": return self.send(b"", 302, Location="/allow")
                if self.path == "/created": return self.send(ALLOW, 201)
                if self.path == "/error": return self.send(ALLOW, 500)
                if self.path == "/nothing": return self.send(b"")
                if self.path == "/twice": return self.send(ALLOW + ALLOW)
                if self.path == "/role": return self.send(ALLOW.replace(b"viewer", b"root"))
                if self.path == "/closed": self.close_connection = True; return
                # A server that is slow on purpose: what is waited for is that nobody waits for it.
                if self.path == "/silent": time.sleep(20); return
                if self.path == "/short":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    self.wfile.write(ALLOW); self.close_connection = True; return
                if self.path == "/huge": return self.send(ALLOW + b" " * 70000)
                if self.path == "/drip":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    try:
                        for _ in range(200): self.wfile.write(b" "); self.wfile.flush(); time.sleep(0.1)
                    except OSError: pass
                    self.close_connection = True
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            address_family = {"unix": socket.AF_UNIX, "http": socket.AF_INET6, "https": socket.AF_INET}[kind]
            def server_bind(self):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind(self.server_address)
                self.server_name, self.server_port = "x", 0
        server = Server(
            where if kind == "unix" else ("::1" if kind == "http" else "127.0.0.1", int(where)), Handler)
        if kind == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()
        """#

    private static func serving(
        _ folder: String, _ kind: String, _ place: String, _ body: () async throws -> Void
    ) async throws {
        try script.write(toFile: folder + "/server.py", atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = [folder + "/server.py", folder, kind, place]
        try process.run()
        defer {
            // It inherits the runner's signal mask, in which SIGTERM waits.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let curl =
            switch kind {
            case "unix": Curl(socket: place)
            case "http": Curl(base: "http://[::1]:\(place)")
            // Which address `localhost` is, is the machine's own affair; this one it always is.
            default: Curl(base: "https://127.0.0.1:\(place)", options: ["-k"])
            }
        try await eventually("the checker") { try await curl("GET", "/").status == 200 }
        try await body()
    }

    private static func request(_ authorization: String) -> CheckedRequest {
        CheckedRequest(
            authorization: authorization, method: "GET", path: "/v1/projects/default/segments", project: "default",
            peer: .tcp("2001:db8::1"))
    }

    private static let eva = Verdict.allow(
        .identity(Identity(name: "user/eva", grants: Grants(projects: ["default": .viewer]))))

    @Test func `a server on loopback answers for whom it knows; one that fails lets nobody in`() async throws {
        try await withFolder { folder in
            let port = FreePorts.two()
            try await Self.serving(folder, "http", "\(port)") {
                func ask(_ path: String, _ authorization: String = "Custom canary") async throws(StoreError) -> Verdict
                {
                    let checker: HTTPChecker
                    do throws(CheckerFailure) {
                        checker = try HTTPChecker(url: "http://[::1]:\(port)\(path)", patience: .milliseconds(700)) {
                            #expect(!$0.description.contains("canary"))
                        }
                    } catch { throw StoreError(.invalid, operation: "make", cause: "\(error)") }
                    return try await checker.check(Self.request(authorization), now: Self.now)
                }
                #expect(try await ask("/allow") == Self.eva)
                #expect(try await ask("/allow", "Bad") == .deny("not you"))
                #expect(try await ask("/pass") == .pass)
                let asked = try String(contentsOfFile: folder + "/asked", encoding: .utf8)
                let question = try JSONParser.parse(Array(try #require(asked.split(separator: "\n").first).utf8))
                #expect(
                    ["authorization", "method", "path", "project", "peer"].map { question[$0]?.string }
                        == ["Custom canary", "GET", "/v1/projects/default/segments", "default", "2001:db8::1"])
                for path in [
                    "/moved", "/found", "/created", "/error", "/nothing", "/twice", "/role", "/closed", "/silent",
                    "/short", "/huge", "/drip",
                ] {
                    let start = ContinuousClock.now
                    do throws(StoreError) {
                        let verdict = try await ask(path)
                        Issue.record("\(path): \(verdict)")
                    } catch { #expect(error.code == .unavailable, "\(path): \(error)") }
                    // The slow ones would take 20 s.
                    #expect(start.duration(to: .now) < .seconds(12), "\(path)")
                }
            }
            // Nobody listens there now.
            let gone = try HTTPChecker(url: "http://[::1]:\(port)/allow", patience: .seconds(1))
            await #expect(throws: StoreError.self) { try await gone.check(Self.request("Custom x"), now: Self.now) }
        }
    }

    @Test func `a Unix socket and a server with TLS are asked, and only by the authority that was named`() async throws
    {
        try await withFolder { folder in
            try await Self.serving(folder, "unix", folder + "/who.sock") {
                let checker = try HTTPChecker(url: "unix:\(folder)/who.sock", patience: .seconds(5))
                #expect(try await checker.check(Self.request("Custom x"), now: Self.now) == Self.eva)
            }
            let (code, _) = try await run(
                "/bin/sh",
                [
                    "-c",
                    "cd '\(folder)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key "
                        + "-out server.pem -days 1 -subj /CN=checker -addext subjectAltName=DNS:localhost 2>/dev/null",
                ])
            #expect(code == 0)
            let port = FreePorts.two()
            try await Self.serving(folder, "https", "\(port)") {
                let own = try HTTPChecker(
                    url: "https://localhost:\(port)/allow", ca: folder + "/server.pem", patience: .seconds(5)
                ) { Issue.record("\($0)") }
                #expect(try await own.check(Self.request("Custom x"), now: Self.now) == Self.eva)
                // Trusted by nobody, and under a name that is not its own.
                for (url, ca) in [
                    ("https://localhost:\(port)/allow", nil),
                    ("https://127.0.0.1:\(port)/allow", folder + "/server.pem"),
                ] {
                    let other = try HTTPChecker(url: url, ca: ca, patience: .seconds(1))
                    await #expect(throws: StoreError.self, "\(url)") {
                        try await other.check(Self.request("Custom x"), now: Self.now)
                    }
                }
            }
        }
    }

    @Test(arguments: [
        "http://checker.example/x", "http://192.0.2.1/", "http://[::2]:1/", "ftp://[::1]/", "https://",
        "https://u:p@h/",
        "unix:relative", "http://127.0.0.1.example/", "http://localhost@evil/", "https://h/#x", "https://h/a b", "",
    ])
    func `an address that would carry secrets in clear, or is none, is refused`(url: String) {
        #expect(throws: CheckerFailure.self) { try HTTPChecker(url: url, patience: .seconds(1)) }
    }

    @Test func `the API asks it once in a while, and answers 503 when it fails`() async throws {
        let log = LogBook()
        try await withFolder { folder in
            let port = FreePorts.two()
            func config(_ path: String) throws {
                try #"{"checkers":[{"type":"http","url":"http://[::1]:\#(port)\#(path)","timeoutSeconds":1}]}"#
                    .write(toFile: folder + "/checkers.json", atomically: true, encoding: .utf8)
            }
            try config("/allow")
            try await Self.serving(folder, "http", "\(port)") {
                try await LiveServer.with(log: log) { own, _ in
                    let links = try CheckersFile.load(folder + "/checkers.json") { _ in }
                    return CheckerChain([CheckerChain.Link(own, isGuessable: false, looksAtCertificates: true)] + links)
                } _: { server in
                    let eva = Curl(base: server.anonymous.base, headers: ["Authorization: Custom canary-7"])
                    let path = "/v1/projects/default/segments"
                    #expect(try await eva("GET", "/v1/whoami").text("name") == "user/eva")
                    for _ in 1...5 { #expect(try await eva("GET", path).status == 200) }
                    #expect(try await eva("POST", path, #"{"name":"x","spec":{"ipam":"none"}}"#).status == 403)
                    let asked = try String(contentsOfFile: folder + "/asked", encoding: .utf8).split(separator: "\n")
                    #expect(asked.count == 3, "\(asked)")
                    let bad = Curl(base: server.anonymous.base, headers: ["Authorization: Bad"])
                    #expect(try await bad("GET", path).body.contains("not you"))
                    #expect(!log.lines.contains { $0.contains("canary-7") })
                }
            }
            try await LiveServer.with { own, _ in
                let links = try CheckersFile.load(folder + "/checkers.json") { _ in }
                return CheckerChain([CheckerChain.Link(own, isGuessable: false, looksAtCertificates: true)] + links)
            } _: { server in
                let eva = Curl(base: server.anonymous.base, headers: ["Authorization: Custom x"])
                // However often: what fails is not the client's fault.
                for _ in 1...2 {
                    let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                        for _ in 1...8 { group.addTask { try await eva("GET", "/v1/whoami") } }
                        return try await group.reduce(into: []) { $0.append($1) }
                    }
                    for reply in replies {
                        #expect(
                            reply.status == 503 && reply.body.contains("a server that checks has failed"),
                            "\(reply.body)")
                    }
                }
                #expect(try await server.overTCP("GET", "/v1/whoami").status == 200)
            }
        }
    }
}
