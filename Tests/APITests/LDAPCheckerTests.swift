import Authenticators
import Foundation
import Persistence
import Resources
import Synchronization
import TestLogs
import Testing
import Waiting

/// Users of a directory, against a real slapd, and against servers that lie.
@Suite(.serialized) struct LDAPCheckerTests {
    static let now = Timestamp(milliseconds: 1_800_000_000_000)
    private static let groups =
        #""groups":{"base":"ou=groups,dc=example,dc=org","grants":{"engineers":{"projects":{"web":"operator"}},"admins":{"everywhere":"admin"}}}"#
    private static let template = #""users":{"template":"uid={name},ou=people,dc=example,dc=org"}"#

    /// The first checker of a file that says so.
    private static func checker(
        _ folder: String, _ fields: String, _ report: @escaping @Sendable (CheckerFailure) -> Void = { _ in }
    ) throws -> any Checker {
        let path = folder + "/checkers.json"
        try #"{"checkers":[{"type":"ldap",\#(fields)}]}"#.write(toFile: path, atomically: true, encoding: .utf8)
        return CheckerChain(try CheckersFile.load(path, report: report))
    }

    private static func ask(
        _ checker: any Checker, _ name: String, _ password: String, from peer: String = "2001:db8::1"
    ) async throws(StoreError) -> Verdict {
        let header = "Basic " + Data("\(name):\(password)".utf8).base64EncodedString()
        return try await checker.check(
            CheckedRequest(authorization: header, method: "GET", path: "/v1/projects/web/segments", peer: .tcp(peer)),
            now: now)
    }

    private static func allowed(_ name: String, _ grants: Grants) -> Verdict {
        .allow(.identity(Identity(name: "user/\(name)", grants: grants)))
    }

    private static func isDenied(_ verdict: Verdict) -> Bool { if case .deny = verdict { true } else { false } }

    @Test func `a bind proves a user, and his groups give him roles, by StartTLS and in TLS`() async throws {
        try await TestDirectory.with { directory in
            let engineer = Grants(projects: ["web": .operator])
            let account =
                #""bind":{"dn":"\#(TestDirectory.account)","passwordFile":"\#(directory.folder)/password"}"#
            let search = #""users":{"base":"ou=people,dc=example,dc=org","class":"inetOrgPerson"}"#
            for url in ["ldap://localhost:\(directory.port)", "ldaps://localhost:\(directory.securePort)"] {
                let place = #""url":"\#(url)","ca":"\#(directory.folder)/ca.pem","timeoutSeconds":30"#
                for users in [Self.template, "\(search),\(account)"] {
                    let checker = try Self.checker(directory.folder, "\(place),\(users),\(Self.groups)") {
                        Issue.record("\($0)")
                    }
                    let engineers = ["eva", "o,neil"]
                    for name in engineers {
                        let verdict = try await Self.ask(checker, name, "secret of \(name)")
                        // A group below another one is none of the operator's: `admins` gives nothing.
                        #expect(verdict == Self.allowed(name, engineer), "\(url) \(users) \(name)")
                    }
                    for (name, password) in [
                        ("eva", "wrong"), ("eva", ""), ("eva", "secret of eva "), ("ina", "secret of ina"),
                        ("nobody", "secret of nobody"), ("nobody", ""), ("*", "secret of eva"),
                        ("ev*", "secret of eva"),
                        ("eva)(uid=*", "secret of eva"), ("*)(objectClass=*", "x"), ("eva,ou=people", "secret of eva"),
                        ("Eva", "secret of eva"), ("EVA", "secret of eva"), (" eva", "secret of eva"),
                        ("eva ", "secret of eva"), ("eva\\00", "secret of eva"), ("eva\u{1}", "secret of eva"),
                        ("eva+uid=ina", "secret of eva"), ("ｅｖａ", "secret of eva"), ("uid=eva", "secret of eva"),
                        (String(repeating: "a", count: 1_000_000), "x"), (String(repeating: "a", count: 600), "x"),
                    ] {
                        // From another network each time, so that no guess waits for another.
                        let peer = "2001:db8:\(Int.random(in: 1...9999)):\(Int.random(in: 1...9999))::1"
                        let verdict = try await Self.ask(checker, name, password, from: peer)
                        #expect(Self.isDenied(verdict) || verdict == .pass, "\(url) \(name.prefix(40)): \(verdict)")
                    }
                }
            }
        }
    }

