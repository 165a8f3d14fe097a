import Authenticators
import Foundation
import Testing
import Waiting

/// People with certificates of an operator's authority, with stock openssl and curl.
@Suite(.serialized) struct PeopleCertificateTests {
    /// An authority, one below it, and people of both; another authority with the same people.
    private static let make = #"""
        set -e
        ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -days 2 \
            -subj "/CN=$2" 2>/dev/null; }
        # NAME SUBJECT SAN ISSUER SECONDS-OR-DAYS EXTRA
        leaf() { openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "$2" -out "$1.csr" \
            2>/dev/null
            printf '%s\n' "$3" ${5:+"$5"} > "$1.ext"
            openssl x509 -req -in "$1.csr" -CA "$4.pem" -CAkey "$4.key" -CAcreateserial -days 1 -extfile "$1.ext" \
            -out "$1.pem" 2>/dev/null; }
        ca root "People"
        leaf below "/CN=Below" basicConstraints=critical,CA:TRUE root
        leaf eva "/CN=eva" subjectAltName=email:eva@example.org root extendedKeyUsage=clientAuth
        leaf ina "/CN=ina" subjectAltName=email:ina@example.org below
        cat below.pem >> ina.pem
        leaf web "/CN=eva" subjectAltName=email:eva@example.org root extendedKeyUsage=serverAuth
        leaf two "/CN=two" subjectAltName=email:eva@example.org,email:ina@example.org root
        leaf nobody "/CN=nobody" subjectAltName=email:nobody@example.org root
        leaf under "/CN=under" subjectAltName=email:eva@example.org eva
        cat eva.pem >> under.pem
        # Without a subject, with everything that may be critical marked so.
        printf '%s\n' 'subjectAltName=critical,email:eva@example.org' 'extendedKeyUsage=critical,clientAuth' \
            'keyUsage=critical,digitalSignature' 'basicConstraints=critical,CA:FALSE' > critical.ext
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout critical.key -subj / -out critical.csr \
            2>/dev/null
        openssl x509 -req -in critical.csr -CA root.pem -CAkey root.key -days 1 -extfile critical.ext -out critical.pem \
            2>/dev/null
        # Below an authority for servers, and below one that may sign nothing.
        leaf servers "/CN=Servers" basicConstraints=critical,CA:TRUE root extendedKeyUsage=serverAuth
        leaf foe "/CN=foe" subjectAltName=email:eva@example.org servers
        cat servers.pem >> foe.pem
        leaf mute "/CN=Mute" basicConstraints=critical,CA:TRUE root keyUsage=critical,digitalSignature
        leaf deaf "/CN=deaf" subjectAltName=email:eva@example.org mute
        cat mute.pem >> deaf.pem
        ca evil "People"
        leaf false "/CN=eva" subjectAltName=email:eva@example.org evil
        """#

    private static func with(
        _ name: String = "email", _ eva: String = "eva@example.org", _ ina: String = "ina@example.org",
        _ body: (LiveServer, (String) -> Curl, String) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let (code, _) = try await run("/bin/bash", ["-c", "cd '\(folder)'\n" + make])
            try #require(code == 0)
            try """
            {"checkers":[{"type":"certificate","ca":"\(folder)/root.pem","name":"\(name)",
              "grants":{"\(eva)":{"projects":{"default":"operator"}},"\(ina)":{"projects":{"default":"viewer"}}}}]}
            """.write(toFile: folder + "/checkers.json", atomically: true, encoding: .utf8)
            try await LiveServer.with { own, _ in
                let links = try CheckersFile.load(folder + "/checkers.json") { _ in }
                return CheckerChain([CheckerChain.Link(own, isGuessable: false, looksAtCertificates: true)] + links)
            } _: { server in
                let client = { (name: String) in
                    Curl(
                        base: server.encrypted.url,
                        options: [
                            "--cacert", server.folder + "/tls/ca.pem", "--cert", "\(folder)/\(name).pem", "--key",
                            "\(folder)/\(name).key",
                        ])
                }
                try await body(server, client, folder)
            }
        }
    }

    private static let segments = "/v1/projects/default/segments"

    @Test func `a certificate's name has the roles that the file gives it`() async throws {
        try await Self.with { server, client, folder in
            #expect(try await client("eva")("GET", "/v1/whoami").text("name") == "user/eva@example.org")
            #expect(
                try await client("eva")("POST", Self.segments, #"{"name":"x","spec":{"ipam":"none"}}"#).status == 201)
            // By an authority below, whose certificate the client sends along.
            #expect(try await client("ina")("GET", Self.segments).status == 200)
            #expect(
                try await client("ina")("POST", Self.segments, #"{"name":"y","spec":{"ipam":"none"}}"#).status == 403)
            #expect(try await client("critical")("GET", "/v1/whoami").text("name") == "user/eva@example.org")
            for (name, words) in [
                ("foe", "not one for clients"), ("deaf", "none of an authority"),
                ("web", "not one for clients"), ("two", "not exactly one email"), ("nobody", "has no role"),
                ("under", "of no authority"), ("false", "of no authority"),
            ] {
                let reply = try await client(name)("GET", Self.segments)
                #expect(reply.status == 401 && reply.body.contains(words), "\(name): \(reply.body)")
            }
            // The header counts where there is one, whatever certificate is there too.
            let both = client("eva")
            #expect(
                try await both("GET", "/v1/whoami", headers: ["Authorization: Bearer \(server.token)"]).text("via")
                    == "admin-token")
            #expect(try await both("GET", "/v1/whoami", headers: ["Authorization: Bearer kct_wrong"]).status == 401)
            // Another authority in the file: who was let in is not any more, on an open connection too.
            let stream = try EventReader(client("eva"), Self.segments + "?watch=true")
            defer { stream.stop() }
            try await eventually("the stream") { !stream.events.isEmpty }
            try Data(contentsOf: URL(filePath: folder + "/evil.pem")).write(to: URL(filePath: folder + "/root.pem"))
            #expect(try await client("eva")("GET", Self.segments).status == 401)
            #expect(try await client("false")("GET", Self.segments).status == 200)
            try await eventually("the stream ends") { !stream.isRunning }
        }
    }

    @Test func `a session that is resumed has the whole chain`() async throws {
        try await Self.with("commonName", "eva", "ina") { server, _, folder in
            let common =
                "openssl s_client -ign_eof -quiet -tls1_2 -connect '\(server.encrypted.url.dropFirst(8))' "
                + "-cert '\(folder)/ina.pem' -key '\(folder)/ina.key' -cert_chain '\(folder)/below.pem'"
            let ask = #"printf 'GET /v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | "#
            for option in ["-sess_out", "-sess_in"] {
                let (_, output) = try await run(
                    "/bin/sh", ["-c", "\(ask)\(common) \(option) '\(folder)/session' 2>/dev/null"])
                #expect(output.contains("user/ina"), "\(option) \(output)")
            }
        }
    }

    @Test func `a certificate's end counts within a connection`() async throws {
        try await Self.with { server, client, folder in
            // openssl's own tool counts in days: a certificate of seconds needs its times written out.
            let (code, _) = try await run(
                "/bin/bash",
                [
                    "-c",
                    """
                    cd '\(folder)' && mkdir ca && touch ca/index.txt && echo 01 > ca/serial && openssl ca -batch -notext -in eva.csr \
                    -out brief.pem -cert root.pem -keyfile root.key -md sha256 -outdir ca -extfile eva.ext \
                    -enddate "$(date -u -d '+3 seconds' +%Y%m%d%H%M%SZ)" -config <(printf '[ca]\\ndefault_ca=x\\n[x]\\n\
                    database=ca/index.txt\\nserial=ca/serial\\npolicy=p\\n[p]\\ncommonName=supplied\\n') 2>ca/log && cp eva.key brief.key
                    """,
                ])
            try #require(code == 0)
            let stream = try EventReader(client("brief"), Self.segments + "?watch=true")
            defer { stream.stop() }
            try await eventually("the stream") { !stream.events.isEmpty }
            try await eventually("its end", within: .seconds(10)) { !stream.isRunning }
            let reply = try await client("brief")("GET", Self.segments)
            #expect(reply.status == 401 && reply.body.contains("has expired at"), "\(reply.body)")
            #expect(try await client("eva")("GET", Self.segments).status == 200)
        }
    }
}
