import Authenticators
import Foundation
import HTTPAPI
import HTTPServing
import Persistence
import Resources
import Testing

/// Ways to prove who asks, each with what it must refuse.
@Suite struct CheckerTests {
    static let now = Timestamp(milliseconds: 1_800_000_000_000)
    static let grants = ["eva": Grants(projects: ["default": .operator])]

    private func basic(_ name: String, _ password: String, from address: String = "2001:db8::1") -> CheckedRequest {
        let text = Data("\(name):\(password)".utf8).base64EncodedString()
        return CheckedRequest(authorization: "Basic \(text)", method: "GET", path: "/v1/whoami", peer: .tcp(address))
    }

    private func isLetIn(_ verdict: Verdict) -> Bool { if case .allow = verdict { true } else { false } }

    @Test func `a file of htpasswd lets in with bcrypt, apr1 and SHA, and is read again when it changes`() async throws
    {
        try await withFolder { folder in
            let path = folder + "/htpasswd"
            func write(_ hash: String) throws {
                try "# people\neva:\(hash)\n".write(toFile: path, atomically: true, encoding: .utf8)
            }
            let hashes = [
                "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
                "$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/",
                "{SHA}" + (try await sha("correct horse")),
            ]
            try write(hashes[0])
            let checker = try HtpasswdChecker(path: path, grants: Self.grants)
            for hash in hashes {
                try write(hash)
                #expect(isLetIn(try await checker.check(basic("eva", "correct horse"), now: Self.now)), "\(hash)")
                for (name, password) in [
                    ("eva", "correct hors"), ("eva", ""), ("Eva", "correct horse"), ("ina", "correct horse"),
                    ("eva", "correct horse\0"), ("eva", hash),
                ] {
                    let verdict = try await checker.check(basic(name, password), now: Self.now)
                    #expect(!isLetIn(verdict), "\(name) with \(password)")
                }
            }
            #expect(
                try await checker.check(
                    CheckedRequest(authorization: "Bearer x", method: "GET", path: "/", peer: .unix(userID: 1)),
                    now: Self.now) == .pass)
            for (text, line) in [("eva:plain", 1), ("\n#\neva", 3), ("a:{SHA}x\na:{SHA}y", 2), (":{SHA}x", 1)] {
                try text.write(toFile: path, atomically: true, encoding: .utf8)
                do throws(CheckerFailure) {
                    _ = try HtpasswdChecker(path: path, grants: [:])
                    Issue.record("'\(text)' was taken")
                } catch { #expect(error.description.contains("line \(line):"), "\(error)") }
            }
            // A file that has become wrong lets nobody in, and does not say why to who asks.
            do throws(StoreError) {
                _ = try await checker.check(basic("eva", "correct horse"), now: Self.now)
                Issue.record("it was read")
            } catch { #expect(error.code == .unavailable && !error.description.contains(path)) }
        }
    }

    private func sha(_ text: String) async throws -> String {
        let (_, output) = try await run("/bin/sh", ["-c", "printf %s '\(text)' | openssl dgst -sha1 -binary | base64"])
        return output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func `apr1 hashes are those of openssl, whatever the length of password and salt`() async throws {
        try await withFolder { folder in
            for length in [1, 2, 7, 15, 16, 17, 31, 33, 64] {
                let password = String((0..<length).map { Character(UnicodeScalar(UInt8(97 + $0 % 26))) })
                let salt = String("saltsalt".prefix(1 + length % 8))
                let (_, hash) = try await run("/usr/bin/openssl", ["passwd", "-apr1", "-salt", salt, password])
                let path = folder + "/htpasswd"
                try "eva:\(hash)".write(toFile: path, atomically: true, encoding: .utf8)
                let checker = try HtpasswdChecker(path: path, grants: Self.grants)
                #expect(isLetIn(try await checker.check(basic("eva", password), now: Self.now)), "\(hash)")
                #expect(!isLetIn(try await checker.check(basic("eva", password + "x"), now: Self.now)))
            }
        }
    }

    @Test(.timeLimit(.minutes(2))) func `who floods a slow check stands in his own way, and is told so at once`()
        async throws
    {
        try await withFolder { folder in
            let path = folder + "/htpasswd"
            try "eva:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n".write(
                toFile: path, atomically: true, encoding: .utf8)
            let checker = try HtpasswdChecker(path: path, grants: Self.grants)
            // As many at a time as a network has ports: names that nobody has cost as much as one that somebody has.
            let flood = await verdicts(400) { number in
                try await checker.check(basic("n\(number)", "x", from: "2001:db8:2::\(number)"), now: Self.now)
            }
            let refused = flood.count { $0 == .busy(seconds: 1) }
            #expect(refused > 0 && refused <= 384, "\(refused)")
            #expect(flood.count { if case .deny = $0 { true } else { false } } == 400 - refused)
            // From everywhere at once it is the whole that is bounded; then all is as it was.
            let everywhere = await verdicts(400) { number in
                try await checker.check(basic("n\(number)", "x", from: "2001:db8:\(number)::1"), now: Self.now)
            }
            #expect(everywhere.contains(.busy(seconds: 1)))
            #expect(isLetIn(try await checker.check(basic("eva", "correct horse"), now: Self.now)))
        }
    }

    @Test(.timeLimit(.minutes(2))) func `a network that floods a slow check leaves others their place`() async throws {
        try await withFolder { folder in
            let path = folder + "/checker"
            let gate = folder + "/gate"
            // Holds each check until the gate opens.
            try "#!/bin/sh\nwhile [ ! -e \(gate) ]; do sleep 0.05; done\nprintf '{\"deny\":\"no\"}'\n".write(
                toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
            let checker = ProgramChecker(path: path, arguments: [], patience: .seconds(60))
            func ask(_ address: String) async throws -> Verdict {
                try await checker.check(
                    CheckedRequest(authorization: "Custom x", method: "GET", path: "/", peer: .tcp(address)),
                    now: Self.now)
            }
            try await withThrowingTaskGroup(of: Verdict.self) { group in
                for number in 1...24 { group.addTask { try await ask("2001:db8:2::\(number)") } }
                // All but sixteen are told at once, while none of the sixteen has an answer.
                for _ in 1...8 { #expect(try await group.next() == .busy(seconds: 1)) }
                group.addTask { try await ask("2001:db8:3::1") }
                try Data().write(to: URL(filePath: gate))
                for _ in 1...17 { #expect(try await group.next() == .deny("no")) }
            }
        }
    }

    /// Of `count` checks that begin at the same time.
    private func verdicts(_ count: Int, _ check: @escaping @Sendable (Int) async throws -> Verdict) async -> [Verdict?]
    {
        await withTaskGroup(of: Verdict?.self) { group in
            for number in 1...count {
                group.addTask {
                    do { return try await check(number) } catch {
                        Issue.record("\(error)")
                        return nil
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    @Test func `a code is that of RFC 6238, of a realm that is the user's, and is taken once`() async throws {
        try await withFolder { folder in
            let path = folder + "/seeds"
            // The seed of RFC 6238 appendix B; its codes there have eight digits, of which ours are the last six.
            try "eva GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ cloud other\n".write(
                toFile: path, atomically: true, encoding: .utf8)
            func otp(_ text: String) -> CheckedRequest {
                CheckedRequest(authorization: "OTP \(text)", method: "GET", path: "/", peer: .tcp("192.0.2.1"))
            }
            for (seconds, code) in [
                (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
                (2_000_000_000, "279037"), (20_000_000_000, "353130"),
            ] as [(Int64, String)] {
                let time = Timestamp(milliseconds: seconds * 1000)
                let checker = try OneTimeChecker(path: path, realms: ["cloud"], grants: Self.grants)
                for wrong in ["eva:other:\(code)", "eva::\(code)", "ina:cloud:\(code)", "eva:cloud:000000"] {
                    #expect(!isLetIn(try await checker.check(otp(wrong), now: time)), "\(wrong)")
                }
                #expect(isLetIn(try await checker.check(otp("eva:cloud:\(code)"), now: time)), "\(seconds)")
                #expect(!isLetIn(try await checker.check(otp("eva:cloud:\(code)"), now: time)), "twice")
                #expect(!isLetIn(try await checker.check(basic("eva", code), now: time)), "as a password")
                let fresh = try OneTimeChecker(path: path, realms: [], grants: Self.grants)
                #expect(isLetIn(try await fresh.check(basic("eva", code), now: time)))
                let late = try OneTimeChecker(path: path, realms: ["cloud"], grants: Self.grants)
                let after = Timestamp(milliseconds: seconds * 1000 + 90_000)
                #expect(!isLetIn(try await late.check(otp("eva:cloud:\(code)"), now: after)))
            }
        }
    }

    @Test func `a program answers for whom it knows; one that fails lets nobody in`() async throws {
        try await withFolder { folder in
            let path = folder + "/checker"
            func checker(_ script: String) throws -> ProgramChecker {
                try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: false, encoding: .utf8)
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
                return ProgramChecker(path: path, arguments: ["a b"], patience: .seconds(1))
            }
            let request = CheckedRequest(
                authorization: "Custom secret", method: "GET", path: "/v1/projects/p/segments", project: "p",
                peer: .tcp("192.0.2.1"))
            let allow = #"{"allow":{"name":"eva","projects":{"p":"viewer"}}}"#
            // It gets the header on its input, and neither as an argument nor in its environment.
            let careful = try checker(
                "read q; [ $# = 1 ] && [ \"$1\" = 'a b' ] && ! env | grep -q secret && case $q in "
                    + "*'\"Custom secret\"'*'\"project\":\"p\"'*) printf '%s' '\(allow)';; esac")
            #expect(
                try await careful.check(request, now: Self.now)
                    == .allow(.identity(Identity(name: "user/eva", grants: Grants(projects: ["p": .viewer])))))
            #expect(
                try await checker(#"printf '{"deny":"no"}'"#).check(request, now: Self.now) == .deny("no"))
            #expect(try await checker(#"printf '{"pass":true}'"#).check(request, now: Self.now) == .pass)
            for script in [
                "printf '\(allow)'; exit 1", "printf '{}'", "printf '{\"allow\":{\"name\":\"x\"}}'", "exec sleep 30",
                "printf '\(allow)'; printf '\(allow)'", "exec cat /dev/zero", "exit 0", "kill -9 $$",
                "printf '\(allow)' | sed s/viewer/root/", "printf '\(allow)'; exec >&-; exec sleep 30",
            ] {
                let failing = try checker(script)
                do throws(StoreError) {
                    let verdict = try await failing.check(request, now: Self.now)
                    Issue.record("\(script): \(verdict)")
                } catch { #expect(error.code == .unavailable, "\(script)") }
            }
        }
    }

    @Test func `guessing locks out who guesses, and not whose name it is`() async throws {
        try await withFolder { folder in
            let path = folder + "/htpasswd"
            try ("eva:{SHA}" + (try await sha("right"))).write(toFile: path, atomically: true, encoding: .utf8)
            let chain = CheckerChain([CheckerChain.Link(try HtpasswdChecker(path: path, grants: Self.grants))])
            func ask(_ password: String, _ address: String, after seconds: Int64 = 0) async throws -> Verdict {
                let time = Timestamp(milliseconds: Self.now.milliseconds + seconds * 1000)
                return try await chain.check(basic("eva", password, from: address), now: time)
            }
            #expect(isLetIn(try await ask("right", "2001:db8:1::1")))
            for number in 1...5 { #expect(!isLetIn(try await ask("wrong\(number)", "2001:db8:2::1"))) }
            guard case .wait(let seconds) = try await ask("right", "2001:db8:2::1") else {
                Issue.record("five wrong guesses were not enough")
                return
            }
            #expect((1...60).contains(seconds))
            // Another address of the same /64 is the same guesser; another network is not.
            if case .wait = try await ask("right", "2001:db8:2::ffff:1") {} else { Issue.record("the /64 is one") }
            #expect(isLetIn(try await ask("right", "2001:db8:3::1")))
            // A guess at a time from everywhere holds up new networks, and none from which the name was right.
            for number in 1...60 { _ = try await ask("wrong", "2001:db8:\(String(100 + number, radix: 16))::1") }
            if case .wait = try await ask("right", "2001:db8:ffff::1") {} else { Issue.record("nothing was held up") }
            #expect(isLetIn(try await ask("right", "2001:db8:1::1")))
            #expect(isLetIn(try await ask("right", "2001:db8:2::1", after: 120)))
            #expect(isLetIn(try await ask("right", "2001:db8:ffff::1", after: 120)))
        }
    }

    @Test func `a wrong file of checkers says the field and its line`() async throws {
        try await withFolder { folder in
            let path = folder + "/checkers.json"
            try "eva:{SHA}x\n".write(toFile: folder + "/users", atomically: true, encoding: .utf8)
            for (text, words) in [
                ("{\n\"checkers\": [\n}", ["line 3"]), ("{}", ["checkers", "line 1"]),
                ("{\"checkers\":[\n{\"type\":\n\"kerberos\"}]}", ["checkers[0].type", "line 3", "htpasswd"]),
                (
                    "{\"checkers\":[\n{\"type\":\"htpasswd\",\"file\":\"\(folder)/users\",\n\"grants\":{\"eva\":{\"projects\":{\n\"p\":\"boss\"}}}}]}",
                    ["grants.eva.projects.p", "line 4", "viewer"]
                ),
                ("{\"checkers\":[{\"type\":\"htpasswd\",\"file\":\"\(folder)/none\",\"grants\":{}}]}", ["none"]),
                ("{\"checkers\":[{\"type\":\"program\",\"path\":\"x\"}]}", ["checkers[0].path", "absolute"]),
                (
                    "{\"checkers\":[{\"type\":\"program\",\"path\":\"/x\",\"cash\":1}]}",
                    ["checkers[0].cash", "not a field"]
                ),
            ] {
                try text.write(toFile: path, atomically: true, encoding: .utf8)
                do throws(CheckerFailure) {
                    _ = try CheckersFile.load(path) { _ in }
                    Issue.record("it was taken: \(text)")
                } catch {
                    for word in words { #expect(error.description.contains(word), "\(error) lacks \(word)") }
                }
            }
        }
    }

    private static func withUsers(_ tokens: OwnProofs, _ folder: String) throws -> any Checker {
        try "eva:$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n".write(
            toFile: folder + "/users", atomically: true, encoding: .utf8)
        try
            #"{"checkers":[{"type":"htpasswd","file":"\#(folder)/users","grants":{"eva":{"projects":{"default":"viewer"}}}}]}"#
            .write(toFile: folder + "/checkers.json", atomically: true, encoding: .utf8)
        let links = try CheckersFile.load(folder + "/checkers.json") { _ in }
        return CheckerChain([CheckerChain.Link(tokens, isGuessable: false, looksAtCertificates: true)] + links)
    }

    @Test func `the server takes users of a file beside its own tokens, each with his roles`() async throws {
        try await LiveServer.with(checker: Self.withUsers) { server in
            let eva = Curl(base: server.anonymous.base, options: ["-u", "eva:correct horse"])
            #expect(try await eva("GET", "/v1/whoami").text("name") == "user/eva")
            #expect(try await eva("GET", "/v1/projects/default/segments").status == 200)
            let path = "/v1/projects/default/segments"
            #expect(try await eva("POST", path, #"{"name":"x","spec":{"ipam":"none"}}"#).status == 403)
            #expect(try await server.overTCP("GET", "/v1/whoami").text("via") == "admin-token")
            let wrong = Curl(base: server.anonymous.base, options: ["-u", "eva:wrong"])
            let refused = try await wrong("GET", path)
            #expect(refused.status == 401)
            // One header each: browsers ask for a password by a header that begins with it.
            let ways = try await run("/usr/bin/curl", ["-gsi", server.anonymous.base + "/v1/whoami"]).output
            #expect(ways.contains("\r\nWWW-Authenticate: Bearer\r\n"), "\(ways)")
            #expect(ways.contains("\r\nWWW-Authenticate: Basic realm=\"kc\", charset=\"UTF-8\"\r\n"), "\(ways)")
            for _ in 1...5 { _ = try await wrong("GET", path) }
            #expect(try await wrong("GET", path).status == 429)
            // Who knows the password goes on, with what is remembered, and so does everybody else.
            #expect(try await eva("GET", path).status == 200)
            #expect(try await server.overTCP("GET", path).status == 200)
        }
    }
}

/// Runs `body` with a folder that is removed at the end.
func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/kc-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer {
        // What cannot be removed now is in the system's folder for such things.
        try? FileManager.default.removeItem(atPath: folder)
    }
    try await body(folder)
}
