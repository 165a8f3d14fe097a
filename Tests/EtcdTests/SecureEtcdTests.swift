import EtcdStore
import Persistence
import Resources
import StoreContract
import Testing
import Waiting

/// TLS and etcd's users, as the operator guide sets them up; what is wrong is said by the name of what to look at.
@Suite struct SecureEtcdTests {
    @Test func `a store works over TLS as a user, also when its token has ended`() async throws {
        try await SecureEtcd.with { secure in
            // Silent for longer than a token lives.
            let watching = try secure.store { options in
                options.silence = .milliseconds(4500)
                options.staleness = .seconds(20)
            }
            let store = try secure.store()
            let idle = try secure.store()
            try await idle.put(StoreKey("b"), "1")
            let first = try await store.put(StoreKey("a"), "1")
            async let seen = take(2, from: watching.watch(StoreKey("a"), after: first))
            try await store.put(StoreKey("a"), "2")
            // etcd lets a token live for longer with each use: these are left alone until they are over, which no question
            // could show without keeping them alive.
            let token = try secure.login()
            #expect(try secure.status(token: token) == 200)
            try await Task.sleep(for: .seconds(7))
            #expect(try secure.status(token: token) == 401)
            try await idle.put(StoreKey("b"), "2")
            try await store.put(StoreKey("a"), "3")
            #expect(try await seen.count == 2)
            // All tokens at once: a member keeps them in memory.
            secure.etcd.kill9(0)
            try secure.etcd.start(0)
            try await eventually("it takes writes again", secure.etcd.logs) {
                do { return try await store.put(StoreKey("a"), "4") > first } catch { return false }
            }
        }
    }

    @Test func `many requests at once sign in once for each server`() async throws {
        try await SecureEtcd.with { secure in
            let stores = try (0..<2).map { _ in try secure.store() }
            let before = try secure.signIns()
            func ask(_ round: String) async throws {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (number, store) in stores.enumerated() {
                        for index in 0..<60 {
                            group.addTask {
                                try await store.put(StoreKey("\(round)/\(number)/\(index)"), "1")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            try await ask("first")
            let signIns = try secure.signIns() - before
            // One each; a second where the first took longer than a request waits. Not one for each of 120.
            #expect((stores.count...3 * stores.count).contains(signIns))
            // All tokens are worth nothing any more, at the same moment. A member counts from its start.
            secure.etcd.kill9(0)
            try secure.etcd.start(0)
            try await eventually("etcd answers", secure.etcd.logs) {
                do { return try secure.signIns() == 0 } catch { return false }
            }
            try await ask("second")
            #expect((stores.count...3 * stores.count).contains(try secure.signIns()))
            #expect(try await stores[0].list(StoreKey("second/"), after: nil, limit: 1000).entries.count == 120)
        }
    }

    @Test func `what keeps a store out is said, at once`() async throws {
        try await SecureEtcd.with { secure in
            func expectRefusal(
                _ store: EtcdStore, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
            ) async {
                let begin = ContinuousClock.now
                let error = await expectStoreError(.unavailable, sourceLocation: sourceLocation) {
                    try await store.put(StoreKey("a"), "1")
                }
                #expect(
                    ContinuousClock.now - begin < .seconds(9), "tried until patience was over",
                    sourceLocation: sourceLocation)
                #expect(
                    error?.cause.contains(text) == true, "\(error?.cause ?? "")", sourceLocation: sourceLocation)
            }
            try await expectRefusal(secure.store(password: "wrong"), "--etcd-password-file")
            try await expectRefusal(secure.store(user: "nobody"), "--etcd-user")
            try await expectRefusal(secure.store(user: nil), "--etcd-user")
            try await expectRefusal(secure.store(certificate: "named"), "common name")
            let outside = try secure.store { $0.prefix = "/others" }
            await expectRefusal(outside, "grant the user of etcd a role")
            await expectStoreError(.unavailable) { for try await _ in outside.watch(StoreKey("a"), after: .zero) {} }
            // Who is no member may become one: these are tried for a while, long enough for a handshake beside the faults of
            // other tests.
            try await expectRefusal(
                secure.store(authority: "other") { $0.patience = .seconds(4) }, "CERTIFICATE_VERIFY_FAILED")
            try await expectRefusal(
                secure.store(certificate: nil) { $0.patience = .seconds(4) }, "ALERT_BAD_CERTIFICATE")
            #expect(try secure.control("--user", "root:secret", "get", "--prefix", "/others").isEmpty)
        }
    }

    @Test func `a server is let in by its options, and says which of them is wrong`() async throws {
        try await SecureEtcd.with { secure in
            func words(_ password: String) -> [String] {
                [
                    "--etcd-ca", "\(secure.folder)/ca.pem", "--etcd-cert", "\(secure.folder)/kc.pem", "--etcd-key",
                    "\(secure.folder)/kc-key.pem", "--etcd-user", "kc", "--etcd-password-file",
                    "\(secure.folder)/\(password)",
                ]
            }
            let servers = [
                try Server(0, secure.etcd, extra: { _ in words("password") }),
                try Server(1, secure.etcd, extra: { _ in words("wrong") }),
            ]
            defer { for server in servers { server.kill9() } }
            try await eventually("it serves", servers[0].log, within: .seconds(60)) {
                servers[0].ask("GET", "/readyz").status == 200
            }
            #expect(servers[0].ask("POST", "/v1/projects", #"{"name":"web","spec":{}}"#).status == 201)
            try await eventually("the other one says why not", servers[1].log) {
                servers[1].log().contains("--etcd-password-file")
            }
        }
    }
}
