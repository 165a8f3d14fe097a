import EtcdStore
import Foundation
import Persistence
import StoreContract
import TestNamespaces
import Testing
import Waiting

/// One member as the operator guide makes it: TLS on both sides by an authority of its own, and etcd's users.
struct SecureEtcd: Sendable {
    let etcd: TestEtcd
    /// Where certificates and passwords are.
    let folder: String

    static let password = "correct horse"

    /// Runs `body` with a member that knows the user `kc`, who may use `/kc/` alone.
    static func with(_ body: (SecureEtcd) async throws -> Void) async throws {
        let folder = TestEtcd.newFolder()
        let ports = try FreePorts.take(2)
        let (client, peer) = ("https://127.0.0.1:\(ports[0])", "http://127.0.0.1:\(ports[1])")
        let words =
            ["/usr/bin/etcd"]
            + TestEtcd.arguments(0, folder: folder, client: client, peer: peer, all: ["m0=\(peer)"])
            + [
                "--client-cert-auth", "--trusted-ca-file", "\(folder)/ca.pem", "--cert-file", "\(folder)/m0.pem",
                "--key-file", "\(folder)/m0-key.pem", "--auth-token-ttl", "3",
            ]
        let etcd = try TestEtcd(folder: folder, members: [TestEtcd.Member(client: client, words: words)])
        let secure = SecureEtcd(etcd: etcd, folder: folder)
        try await etcd.run(isStarted: false) { _ in
            try secure.makeCertificates()
            try etcd.start(0)
            try await secure.makeUsers()
            try await body(secure)
        }
    }

    private func makeCertificates() throws {
        for authority in ["ca", "other"] {
            try openssl(authority, ["-subj", "/CN=\(authority)"])
        }
        let signed = ["-CA", "\(folder)/ca.pem", "-CAkey", "\(folder)/ca-key.pem"]
        let leaf = signed + ["-addext", "basicConstraints=critical,CA:FALSE", "-addext"]
        try openssl(
            "m0",
            leaf + [
                "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-subj", "/CN=m0",
            ])
        try openssl("kc", leaf + ["extendedKeyUsage=clientAuth", "-subj", "/O=kc"])
        try openssl("named", leaf + ["extendedKeyUsage=clientAuth", "-subj", "/CN=kc"])
        try Data((Self.password + "\n").utf8).write(to: URL(filePath: folder + "/password"))
        try Data("wrong\n".utf8).write(to: URL(filePath: folder + "/wrong"))
    }

    private func openssl(_ name: String, _ words: [String]) throws {
        try command(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-keyout", "\(folder)/\(name)-key.pem", "-out", "\(folder)/\(name).pem",
            ] + words)
    }

    private func makeUsers() async throws {
        try await eventually("etcd answers", etcd.logs) {
            do {
                try control("endpoint", "health")
                return true
            } catch { return false }
        }
        try control("user", "add", "root:secret")
        try control("user", "grant-role", "root", "root")
        try control("role", "add", "kc")
        try control("role", "grant-permission", "kc", "readwrite", "--prefix=true", "/kc/")
        try control("user", "add", "kc:\(Self.password)")
        try control("user", "grant-role", "kc", "kc")
        try control("auth", "enable")
    }

    @discardableResult
    func control(_ words: String...) throws -> String {
        try command(
            "/usr/bin/env",
            [
                "ETCDCTL_API=3", "/usr/bin/etcdctl", "--endpoints", etcd.members[0].client, "--cacert",
                "\(folder)/ca.pem", "--cert", "\(folder)/kc.pem", "--key", "\(folder)/kc-key.pem",
            ] + words)
    }

    /// A store of the user `kc`, with what `change` makes otherwise.
    func store(
        authority: String = "ca", certificate: String? = "kc", user: String? = "kc",
        password: String = SecureEtcd.password,
        _ change: (inout EtcdOptions) -> Void = { _ in }
    ) throws -> EtcdStore {
        var options = try etcd.options { options in
            options.user = user.map { EtcdOptions.User(name: $0, password: password) }
            change(&options)
        }
        try options.useTLS(
            authority: "\(folder)/\(authority).pem", certificate: certificate.map { "\(folder)/\($0).pem" },
            key: certificate.map { "\(folder)/\($0)-key.pem" })
        return etcd.keeping(EtcdStore(options, logger: quiet))
    }

    /// Of a request like a store's, with a token.
    func status(token: String) throws -> Int? {
        Int(
            try curl("kv/range", #"{"key":"L2tjLw=="}"#, ["-o", "/dev/null", "-w", "%{http_code}"], token: token))
    }

    /// How often somebody has signed in since the member's start.
    func signIns() throws -> Int {
        let text = try command(
            "/usr/bin/curl",
            [
                "-s", "-f", "-m", "5", "--cacert", "\(folder)/ca.pem", "--cert", "\(folder)/kc.pem", "--key",
                "\(folder)/kc-key.pem", "\(etcd.members[0].client)/metrics",
            ])
        try #require(text.contains("grpc_server_handled_total"))
        return text.split(separator: "\n")
            .filter { $0.hasPrefix("grpc_server_handled_total") && $0.contains("\"Authenticate\"") }
            .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
    }

    func login() throws -> String {
        let answer = try curl("auth/authenticate", #"{"name":"kc","password":"\#(Self.password)"}"#)
        let rest = try #require(answer.range(of: #""token":""#).map { answer[$0.upperBound...] }, "\(answer)")
        return String(rest.prefix { $0 != "\"" })
    }

    private func curl(_ path: String, _ body: String, _ words: [String] = [], token: String? = nil) throws -> String {
        try command(
            "/usr/bin/curl",
            [
                "-s", "-m", "5", "--cacert", "\(folder)/ca.pem", "--cert", "\(folder)/kc.pem", "--key",
                "\(folder)/kc-key.pem", "-d", body,
            ] + words + (token.map { ["-H", "Authorization: \($0)"] } ?? []) + [
                "\(etcd.members[0].client)/v3/\(path)"
            ])
    }
}
