import Authenticators
import Foundation
import HTTPAPI
import HTTPServing
import Logging
import TestLogs
import Testing
import Waiting

/// The server's certificate changes under it.
@Suite(.serialized) struct CertificateReloadTests {
    /// SHA-256 of the certificate that a new connection sees, as stock openssl tells it.
    private static func shown(_ server: LiveServer) async throws -> String {
        let place = server.encrypted.url.replacing("https://", with: "")
        let (_, output) = try await run(
            "/bin/sh",
            [
                "-c",
                "openssl s_client -connect '\(place)' </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256",
            ])
        return output.split(separator: "=").last.map {
            $0.filter { $0 != ":" }.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
        } ?? ""
    }

    /// Another certificate, in a folder of its own.
    private static func make(_ server: LiveServer, _ name: String) throws -> ServerCertificate {
        try ServerCertificate(
            directory: server.folder + "/" + name, names: [], addresses: [[UInt8](repeating: 0, count: 15) + [1]])
    }

    private static func put(_ file: String, _ server: LiveServer, as name: String) throws {
        try Data(contentsOf: URL(filePath: file)).write(to: URL(filePath: server.folder + "/tls/" + name))
    }

    @Test func `a certificate that is replaced is shown from then on, and one that cannot be used is not`() async throws
    {
        let log = LogBook()
        try await LiveServer.with(log: log) { server in
            let first = try await Self.shown(server)
            let watch = try EventReader(
                Curl(base: server.encrypted.url, headers: ["Authorization: Bearer \(server.token)"], options: ["-k"]),
                "/v1/projects?watch=true")
            defer { watch.stop() }
            try await eventually("the stream") { watch.events.contains { $0.name == "bookmark" } }

            let second = try Self.make(server, "second")
            try Self.put(second.keyPath, server, as: "key.pem")
            try Self.put(second.certificatePath, server, as: "certificate.pem")
            #expect(first.count == 64 && first != second.fingerprint)
            try await eventually("the second") { try await Self.shown(server) == second.fingerprint }
            // Whoever joins now is told what he will see.
            let join = try await server.curl("POST", "/v1/join-tokens", "{}")
            #expect(join.text("token")?.hasSuffix("." + second.fingerprint) == true)

            func complaints() -> [String] { log.lines.filter { $0.contains("the certificate stays what it was") } }
            let before = complaints().count
            try Data("no certificate".utf8).write(to: URL(filePath: server.folder + "/tls/certificate.pem"))
            try await eventually("a complaint") { complaints().count > before }
            #expect(complaints().last?.contains("certificate.pem is no certificate in PEM") == true)
            #expect(try await Self.shown(server) == second.fingerprint)

            // A certificate whose key is another one.
            let third = try Self.make(server, "third")
            try Self.put(third.certificatePath, server, as: "certificate.pem")
            try await eventually("another complaint") { complaints().last?.contains("is not that of") == true }
            #expect(try await Self.shown(server) == second.fingerprint)
            try FileManager.default.removeItem(atPath: server.folder + "/tls/key.pem")
            try await eventually("a third complaint") { complaints().last?.contains("is no private key") == true }
            #expect(try await Self.shown(server) == second.fingerprint)
            try Self.put(third.keyPath, server, as: "key.pem")
            try await eventually("the third") { try await Self.shown(server) == third.fingerprint }

            // Who was connected all the time was not disturbed.
            try await server.make("/v1/projects", #"{"name":"later","spec":{}}"#)
            try await eventually("the stream goes on") { watch.events.contains { $0.data.contains("later") } }
            #expect(watch.isRunning)
        }
    }

    @Test func `a server does not start with a key that is not its certificate's`() async throws {
        try await LiveServer.with { server in
            let other = try Self.make(server, "other")
            let files = Listener.TLSFiles(
                certificate: server.folder + "/tls/certificate.pem", key: other.keyPath)
            let error = #expect(throws: ServedCertificate.Refusal.self) {
                try ServedCertificate(files, logger: Logger(label: "test"))
            }
            #expect(error?.description.contains("is not that of") == true)
        }
    }
}
