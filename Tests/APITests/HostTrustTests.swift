import APIClient
import Addressing
import Authenticators
import Foundation
import Logging
import NetworkModel
import NetworkNode
import Resources
import Synchronization
import TestLogs
import Testing
import Waiting

/// An agent's own code against the API: joining, renewing, and a server whose certificate changes.
@Suite(.serialized) struct HostTrustTests {
    private static func join(_ server: LiveServer, _ name: String = "h1") async throws -> (Membership, StateFolder) {
        let line = try #require(try await server.curl("POST", "/v1/join-tokens", "{}").text("token"))
        let folder = StateFolder(path: server.folder + "/node-" + name)
        let membership = try await Joining(
            Endpoint(parsing: server.encrypted.url), token: try #require(JoinToken(line)), folder: folder
        ).join(
            name: try #require(Name(name)),
            spec: Host.Spec(vtep: IPv6Address(parsing: "2001:db8::1"), interface: InterfaceName("u0"), roles: []),
            force: false)
        return (membership, folder)
    }

    /// As the agent makes it from what is in its state folder.
    private static func client(_ folder: StateFolder) throws -> APIClient {
        let (membership, credential) = try #require(try folder.membership())
        return try APIClient(
            endpoint: Endpoint(parsing: membership.url), token: credential, certificate: membership.certificate,
            identity: try folder.identity().map { text throws(APIFailure) in try ClientIdentity(pem: text) })
    }

    private static func count(_ text: String) -> Int { text.components(separatedBy: "BEGIN CERTIFICATE").count - 1 }

    /// Runs a keeper meanwhile.
    private static func keeping(
        _ client: APIClient, _ membership: Membership, _ folder: StateFolder, _ body: () async throws -> Void
    ) async throws {
        var pace = CertificateKeeper.Pace()
        pace.look = .milliseconds(50)
        pace.firstWait = .milliseconds(100)
        let keeper = CertificateKeeper(
            HostCertification(client: client, host: membership.host, folder: folder), pace: pace,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await keeper.keep() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    @Test func `joining pins the authority, and the key stays on the machine`() async throws {
        let log = LogBook()
        try await LiveServer.with(log: log) { server in
            let (membership, folder) = try await Self.join(server)
            let authority = try String(contentsOfFile: server.folder + "/tls/ca.pem", encoding: .utf8)
            #expect(membership.certificate?.filter { !$0.isWhitespace } == authority.filter { !$0.isWhitespace })
            let identity = try ClientIdentity(pem: try #require(try folder.identity()))
            #expect(
                identity.ends > Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) + 6 * 86_400_000))
            let mode = try FileManager.default.attributesOfItem(atPath: folder.path + "/host-key.pem")[
                .posixPermissions]
            #expect(mode as? Int == 0o600)
            let key = try #require(identity.pem.split(separator: "\n").dropFirst().first)
            let store = try Data(contentsOf: URL(filePath: server.folder + "/store.db"))
            #expect(store.range(of: Data(key.utf8)) == nil && !log.lines.contains { $0.contains(key) })

            let client = try Self.client(folder)
            try await client.renewLease(host: "h1")
            #expect(client.identity != nil)
            // A host joined again is another one, and begins without the first one's key.
            try folder.save(membership, credential: "kch_other")
            #expect(try folder.identity() == nil)
            await client.shutdown()
        }
    }

