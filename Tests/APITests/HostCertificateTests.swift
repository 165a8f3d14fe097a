import Authenticators
import Foundation
import Testing
import Waiting

/// Hosts prove themselves in TLS by a certificate, with stock clients.
@Suite(.serialized) struct HostCertificateTests {
    /// A host that has joined, with a key and a certificate that openssl has made and asked for.
    private struct Machine {
        var name: String
        var id: String
        var credential: String
        /// Proves itself by its certificate alone.
        var curl: Curl
        var files: String
    }

    private static func shell(_ script: String) async throws -> (code: Int32, output: String) {
        try await run("/bin/sh", ["-c", script])
    }

    private static func encrypted(_ server: LiveServer, _ headers: [String] = [], _ options: [String] = []) -> Curl {
        Curl(
            base: server.encrypted.url, headers: headers,
            options: ["--cacert", server.folder + "/tls/ca.pem"] + options)
    }

    /// - Parameter subject: that the request asks for.
    private static func join(_ server: LiveServer, _ name: String, _ number: Int, subject: String = "/CN=me")
        async throws -> Machine
    {
        let token = try #require(try await server.curl("POST", "/v1/join-tokens", "{}").text("token"))
        let joined = try await encrypted(server, ["Authorization: Bearer \(token)"])(
            "POST", "/v1/join", #"{"name":"\#(name)","vtep":"2001:db8::\#(number)","interface":"u0"}"#)
        let credential = try #require(joined.text("credential"))
        let files = server.folder + "/" + name
        let (code, request) = try await shell(
            """
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout '\(files).key' -subj '\(subject)' \
            -addext 'subjectAltName=URI:urn:kc:host:00000000-0000-4000-8000-000000000001' 2>/dev/null
            """)
        #expect(code == 0)
        let body = try JSONSerialization.data(withJSONObject: ["request": request])
        let made = try await encrypted(server, ["Authorization: Bearer \(credential)"])(
            "POST", "/v1/hosts/\(name)/certificate", String(decoding: body, as: UTF8.self))
        #expect(made.status == 201, "\(made.body)")
        try Data((made.text("certificate") ?? "").utf8).write(to: URL(filePath: files + ".pem"))
        return Machine(
            name: name, id: joined.text("host", "id") ?? "", credential: credential,
            curl: encrypted(server, [], ["--cert", files + ".pem", "--key", files + ".key"]), files: files)
    }

    @Test func `a host is who its certificate says, and only for itself`() async throws {
        try await LiveServer.with { server in
            let first = try await Self.join(server, "h1", 1, subject: "/CN=h2/O=admin")
            let second = try await Self.join(server, "h2", 2)
            let who = try await first.curl("GET", "/v1/whoami")
            #expect(who.text("role") == "host" && who.body.contains(first.id), "\(who.body)")
            #expect(try await first.curl("POST", "/v1/hosts/h1/lease").status == 204)
            // Whatever its request asked for.
            #expect(try await first.curl("POST", "/v1/hosts/h2/lease").status == 403)
            #expect(try await first.curl("GET", "/v1/hosts").status == 403)
            // With its certificate it may have the next one, and not another host's.
            let request = try await Self.shell("openssl req -new -key '\(first.files).key' -subj /CN=x")
            let body = String(
                decoding: try JSONSerialization.data(withJSONObject: ["request": request.output]), as: UTF8.self)
            #expect(try await first.curl("POST", "/v1/hosts/h1/certificate", body).status == 201)
            #expect(try await first.curl("POST", "/v1/hosts/h2/certificate", body).status == 403)
            // Another host's credential over this certificate: one of the two is not his.
            let both = try await first.curl(
                "POST", "/v1/hosts/h2/lease", headers: ["Authorization: Bearer \(second.credential)"])
            #expect(both.status == 401 && both.body.contains("another host's"), "\(both.body)")
            #expect(
                try await first.curl(
                    "POST", "/v1/hosts/h1/lease", headers: ["Authorization: Bearer \(first.credential)"]
                ).status == 204)
            // What stock openssl reads in it.
            let (_, text) = try await Self.shell("openssl x509 -noout -text -in '\(first.files).pem'")
            #expect(text.contains("URI:urn:kc:host:\(first.id)") && text.contains("TLS Web Client Authentication"))
            #expect(!text.contains("O = admin") && !text.contains("00000000-0000-4000-8000-000000000001"))
            let (code, _) = try await Self.shell(
                "openssl verify -purpose sslclient -CAfile '\(server.folder)/tls/ca.pem' '\(first.files).pem'")
            #expect(code == 0)
            // People without one go on, with their tokens.
            let person = Self.encrypted(server, ["Authorization: Bearer \(server.token)"])
            #expect(try await person("GET", "/v1/hosts").status == 200)
            #expect(try await Self.encrypted(server)("GET", "/v1/hosts").status == 401)
            #expect(try await Self.encrypted(server)("GET", "/healthz").status == 200)
        }
    }

