import Foundation
import Testing
import Waiting

/// A web server on `::1`, as a process of its own, that behaves as its paths say.
package final class WebServer: Sendable {
    package let port: Int
    /// The file of the authority of its certificate.
    package let authority: String
    private let isSecure: Bool

    private static let program = #"""
        import http.server, os, socket, ssl, sys, time, urllib.parse
        size = 5000000
        body = bytes((i * 31 + 1) % 256 for i in range(256)) * (size // 256 + 1)
        body = body[:size]
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def start(self, code, *headers):
                self.send_response(code)
                for name, value in headers: self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
            def do_GET(self):
                url = urllib.parse.urlparse(self.path)
                name = url.path
                if name == "/good" and "Range" in self.headers:
                    first = int(self.headers["Range"].split("=")[1].split("-")[0])
                    self.start(206, ("Content-Length", str(size - first)), ("Content-Range", f"bytes {first}-{size - 1}/{size}"))
                    self.wfile.write(body[first:])
                elif name == "/trickle":
                    first = int(self.headers["Range"].split("=")[1].split("-")[0]) if "Range" in self.headers else 0
                    self.start(206 if first else 200, ("Content-Length", str(size - first)))
                    for place in range(first, size, 100000):
                        self.wfile.write(body[place:place + 100000])
                        time.sleep(0.1)
                elif name in ("/good", "/whole"):
                    self.start(200, ("Content-Length", str(size)))
                    self.wfile.write(body)
                elif name == "/redirect":
                    self.start(302, ("Location", url.query[3:]), ("Content-Length", "0"))
                elif name == "/loop":
                    self.start(302, ("Location", "/loop"), ("Content-Length", "0"))
                elif name == "/endless":
                    self.start(200)
                    while True: self.wfile.write(body)
                elif name == "/other":
                    self.start(200, ("Content-Length", "1000"))
                    self.wfile.write(body[:1000])
                elif name == "/short":
                    self.start(200, ("Content-Length", str(size)))
                    self.wfile.write(body[:1000])
                elif name == "/silent":
                    self.start(200, ("Content-Length", str(size)))
                    self.wfile.write(body[:1000])
                    time.sleep(60)
                elif name == "/slow":
                    self.start(200, ("Content-Length", str(size)))
                    for i in range(300):
                        self.wfile.write(body[i:i + 1])
                        time.sleep(0.1)
                elif name == "/away": self.start(503, ("Content-Length", "0"))
                else: self.start(404, ("Content-Length", "0"))
        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6
            daemon_threads = True
        server = Server(("::1", 0), Handler)
        if len(sys.argv) > 2:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[2], sys.argv[3])
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with open(sys.argv[1] + ".new", "w") as file: file.write(str(server.server_port))
        os.rename(sys.argv[1] + ".new", sys.argv[1])
        server.serve_forever()
        """#

    package static func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 % 256 * 31 + 1) }
    }

    private init(_ port: Int, _ authority: String, isSecure: Bool) {
        self.port = port
        self.authority = authority
        self.isSecure = isSecure
    }

    package func url(_ path: String) -> String { "http\(isSecure ? "s" : "")://[::1]:\(port)\(path)" }

    /// Runs `body` beside a server, which then ends.
    package static func run(secure: Bool = false, _ body: (WebServer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-web-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }  // It is in /tmp: what stays harms nothing.
        var words = ["-c", program, folder + "/port"]
        if secure {
            try tool(
                "/usr/bin/openssl",
                ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=images.test"]
                    + [
                        "-addext", "subjectAltName=DNS:images.test", "-keyout", folder + "/key", "-out",
                        folder + "/cert",
                    ]
            ).waitUntilExit()
            words += [folder + "/cert", folder + "/key"]
        }
        let process = try tool("/usr/bin/python3", words)
        defer {
            // Whatever signals the tests' own threads block: this one cannot be.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        try await eventually("the web server is there") { FileManager.default.fileExists(atPath: folder + "/port") }
        let port = try #require(Int(try String(contentsOfFile: folder + "/port", encoding: .utf8)))
        try await body(WebServer(port, folder + "/cert", isSecure: secure))
    }

    private static func tool(_ path: String, _ words: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = words
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
}