    @Test func `certificates are renewed before two thirds of their life, under an open stream`() async throws {
        try await LiveServer.with(hostCertificates: 2) { server in
            let (membership, folder) = try await Self.join(server)
            let client = try Self.client(folder)
            let first = try #require(client.identity)
            let seen = Mutex<[Revision]>([])
            let updates = try await client.desiredUpdates(host: "h1")
            let reading = Task {
                for try await update in updates { seen.withLock { $0.append(update.revision) } }
            }
            defer { reading.cancel() }
            try await eventually("the first update") { seen.withLock { !$0.isEmpty } }
            try await Self.keeping(client, membership, folder) {
                try await eventually("the second certificate", within: .seconds(30)) {
                    client.identity.map { $0.begins > first.begins } ?? false
                }
                let second = try #require(client.identity)
                let life = first.ends.milliseconds - first.begins.milliseconds
                #expect(second.begins.milliseconds - first.begins.milliseconds <= life * 2 / 3 + 1000)
                try await eventually("the third certificate", within: .seconds(30)) {
                    client.identity.map { $0.begins > second.begins } ?? false
                }
                #expect(try folder.identity() == client.identity?.pem)
                try await client.renewLease(host: "h1")
                #expect(client.identity != nil)
            }
            // The stream is the one that the first certificate, which is over, has opened.
            let count = seen.withLock(\.count)
            try await server.make("/v1/hosts", #"{"name":"other","spec":{"vtep":"2001:db8::9","interface":"u0"}}"#)
            try await eventually("a change on the first stream") { seen.withLock { $0.count > count } }
            await client.shutdown()
        }
    }

    @Test func `an agent whose certificate is refused goes on by its credential, and gets another one`() async throws {
        try await LiveServer.with { server in
            let (membership, folder) = try await Self.join(server)
            let rotated = try #require(try await server.curl("POST", "/v1/hosts/h1/credential").text("credential"))
            let old = try Self.client(folder)
            let problem = await #expect(throws: APIProblem.self) { try await old.renewLease(host: "h1") }
            #expect(problem?.status == 401)
            await old.shutdown()
            // The new credential is put where docs/access.md says; the certificate of the old one lies there still.
            try Data(rotated.utf8).write(to: URL(filePath: folder.path + "/credential"))
            let client = try Self.client(folder)
            try await client.renewLease(host: "h1")
            #expect(client.identity == nil)
            try await Self.keeping(client, membership, folder) {
                try await eventually("another certificate") { client.identity != nil }
                try await client.renewLease(host: "h1")
                #expect(client.identity != nil)
            }
            await client.shutdown()
        }
    }

    @Test func `the server's certificate is renewed and replaced, and hosts go on`() async throws {
        try await LiveServer.with { server in
            let (_, folder) = try await Self.join(server)
            let tls = server.folder + "/tls"
            let authority = try AuthorityFiles(directory: tls)
            let own = try ServerCertificate(directory: tls, names: [], addresses: [], authority: authority)
            #expect(try own.renew(by: authority) == false)
            #expect(try own.renew(by: authority, now: Date() + ServerCertificate.lifetime * 0.66) == false)
            #expect(try own.renew(by: authority, now: Date() + ServerCertificate.lifetime * 0.68))
            let renewed = try ServerCertificate(directory: tls, names: [], addresses: []).fingerprint
            #expect(renewed != own.fingerprint)
            // Another key, as an operator makes it who has lost the first one.
            for name in ["certificate.pem", "key.pem"] { try FileManager.default.removeItem(atPath: tls + "/" + name) }
            let replaced = try ServerCertificate(
                directory: tls, names: [], addresses: [[UInt8](repeating: 0, count: 15) + [1]], authority: authority)
            try await eventually("the other certificate") { try await Self.shown(server) == replaced.fingerprint }
            let client = try Self.client(folder)
            try await client.renewLease(host: "h1")
            #expect(client.identity != nil)
            await client.shutdown()
        }
    }

    private static func shown(_ server: LiveServer) async throws -> String {
        let (_, text) = try await run(
            "/bin/sh",
            [
                "-c",
                "openssl s_client -connect '\(server.encrypted.url.dropFirst(8))' </dev/null 2>/dev/null "
                    + "| openssl x509 -noout -fingerprint -sha256",
            ])
        return text.split(separator: "=").last.map { $0.filter(\.isHexDigit).lowercased() } ?? ""
    }

    @Test func `a host that joined an older server goes on, and learns to trust the authority`() async throws {
        try await LiveServer.with(olderCertificate: true) { server in
            // As a machine has it that joined before there were certificates: the server's own is pinned, and no key.
            let (membership, folder) = try await Self.join(server)
            let (_, credential) = try #require(try folder.membership())
            let older = Membership(
                url: membership.url, certificate: server.encrypted.certificate, host: membership.host,
                name: membership.name)
            try folder.save(older, credential: credential)
            #expect(try folder.identity() == nil)
            let client = try Self.client(folder)
            try await client.renewLease(host: "h1")
            try await Self.keeping(client, older, folder) {
                try await eventually("a certificate") { client.identity != nil }
            }
            // It trusts both now: what the server shows still, and what it will.
            let trusted = try #require(try folder.membership()?.membership.certificate)
            #expect(Self.count(trusted) == 2 && client.trusted == trusted)
            try await client.renewLease(host: "h1")
            let stubborn = try APIClient(
                endpoint: Endpoint(parsing: older.url), token: credential, certificate: older.certificate)
            try await stubborn.renewLease(host: "h1")

            let tls = server.folder + "/tls"
            for name in ["certificate.pem", "key.pem"] { try FileManager.default.removeItem(atPath: tls + "/" + name) }
            let next = try ServerCertificate(
                directory: tls, names: [], addresses: [[UInt8](repeating: 0, count: 15) + [1]],
                authority: try AuthorityFiles(directory: tls))
            try await eventually("the next certificate") { try await Self.shown(server) == next.fingerprint }
            let restarted = try Self.client(folder)
            try await restarted.renewLease(host: "h1")
            #expect(restarted.identity != nil)
            // From the next renewal on the old one is nothing any more.
            try await HostCertification(client: restarted, host: older.host, folder: folder).renew()
            #expect(Self.count(restarted.trusted ?? "") == 1)
            // Who was not there in the meantime does not take it: the way over is what docs/access.md says.
            let late = try APIClient(
                endpoint: Endpoint(parsing: older.url), token: credential, certificate: older.certificate)
            let failure = await #expect(throws: APIFailure.self) { try await late.renewLease(host: "h1") }
            #expect(failure?.code == .notTrusted)
            for client in [client, stubborn, restarted, late] { await client.shutdown() }
        }
    }

    @Test func `a host cannot pass for the API with what it has`() async throws {
        try await LiveServer.with { server in
            let (membership, folder) = try await Self.join(server)
            let port = FreePorts.two()
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/openssl")
            let identity = folder.path + "/host-key.pem"
            process.arguments = [
                "s_server", "-6", "-accept", "[::1]:\(port)", "-cert", identity, "-key", identity, "-www",
            ]
            process.standardInput = Pipe()
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            // It inherits the runner's signal mask, in which SIGTERM waits.
            defer { kill(process.processIdentifier, SIGKILL) }
            let url = "https://[::1]:\(port)"
            try await eventually("a server of openssl") {
                try await Curl(base: url, options: ["-k"])("GET", "/").status == 200
            }
            let client = try APIClient(
                endpoint: Endpoint(parsing: url), token: "canary", certificate: membership.certificate)
            let failure = await #expect(throws: APIFailure.self) { try await client.renewLease(host: "h1") }
            #expect(failure?.code == .notTrusted, "\(String(describing: failure))")
            await client.shutdown()
        }
    }
}