    @Test func `members by name, roles by user beside roles by group, and a name that is twice there`() async throws {
        try await TestDirectory.with { directory in
            let failures = Mutex<[String]>([])
            let fields = #"""
                "url":"ldaps://localhost:\#(directory.securePort)","ca":"\#(directory.folder)/ca.pem",
                "timeoutSeconds":30,"users":{"base":"dc=example,dc=org"},
                "bind":{"dn":"\#(TestDirectory.account)","passwordFile":"\#(directory.folder)/password"},
                "groups":{"base":"ou=groups,dc=example,dc=org","member":"memberUid","memberIs":"name","class":"posixGroup",
                          "grants":{"readers":{"everywhere":"viewer","projects":{"web":"viewer"}}}},
                "grants":{"eva":{"projects":{"web":"admin"}},"ina":{"projects":{"lab":"viewer"}}}
                """#
            let checker = try Self.checker(directory.folder, fields) { failure in
                failures.withLock { $0.append(failure.description) }
            }
            #expect(
                try await Self.ask(checker, "eva", "secret of eva")
                    == Self.allowed("eva", Grants(everywhere: .viewer, projects: ["web": .admin])))
            #expect(
                try await Self.ask(checker, "st*r", "secret of st*r")
                    == Self.allowed("st*r", Grants(everywhere: .viewer, projects: ["web": .viewer])))
            #expect(
                try await Self.ask(checker, "ina", "secret of ina")
                    == Self.allowed("ina", Grants(projects: ["lab": .viewer])))
            #expect(Self.isDenied(try await Self.ask(checker, "mia", "secret of Mia")))
            #expect(failures.withLock(\.self).isEmpty)
            await #expect(throws: StoreError.self) { try await Self.ask(checker, "kai", "secret of kai") }
            #expect(failures.withLock(\.self).contains { $0.contains("several users of one name") })
            // The account's password changes in the file: the next check reads it, and says what is wrong.
            try "not it".write(toFile: directory.folder + "/password", atomically: true, encoding: .utf8)
            await #expect(throws: StoreError.self) { try await Self.ask(checker, "o,neil", "secret of o,neil") }
            #expect(
                failures.withLock(\.self).contains {
                    $0.contains(TestDirectory.account) && $0.contains("invalidCredentials")
                })
            #expect(!failures.withLock(\.self).contains { $0.contains("secret") || $0.contains("not it") })
        }
    }

    @Test func `another authority, another name, a referral and a directory that is away let nobody in`() async throws {
        try await TestDirectory.with { directory in
            let failures = Mutex<[String]>([])
            func fails(_ url: String, _ ca: String, _ groups: String = Self.groups) async throws -> String {
                failures.withLock { $0 = [] }
                let checker = try Self.checker(
                    directory.folder,
                    #""url":"\#(url)","ca":"\#(directory.folder)/\#(ca)","timeoutSeconds":20,\#(Self.template),\#(groups)"#
                ) { failure in failures.withLock { $0.append(failure.description) } }
                let error = await #expect(throws: StoreError.self, "\(url) \(ca)") {
                    try await Self.ask(checker, "eva", "secret of eva")
                }
                #expect(error?.code == .unavailable)
                return failures.withLock(\.self).joined(separator: "\n")
            }
            for (scheme, port) in [("ldap", directory.port), ("ldaps", directory.securePort)] {
                #expect(try await fails("\(scheme)://localhost:\(port)", "stranger.pem").contains("CERTIFICATE"))
                // Its certificate names localhost alone.
                let reason = try await fails("\(scheme)://127.0.0.1:\(port)", "ca.pem")
                #expect(reason.contains("failedToValidateHostname"), "\(reason)")
                let elsewhere = #""groups":{"base":"dc=elsewhere","grants":{"x":{"everywhere":"admin"}}}"#
                let referred = try await fails("\(scheme)://localhost:\(port)", "ca.pem", elsewhere)
                #expect(referred.contains("to which nobody goes"), "\(referred)")
            }
            // TLS from the first byte where StartTLS is spoken, and the other way round.
            _ = try await fails("ldaps://localhost:\(directory.port)", "ca.pem")
            _ = try await fails("ldap://localhost:\(directory.securePort)", "ca.pem")
            _ = try await fails("ldap://localhost:\(FreePorts.two())", "ca.pem")
        }
    }

    /// Reads one message and answers as its name says; what it has read it writes into a file.
    private static let liar = #"""
        import socket, sys, threading
        folder, kind, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
        def message(number, tag, code): return bytes([0x30, 12, 2, 1, number, tag, 7, 10, 1, code, 4, 0, 4, 0])
        START, BOUND = message(1, 0x78, 0), message(2, 0x61, 0)
        ANSWERS = {
            "silent": b"", "refuses": message(1, 0x78, 2), "goodbye": message(0, 0x78, 52), "injects": START + BOUND,
            "bound": BOUND, "other": message(7, 0x78, 0), "entry": bytes([0x30, 8, 2, 1, 1, 0x64, 3, 4, 1, 0x61]),
            "garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n", "endless": b"\x30\x84\x7f\xff\xff\xff", "wide": b"\x30\x88" + b"\x01" * 8,
            "unbounded": b"\x30\x80" + b"\x04\x01a" * 5000, "huge": b"\x30\x83\x03\xff\xf0" + b"a" * 262128,
            "deep": b"\x30\x82\x01\x90" + b"\x30\x80" * 200, "number": b"\x30\x0c\x02\x01\x01\x78\x07\x02\x01\x00\x04\x00\x04\x00",
            "wide-number": b"\x30\x0d\x02\x09" + b"\x7f" * 9 + b"\x78\x00", "empty": b"\x30\x00", "stripped": START, "closes": None,
        }
        def serve(client):
            read = client.recv(65536)
            answer = ANSWERS[kind]
            if answer is None: client.close(); return
            if answer: client.sendall(answer)
            while True:
                try: more = client.recv(65536)
                except OSError: break
                if not more: break
                read += more
                # What follows an agreed StartTLS is TLS: it gets nonsense.
                if kind == "stripped": client.sendall(BOUND)
            with open(folder + "/read-" + kind, "ab") as file: file.write(read)
        server = socket.create_server(("127.0.0.1", port))
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()
        """#

    @Test(arguments: [
        "silent", "refuses", "goodbye", "injects", "bound", "other", "entry", "garbage", "endless", "wide", "unbounded",
        "huge", "deep", "number", "wide-number", "empty", "stripped", "closes",
    ])
    func `a server that does not begin TLS gets no password and lets nobody in`(kind: String) async throws {
        try await withFolder { folder in
            try Self.liar.write(toFile: folder + "/liar.py", atomically: true, encoding: .utf8)
            let port = FreePorts.two()
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [folder + "/liar.py", folder, kind, "\(port)"]
            try process.run()
            defer {
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
            }
            let failures = Mutex<[String]>([])
            let checker = try Self.checker(
                folder, #""url":"ldap://127.0.0.1:\#(port)","timeoutSeconds":2,\#(Self.template),\#(Self.groups)"#
            ) { failure in failures.withLock { $0.append(failure.description) } }
            func isRefused() async throws -> Bool {
                let error = await #expect(throws: StoreError.self) {
                    try await Self.ask(checker, "eva", "canary-password")
                }
                return error?.code == .unavailable
            }
            try await eventually("the liar", within: .seconds(60)) {
                failures.withLock { $0 = [] }
                let start = ContinuousClock.now
                let isRefused = try await isRefused()
                #expect(isRefused)
                #expect(start.duration(to: .now) < .seconds(30))
                // What it has read it says when the client has gone; before it listens there is nothing.
                guard kind != "closes", let read = FileManager.default.contents(atPath: folder + "/read-\(kind)") else {
                    return kind == "closes"
                }
                #expect(read.range(of: Data("canary".utf8)) == nil)
                return read.range(of: Data("1.3.6.1.4.1.1466.20037".utf8)) != nil
            }
            #expect(!failures.withLock(\.self).contains { $0.contains("canary") })
            if kind == "refuses" { #expect(failures.withLock(\.self).contains { $0.contains("StartTLS") }) }
            if kind == "silent" { #expect(failures.withLock(\.self).contains { $0.contains("within") }) }
        }
    }

    @Test func `a file that does not say what it must is refused by field`() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer {
            // What cannot be removed now is in the system's folder for such things.
            try? FileManager.default.removeItem(atPath: folder)
        }
        let url = #""url":"ldaps://localhost""#
        for (fields, words) in [
            (#""url":"http://localhost",\#(Self.template),\#(Self.groups)"#, ["checkers[0].url", "ldaps://HOST"]),
            (#""url":"ldap://eva@localhost",\#(Self.template),\#(Self.groups)"#, ["checkers[0].url"]),
            (#""url":"ldap://localhost/dc=org",\#(Self.template),\#(Self.groups)"#, ["checkers[0].url"]),
            (#""url":"ldap://localhost:0",\#(Self.template),\#(Self.groups)"#, ["checkers[0].url"]),
            (#""url":"ldaps://",\#(Self.template),\#(Self.groups)"#, ["checkers[0].url"]),
            (#"\#(url),"ca":"/nowhere",\#(Self.template),\#(Self.groups)"#, ["checkers[0].ca", "/nowhere"]),
            (url, ["checkers[0].users", "required"]),
            (#"\#(url),\#(Self.template)"#, ["groups", "or 'grants'"]),
            (#"\#(url),"users":{"template":"uid=eva"},\#(Self.groups)"#, ["users.template", "{name}"]),
            (#"\#(url),"users":{"template":"{name},{name}"},\#(Self.groups)"#, ["users.template"]),
            (#"\#(url),"users":{"base":"people"},\#(Self.groups)"#, ["users.base", "distinguished"]),
            (#"\#(url),"users":{"base":"dc=a","attribute":"uid)(x"},\#(Self.groups)"#, ["users.attribute"]),
            (#"\#(url),"users":{"base":"dc=a","filter":"(x=y)"},\#(Self.groups)"#, ["users.filter", "not a field"]),
            (#"\#(url),\#(Self.template),"groups":{"base":"dc=a","memberIs":"uid","grants":{}}"#, ["groups.memberIs"]),
            (
                #"\#(url),\#(Self.template),"groups":{"base":"dc=a","grants":{"a":{"everywhere":"root"}}}"#,
                ["groups.grants.a.everywhere", "viewer"]
            ),
            (
                #"\#(url),\#(Self.template),\#(Self.groups),"bind":{"dn":"cn=a","passwordFile":"x"}"#,
                ["bind.passwordFile", "absolute"]
            ),
            (
                #"\#(url),\#(Self.template),\#(Self.groups),"bind":{"dn":"cn=a","passwordFile":"\#(folder)/none"}"#,
                [folder + "/none"]
            ),
            (#"\#(url),\#(Self.template),\#(Self.groups),"timeoutSeconds":60"#, ["timeoutSeconds", "1 to 30"]),
        ] {
            do {
                _ = try Self.checker(folder, fields)
                Issue.record("it was taken: \(fields)")
            } catch {
                for word in words { #expect("\(error)".contains(word), "\(error) lacks \(word)") }
            }
        }
    }

    @Test func `the API lets users of a directory in, remembers them, and locks out who guesses`() async throws {
        let log = LogBook()
        try await TestDirectory.with { directory in
            try await LiveServer.with(log: log) { own, _ in
                let place =
                    #""url":"ldap://localhost:\#(directory.port)","ca":"\#(directory.folder)/ca.pem","timeoutSeconds":30"#
                let groups =
                    #""groups":{"base":"ou=groups,dc=example,dc=org","grants":{"engineers":{"projects":{"default":"viewer"}}}}"#
                try #"{"checkers":[{"type":"ldap",\#(place),\#(Self.template),\#(groups)}]}"#.write(
                    toFile: directory.folder + "/api.json", atomically: true, encoding: .utf8)
                let links = try CheckersFile.load(directory.folder + "/api.json") { _ in }
                return CheckerChain([CheckerChain.Link(own, isGuessable: false, looksAtCertificates: true)] + links)
            } _: { server in
                try await Self.useAPI(server, log)
            }
        }
    }

    private static func useAPI(_ server: LiveServer, _ log: LogBook) async throws {
        let path = "/v1/projects/default/segments"
        let eva = Curl(base: server.anonymous.base, options: ["-u", "eva:secret of eva"])
        #expect(try await eva("GET", "/v1/whoami").text("name") == "user/eva")
        #expect(try await eva("GET", path).status == 200)
        #expect(try await eva("POST", path, #"{"name":"x","spec":{"ipam":"none"}}"#).status == 403)
        let wrong = Curl(base: server.anonymous.base, options: ["-u", "eva:wrong"])
        for _ in 1...5 { #expect(try await wrong("GET", path).status == 401) }
        #expect(try await wrong("GET", path).status == 429)
        // Who knows the password goes on.
        #expect(try await eva("GET", path).status == 200)
        #expect(!log.lines.contains { $0.contains("secret of") })
    }
}
