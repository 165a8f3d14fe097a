import Foundation
import Resources
import Testing
import Waiting

/// HTTP/2 with a stock client, and with frames that no client would send.
@Suite(.serialized) struct HTTP2Tests {
    /// Runs one scene of `script` against a server, and gives what it says as JSON.
    private static func scene(_ name: String, _ server: LiveServer) async throws -> JSONNode {
        let file = server.folder + "/frames.py"
        try script.write(toFile: file, atomically: true, encoding: .utf8)
        let port = server.encrypted.url.split(separator: ":").last ?? ""
        let (_, output) = try await run(
            "/usr/bin/python3", [file, name, String(port), server.folder + "/tls/ca.pem", server.token])
        return try JSONParser.parse(Array(output.utf8))
    }

    private static func seconds(_ node: JSONNode?) -> Double { node.flatMap { Double(text($0)) } ?? .infinity }
    private static func text(_ node: JSONNode?) -> String {
        node.map { $0.string ?? String(decoding: $0.raw, as: UTF8.self) } ?? ""
    }

    @Test func `curl speaks HTTP/2 and HTTP/1.1 on one port`() async throws {
        try await LiveServer.with { server in
            let curl = Curl(
                base: server.encrypted.url, headers: ["Authorization: Bearer \(server.token)"],
                options: ["--cacert", server.folder + "/tls/ca.pem", "-w", "\n%{http_version}"])
            for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
                let who = try await curl("GET", "/v1/whoami", options: [option])
                #expect(who.status == 200 && who.body.hasSuffix("\n\(version)"), "\(who.body)")
            }
            let made = try await curl("POST", "/v1/projects", #"{"name":"p2","spec":{}}"#)
            #expect(made.status == 201 && made.headers["etag"] != nil, "\(made.body)")
            let wrong = try await curl("POST", "/v1/projects", "{")
            #expect(wrong.status == 400 && wrong.headers["content-type"] == "application/problem+json")
            #expect(wrong.body.contains(try #require(wrong.headers["x-request-id"])))
            // The response's end of the connection is HTTP/1.1's own.
            try String(repeating: " ", count: 3_000_000).write(
                toFile: server.folder + "/body", atomically: true, encoding: .utf8)
            let large = try await curl("POST", "/v1/projects", "@\(server.folder)/body")
            #expect(large.status == 413 && large.headers["connection"] == nil, "\(large.status)")
            let stream = try EventReader(curl, "/v1/projects?watch=true")
            defer { stream.stop() }
            try await eventually("what is there") { stream.events.contains { $0.data.contains("p2") } }
            try await server.make("/v1/projects", #"{"name":"p3","spec":{}}"#)
            try await eventually("what comes") { stream.events.contains { $0.data.contains("p3") } }
        }
    }

    @Test func `a connection has many requests, each with its own rights`() async throws {
        try await LiveServer.with { server in
            let said = try await Self.scene("many", server)
            #expect(Self.text(said["right"]) == "50" && Self.text(said["refused"]) == "50", "\(Self.text(said))")
        }
    }

    @Test(arguments: [
        "rapid-reset", "continuations", "bomb", "pings", "settings", "empty-data", "streams", "huge-frame", "no-http2",
    ])
    func `who floods a connection is cut off, and others are served`(attack: String) async throws {
        try await LiveServer.with { server in
            let said = try await Self.scene(attack, server)
            #expect(Self.text(said["closed"]) == "true" && Self.seconds(said["seconds"]) < 5, "\(Self.text(said))")
            #expect(try await server.overTCP("GET", "/v1/whoami").status == 200)
            #expect(Self.text(try await Self.scene("many", server)["right"]) == "50")
        }
    }

    @Test(arguments: [
        "two-lengths", "chunked", "line-break", "capital", "connection", "no-path", "relative-path", "trailers",
    ])
    func `what could become another request is no request`(attack: String) async throws {
        try await LiveServer.with { server in
            let said = try await Self.scene(attack, server)
            #expect(Self.text(said["made"]) == "false", "\(Self.text(said))")
            #expect(try await server.overTCP("GET", "/v1/projects/smuggled").status == 404)
        }
    }

    @Test(arguments: ["silent", "half-header", "trickle", "stalled-watch", "stalled-read", "no-handshake"])
    func `who is slow is cut off`(attack: String) async throws {
        try await LiveServer.with(patience: .milliseconds(600)) { server in
            for index in 0..<4 {
                let text = String(repeating: "x", count: 60_000)
                try await server.make(
                    "/v1/projects", #"{"name":"p\#(index)","annotations":{"a":"\#(text)"},"spec":{}}"#)
            }
            let said = try await Self.scene(attack, server)
            #expect(Self.text(said["closed"]) == "true", "\(Self.text(said))")
            let seconds = Self.seconds(said["seconds"])
            #expect(seconds > 0.5 && seconds < 10, "\(seconds)")
            if attack == "trickle" { #expect(Self.text(said).contains("slow-request"), "\(Self.text(said))") }
            try await eventually("nothing is left of it") {
                let page = try await server.curl("GET", "/metrics").body
                return page.contains("kc_streams 0")
                    && page.contains(#"kc_connections{transport="tcp",who="let-in"} 0"#)
            }
        }
    }

    @Test func `who takes nothing of a whole connection loses it, and his stream with it`() async throws {
        try await LiveServer.with(patience: .seconds(1)) { server in
            // More than both ends of a connection hold.
            let text = String(repeating: "x", count: 60_000)
            for index in 0..<250 {
                try await server.make(
                    "/v1/projects", #"{"name":"p\#(index)","annotations":{"a":"\#(text)"},"spec":{}}"#)
            }
            let curl = Curl(
                base: server.encrypted.url, headers: ["Authorization: Bearer \(server.token)"],
                options: ["--cacert", server.folder + "/tls/ca.pem", "--http2", "--limit-rate", "1"])
            let stream = try EventReader(curl, "/v1/projects?watch=true")
            defer { stream.stop() }
            try await eventually("the stream") {
                try await server.curl("GET", "/metrics").body.contains("kc_streams 1")
            }
            try await eventually("nothing is left of it") {
                let page = try await server.curl("GET", "/metrics").body
                return page.contains("kc_streams 0")
                    && page.contains(#"kc_connections{transport="tcp",who="let-in"} 0"#)
            }
        }
    }

    @Test func `a server that stops says so, lets requests end, and ends streams`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-drain-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // What cannot be removed now is in the system's folder for such things.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let process = Process()
        let output = Pipe()
        var start = ContinuousClock.now
        try await LiveServer.with { server in
            try Self.script.write(toFile: folder + "/frames.py", atomically: true, encoding: .utf8)
            try Data(contentsOf: URL(filePath: server.folder + "/tls/ca.pem")).write(
                to: URL(filePath: folder + "/ca.pem"))
            let port = server.encrypted.url.split(separator: ":").last ?? ""
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [folder + "/frames.py", "drain", String(port), folder + "/ca.pem", server.token]
            process.standardOutput = output
            try process.run()
            try await eventually("its stream") {
                try await server.curl("GET", "/metrics").body.contains("kc_streams 1")
            }
            start = .now
        }
        #expect(start.duration(to: .now) < .seconds(5))
        let said = try JSONParser.parse(Array(try output.fileHandleForReading.readToEnd() ?? Data()))
        process.waitUntilExit()
        // The stream's end is a whole response's; both connections are told of the last request.
        #expect(Self.text(said["stream"]) == "ended" && Self.text(said["told"]) == "2", "\(Self.text(said))")
    }

    private static let script = #"""
        import json, socket, ssl, struct, sys, time
        scene, port, ca, token = sys.argv[1:5]
        DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
        def tcp():
            return socket.create_connection(("::1", int(port)), timeout=20)
        def integer(value, bits, first):
            if value < (1 << bits) - 1: return bytes([first | value])
            out = [first | (1 << bits) - 1]; value -= (1 << bits) - 1
            while value > 127: out.append(value & 127 | 128); value >>= 7
            return bytes(out + [value])
        def text(value):
            value = value.encode("latin-1")
            return integer(len(value), 7, 0) + value
        def field(name, value): return b"\0" + text(name) + text(value)
        def block(path="/v1/whoami", method="GET", auth=True, extra=()):
            fields = [(":method", method), (":scheme", "https"), (":authority", "x")]
            if path is not None: fields.append((":path", path))
            if auth: fields.append(("authorization", "Bearer " + token))
            return b"".join(field(*pair) for pair in fields + list(extra))
        def frame(kind, flags, stream, payload=b""):
            return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
        def request(stream, end=True, **words): return frame(HEADERS, 5 if end else 4, stream, block(**words))
        class Connection:
            def __init__(self, settings=b"", preface=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
                context = ssl.create_default_context(cafile=ca)
                context.check_hostname = False
                context.set_alpn_protocols(["h2"])
                self.socket = context.wrap_socket(tcp())
                assert self.socket.selected_alpn_protocol() == "h2"
                self.bytes, self.frames, self.open = b"", [], True
                self.send(preface + (frame(SETTINGS, 0, 0, settings) if preface else b""))
            def send(self, data):
                try: self.socket.sendall(data)
                except OSError: self.open = False
            def read(self, until, seconds=15):
                end = time.monotonic() + seconds
                while not until(self) and time.monotonic() < end:
                    self.socket.settimeout(max(0.01, end - time.monotonic()))
                    try: data = self.socket.recv(65536)
                    except socket.timeout: break
                    except OSError: data = b""
                    if not data: self.open = False; break
                    self.bytes += data
                    while len(self.bytes) >= 9:
                        length = int.from_bytes(self.bytes[:3], "big")
                        if len(self.bytes) < 9 + length: break
                        kind, flags = self.bytes[3], self.bytes[4]
                        stream = int.from_bytes(self.bytes[5:9], "big") & 0x7fffffff
                        self.frames.append((kind, flags, stream, self.bytes[9:9 + length]))
                        self.bytes = self.bytes[9 + length:]
                        if kind == PING and not flags & 1: self.send(frame(PING, 1, 0, self.frames[-1][3]))
            def ended(self, stream):
                return any(f[2] == stream and (f[0] == RST or f[0] in (DATA, HEADERS) and f[1] & 1) for f in self.frames)
            def body(self, stream): return b"".join(f[3] for f in self.frames if f[0] == DATA and f[2] == stream).decode()
            def resets(self): return [f[2] for f in self.frames if f[0] == RST]
            def goaway(self): return [int.from_bytes(f[3][4:8], "big") for f in self.frames if f[0] == GOAWAY]
        def say(**words): print(json.dumps(words))
        def gone(connection, start):
            connection.read(lambda c: False, 10)
            say(closed=not connection.open, seconds=time.monotonic() - start, goaway=connection.goaway(), resets=len(connection.resets()))
        start = time.monotonic()
        if scene == "many":
            c = Connection()
            c.send(b"".join(request(1 + 2 * n, auth=n % 2 == 0) for n in range(100)))
            c.read(lambda c: all(c.ended(1 + 2 * n) for n in range(100)))
            bodies = [c.body(1 + 2 * n) for n in range(100)]
            say(right=sum("admin-token" in b for b in bodies[::2]), refused=sum("unauthenticated" in b for b in bodies[1::2]))
        elif scene == "rapid-reset":
            c = Connection()
            for n in range(5000):
                if not c.open: break
                c.send(request(1 + 2 * n) + frame(RST, 0, 1 + 2 * n, struct.pack(">I", 8)))
            gone(c, start)
        elif scene == "continuations":
            c = Connection()
            c.send(frame(HEADERS, 1, 1, block()))
            for n in range(5000):
                if not c.open: break
                c.send(frame(CONTINUATION, 0, 1, field("a%d" % n, "b")))
            gone(c, start)
        elif scene == "bomb":
            # One field in the dynamic table, and references to it of a byte each: 40 MB of header.
            c = Connection()
            c.send(frame(HEADERS, 5, 1, block() + b"\x40" + text("x") + text("y" * 4000) + b"\xbe" * 10000))
            c.read(lambda c: c.ended(1))
            if "headers-too-large" in c.body(1) or 1 in c.resets(): c.open = False
            gone(c, start)
        elif scene == "pings":
            c = Connection()
            for n in range(100):
                if c.open: c.send(frame(PING, 0, 0, b"01234567") * 100)
            gone(c, start)
        elif scene == "settings":
            c = Connection()
            for n in range(100):
                if c.open: c.send(frame(SETTINGS, 0, 0) * 100)
            gone(c, start)
        elif scene == "empty-data":
            c = Connection()
            c.send(request(1, end=False, path="/v1/projects", method="POST"))
            for n in range(100):
                if c.open: c.send(frame(DATA, 0, 1) * 100)
            gone(c, start)
        elif scene == "streams":
            c = Connection()
            c.send(b"".join(request(1 + 2 * n, end=False, path="/v1/projects", method="POST") for n in range(400)))
            c.read(lambda c: len(c.resets()) >= 300)
            if len(c.resets()) >= 300 and not [n for n in range(100) if 1 + 2 * n in c.resets()]: c.open = False
            gone(c, start)
        elif scene == "huge-frame":
            c = Connection()
            c.send(frame(HEADERS, 5, 1, block() + field("x", "y" * 100000)))
            gone(c, start)
        elif scene == "no-http2":
            c = Connection(preface=b"")
            c.send(b"GET /v1/whoami HTTP/1.1\r\nHost: x\r\n\r\n")
            gone(c, start)
        elif scene in ("two-lengths", "chunked", "line-break", "capital", "connection", "no-path", "relative-path", "trailers"):
            c = Connection()
            body = b'{"name":"smuggled","spec":{}}'
            words = dict(path="/v1/projects", method="POST")
            after = b""
            if scene == "two-lengths": words["extra"] = [("content-length", "5")]
            if scene == "chunked": words["extra"] = [("transfer-encoding", "chunked")]
            if scene == "line-break": words["extra"] = [("x", "a\r\nauthorization: b")]
            if scene == "capital": words["extra"] = [("X-Big", "a")]
            if scene == "connection": words["extra"] = [("connection", "x")]
            if scene == "no-path": words["path"] = None
            if scene == "relative-path": words["path"] = "v1/projects"
            sent = request(1, end=False, **words)
            if scene == "trailers":
                sent += frame(DATA, 0, 1, body) + frame(HEADERS, 5, 1, field(":path", "/v1/projects"))
            else: sent += frame(DATA, 1, 1, body)
            c.send(sent)
            c.read(lambda c: c.ended(1) or c.goaway(), 5)
            say(made='"id"' in c.body(1), body=c.body(1), resets=c.resets(), goaway=c.goaway())
        elif scene == "silent":
            gone(Connection(), start)
        elif scene == "half-header":
            c = Connection()
            c.send(frame(HEADERS, 1, 1, block()))
            gone(c, start)
        elif scene == "trickle":
            c = Connection()
            c.send(request(1, end=False, path="/v1/projects", method="POST"))
            while c.open and not c.ended(1) and time.monotonic() - start < 9:
                c.send(frame(DATA, 0, 1, b" "))
                c.read(lambda c: c.ended(1), 0.1)
            say(closed=c.ended(1), seconds=time.monotonic() - start, body=c.body(1))
        elif scene in ("stalled-watch", "stalled-read"):
            c = Connection(settings=struct.pack(">HI", 4, 0))
            c.send(request(1, path="/v1/projects" + ("?watch=true" if scene == "stalled-watch" else "")))
            c.read(lambda c: 1 in c.resets(), 9)
            say(closed=1 in c.resets(), seconds=time.monotonic() - start, taken=len(c.body(1)))
        elif scene == "no-handshake":
            s = tcp()
            s.settimeout(9)
            try: data = s.recv(1)
            except OSError: data = b"-"
            say(closed=data == b"", seconds=time.monotonic() - start)
        elif scene == "drain":
            watch, idle = Connection(), Connection()
            idle.send(request(1)); idle.read(lambda c: c.ended(1))
            watch.send(request(1, path="/v1/projects?watch=true"))
            idle.read(lambda c: False); watch.read(lambda c: False)
            clean = any(f[2] == 1 and f[0] == DATA and f[1] & 1 for f in watch.frames)
            say(stream="ended" if clean else "cut", told=sum(c.goaway()[-1:] == [0] and not c.open for c in (watch, idle)))
        """#
}
