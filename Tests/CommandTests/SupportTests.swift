import APIClient
import Documents
import Foundation
import NetworkModel
import Resources
import Testing
import Waiting

@Suite(.serialized) struct `kcnet doctor and support-bundle` {
    @Test func `doctor says what is there and what is not, in both forms`() async throws {
        try await Cloud.with { cloud in
            let vtep = try await cloud.kcnet("host", "create", "h1", "--vtep", "fd00::1", "--interface", "no-such-dev")
            #expect(vtep.status == 0, "\(vtep.errors)")
            let run = try await cloud.kcnet("doctor", "--host", "h1", "--output", "json")
            #expect(run.status == 1, "an interface that is not there is a failure")
            var levels: [String: String] = [:]
            guard case .array(let findings) = try run.json().content else { throw Missing() }
            for finding in findings {
                let level = try #require(finding["level"]?.string)
                levels[try #require(finding["check"]?.string)] = level
                if level != "ok" { #expect(finding["next"]?.string?.isEmpty == false, "\(finding.excerpt)") }
            }
            #expect(levels["api"] == "ok")
            #expect(levels["underlay"] == "fail")
            #expect(levels["agent"] == "fail")
            #expect(levels["optmem_max"] == "ok" || levels["optmem_max"] == "fail")
            // Few attachments; in a namespace other than the machine's first it cannot be read.
            #expect(levels["neighbours"] == "ok" || levels["neighbours"] == "warn")
            // Only root can try it.
            #expect(levels["offload"] == (geteuid() == 0 ? "ok" : nil))
            let text = try await cloud.kcnet("doctor", "--host", "h1")
            #expect(
                text.lines.contains {
                    $0.hasPrefix("FAIL  underlay") && $0.hasSuffix("there is no interface no-such-dev")
                })
            #expect(text.output.contains("next: correct the host: kcnet host update NAME --interface IFACE"))

            let away = try await cloud.kcnet("doctor", "--api", "unix:/tmp/no-such-kc.sock")
            #expect(away.status == 1)
            #expect(away.lines.contains { $0.hasPrefix("FAIL  api") })
        }
    }

    @Test func `the exit code is 0 as long as nothing fails, whatever is worth a word`() async throws {
        try await Cloud.with { cloud in
            let run = try await cloud.kcnet("doctor", "--output", "json")
            guard case .array(let findings) = try run.json().content else { throw Missing() }
            let levels = findings.compactMap { $0["level"]?.string }
            #expect(levels.contains("warn"), "a machine that is no host is told so")
            #expect(run.status == (levels.contains("fail") ? 1 : 0), "\(run.output)")
            for finding in findings {
                #expect(finding.members.map(\.name) == ["level", "check", "what", "why", "next"])
            }
            #expect(try await cloud.kcnet("doctor", "--listen", "0").status == 2)
        }
    }

    @Test func `two agents for one host are named`() async throws {
        try await Cloud.with { cloud in
            try await cloud.kcnet("host", "create", "h1", "--vtep", "fd00::1", "--interface", "no-such-dev")
            let client = try APIClient(endpoint: Endpoint(parsing: "unix:\(cloud.socket)"))
            let agents = (0..<2).map { _ in AgentInstance(run: ResourceID(UUID()), boot: ResourceID(UUID())) }
            try await eventually("both are seen") {
                for agent in agents { try await client.renewLease(host: "h1", agent: agent) }
                return try await cloud.kcnet("host", "show", "h1", "--output", "json").json()["status"]?["agents"]
                    != nil
            }
            await client.shutdown()
            let run = try await cloud.kcnet("doctor")
            let boot = try #require(agents[0].boot).description.prefix(8)
            #expect(run.status == 1)
            let line = run.lines.first { $0.hasPrefix("FAIL  host h1") }
            #expect(line?.contains("2 agents speak for it at once: unix (boot ") == true, "\(run.output)")
            #expect(line?.contains("(boot \(boot))") == true, "\(run.output)")
            #expect(run.output.contains("kcd join --force URL TOKEN"))
        }
    }

    @Test func `a bundle has what helps and no secret`() async throws {
        try await Cloud.with { cloud in
            let canary = "CANARY-\(UInt64.random(in: 0...UInt64.max))"
            let annotation = #"login={"password": "\#(canary)", "note": "kept"}"#
            #expect(try await cloud.kcnet("project", "create", "p", "--annotation", annotation).status == 0)
            let log = try cloud.write(
                "kcd.log",
                """
                started
                Authorization: Bearer \(canary)
                token=kch_\(canary)
                the raw \(canary)-environment-token
                -----BEGIN PRIVATE KEY-----
                \(canary)
                -----END PRIVATE KEY-----
                a line that is kept
                """)
            let bundle = "\(cloud.folder)/b.tar.gz"
            let run = try await cloud.kcnet("support-bundle", bundle, "--log", log)
            #expect(run.status == 0, "\(run.errors)")
            let again = try await cloud.kcnet("support-bundle", bundle)
            #expect(again.status == 2, "nothing is overwritten")
            let mode = try #require(try FileManager.default.attributesOfItem(atPath: bundle)[.posixPermissions] as? Int)
            #expect(mode == 0o600)
            let files = try Self.unpack(bundle, into: "\(cloud.folder)/unpacked")
            for name in ["versions.txt", "projects.json", "doctor.txt", "links.json", "log-1-kcd.log"] {
                #expect(files[name]?.isEmpty == false, "\(name)")
            }
            #expect(files["projects.json"]?.contains(#""note": "kept""#) == true)
            #expect(files["log-1-kcd.log"]?.contains("a line that is kept") == true)
            // The token of the environment is known, whatever text it stands in; here it stands alone in the log.
            #expect(files.values.joined().replacing("\(canary)-environment-token", with: "").contains(canary) == false)

            let second = "\(cloud.folder)/c.tar.gz"
            let token = ["KC_TOKEN": "\(canary)-environment-token"]
            #expect(try await cloud.kcnet("support-bundle", second, "--log", log, environment: token).status == 0)
            let others = try Self.unpack(second, into: "\(cloud.folder)/unpacked2")
            #expect(!others.values.joined().contains(canary))
            #expect(others["log-1-kcd.log"]?.contains("a line that is kept") == true)
        }
    }

    private static func unpack(_ bundle: String, into folder: String) throws -> [String: String] {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let tar = try Process.run(URL(fileURLWithPath: "/usr/bin/tar"), arguments: ["-xzf", bundle, "-C", folder])
        tar.waitUntilExit()
        var files: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            files[name] = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
        }
        return files
    }

    @Test func `a token in a file that others can read is refused`() async throws {
        try await Cloud.with { cloud in
            let folder = "\(cloud.folder)/.config/kc"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let path = try cloud.write(".config/kc/config.json", #"{"token":"kca_12345678","project":"lab"}"#)
            chmod(path, 0o644)
            let run = try await cloud.kcnet("whoami")
            #expect(run.status == 2)
            #expect(run.errors.contains("chmod 600"))
            chmod(path, 0o600)
            // The socket believes the kernel, or the token; a wrong token is refused, not passed over.
            #expect([0, 5].contains(try await cloud.kcnet("whoami").status))
        }
    }

    @Test func `completion scripts are made for three shells`() async throws {
        for shell in ["bash", "zsh", "fish"] {
            let run = try await Cloud.run(
                "kcnet", ["--generate-completion-script", shell], input: nil, environment: [:], folder: "/tmp")
            #expect(run.status == 0 && run.output.contains("attachment"))
        }
    }

    private struct Missing: Error {}
}