    @Test func `a certificate ends with its host and with its credential`() async throws {
        try await LiveServer.with { server in
            let first = try await Self.join(server, "h1", 1)
            let second = try await Self.join(server, "h2", 2)
            let stream = try EventReader(second.curl, "/v1/hosts/h2/desired")
            defer { stream.stop() }
            try await eventually("the stream") { !stream.events.isEmpty }
            #expect(try await server.curl("POST", "/v1/hosts/h1/credential").status == 201)
            let rotated = try await first.curl("POST", "/v1/hosts/h1/lease")
            #expect(rotated.status == 401 && rotated.body.contains("its credential was replaced"), "\(rotated.body)")
            #expect(try await server.curl("DELETE", "/v1/hosts/h2").status == 204)
            let deleted = try await second.curl("POST", "/v1/hosts/h2/lease")
            #expect(deleted.status == 401 && deleted.body.contains("was deleted"), "\(deleted.body)")
            try await eventually("its stream ends") { !stream.isRunning }
        }
    }

    @Test func `an expired certificate is refused, and the stream that it opened goes on`() async throws {
        try await LiveServer.with(hostCertificates: 2) { server in
            let host = try await Self.join(server, "h1", 1)
            #expect(try await host.curl("POST", "/v1/hosts/h1/lease").status == 204)
            let stream = try EventReader(host.curl, "/v1/hosts/h1/desired")
            defer { stream.stop() }
            try await eventually("the stream") { !stream.events.isEmpty }
            try await eventually("the end of its time") {
                let reply = try await host.curl("POST", "/v1/hosts/h1/lease")
                return reply.status == 401 && reply.body.contains("has expired at")
            }
            let before = stream.events.count
            try await server.make("/v1/hosts", #"{"name":"other","spec":{"vtep":"2001:db8::9","interface":"u0"}}"#)
            // Beyond the next look at who holds it, which is each 2 s.
            try await eventually("a change on the stream", within: .seconds(10)) { stream.events.count > before }
            #expect(stream.isRunning)
            // Its credential is good still.
            let bearer = Self.encrypted(server, ["Authorization: Bearer \(host.credential)"])
            #expect(try await bearer("POST", "/v1/hosts/h1/lease").status == 204)
        }
    }

    @Test func `no certificate of another authority, and no request of another key, is taken`() async throws {
        try await LiveServer.with { server in
            let host = try await Self.join(server, "h1", 1)
            let folder = server.folder
            // The same names, and an issuer of the same name, signed by somebody else.
            let (code, _) = try await Self.shell(
                """
                cd '\(folder)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout evil-ca.key \
                -out evil-ca.pem -days 1 -subj "$(openssl x509 -in tls/ca.pem -noout -subject -nameopt compat | \
                sed 's/subject=/\\//; s/ //; s/\\/ /\\//')" 2>/dev/null && \
                openssl req -new -key h1.key -subj /CN=h1 -out evil.csr && \
                printf 'subjectAltName=URI:urn:kc:host:\(host.id)\\nextendedKeyUsage=clientAuth\\n' > evil.ext && \
                openssl x509 -req -in evil.csr -CA evil-ca.pem -CAkey evil-ca.key -days 1 -extfile evil.ext -out evil.pem \
                2>/dev/null
                """)
            #expect(code == 0)
            let evil = Self.encrypted(server, [], ["--cert", folder + "/evil.pem", "--key", folder + "/h1.key"])
            let reply = try await evil("POST", "/v1/hosts/h1/lease")
            #expect(reply.status == 401 && reply.body.contains("of no authority"), "\(reply.body)")
            // The server's own is signed by the authority, and is no client's.
            let own = Self.encrypted(
                server, [], ["--cert", folder + "/tls/certificate.pem", "--key", folder + "/tls/key.pem"])
            #expect(try await own("POST", "/v1/hosts/h1/lease").body.contains("not one for clients"))
            // A certificate without its key gets no connection at all.
            let keyless = try await Self.shell(
                "openssl ecparam -name prime256v1 -genkey -noout -out '\(folder)/other.key'; "
                    + "openssl s_client -connect '\(server.encrypted.url.dropFirst(8))' -cert '\(host.files).pem' "
                    + "-key '\(folder)/other.key' </dev/null 2>&1")
            #expect(keyless.code != 0)
            let bearer = Self.encrypted(server, ["Authorization: Bearer \(host.credential)"])
            for request in [
                "", "no request", "-----BEGIN CERTIFICATE REQUEST-----\\nAAAA\\n-----END CERTIFICATE REQUEST-----",
            ] {
                let reply = try await bearer("POST", "/v1/hosts/h1/certificate", #"{"request":"\#(request)"}"#)
                #expect(reply.status == 422 && reply.text("field") == "request", "\(reply.body)")
            }
        }
    }

    @Test func `a resumed session is its certificate's too`() async throws {
        try await LiveServer.with { server in
            let host = try await Self.join(server, "h1", 1)
            for version in ["-tls1_2", "-tls1_3"] {
                let common =
                    "openssl s_client -ign_eof -quiet \(version) -connect '\(server.encrypted.url.dropFirst(8))' "
                    + "-cert '\(host.files).pem' -key '\(host.files).key'"
                let ask = #"printf 'GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | "#
                let session = "'\(server.folder)/session'"
                let first = try await Self.shell("rm -f \(session); \(ask)\(common) -sess_out \(session) 2>/dev/null")
                #expect(first.output.contains(host.id), "\(version) \(first.output)")
                let second = try await Self.shell(
                    "\(ask)\(common) -sess_in \(session) 2>/dev/null")
                #expect(second.output.contains(host.id), "\(version) \(second.output)")
            }
        }
    }
}
