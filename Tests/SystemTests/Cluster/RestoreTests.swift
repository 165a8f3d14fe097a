import Glibc
import Laboratory
import Testing

extension SystemTests {
    /// A cluster is put back to a snapshot as docs/etcd.md says, under agents that know what came after it.
    struct RestoreTests {
        @Test func `after a restore of etcd hosts are as the snapshot says, and what it has goes on`() async throws {
            let warnings = ["the API", "report", "etcd", "store", "watch", "unavailable", "older revision", "binding"]
            try await withSystem("cluster", warnings: warnings) { system in
                var rehearsal = Rehearsal(system: system)
                try await rehearsal.change("kept", by: "api")
                let snapshot = try await system.dumps()
                let ping = try await FastPing.start(
                    from: "h1/web", to: try await system.address(of: "h2/db"), every: 20, in: system)
                try await Self.etcdctl(system, "etcd1", ["snapshot", "save", Self.file])
                try await rehearsal.change("lost", by: "api2")
                #expect(try await system.dumps() != snapshot)
                try await putBack(system)
                rehearsal.forget("lost")
                try await rehearsal.change("new", by: "api2")
                try await rehearsal.change("newer", by: "api")
                try await rehearsal.takeAway(by: "api")
                try await system.settle()
                let (lost, sent) = try await ping.stop()
                #expect(lost == 0, "of \(sent) packets")
            }
        }

        /// One file that all machines of the laboratory see.
        private static var file: String { "/tmp/kc-snapshot-\(getpid())" }

        private func putBack(_ system: System) async throws {
            let members = ["etcd1", "etcd2", "etcd3"]
            for server in ["api", "api2"] { try await system.machine(server).stop("api") }
            for member in members { try await system.machine(member).stop("etcd") }
            for member in members {
                let machine = try system.machine(member)
                let words = try #require(try machine.daemon("etcd")).arguments
                // What names the member, as it was started; its value follows.
                let own = ["--name", "--data-dir", "--initial-cluster", "--initial-advertise-peer-urls"]
                let kept = own.flatMap { name in
                    zip(words, words.dropFirst()).first { $0.0 == name }.map { [$0.0, $0.1] } ?? []
                }
                try await machine.command("mv", ["/var/lib/kc/etcd", "/var/lib/kc/etcd.before"]).check("move", "data")
                try await machine.command("env", ["ETCDCTL_API=3", "etcdctl", "snapshot", "restore", Self.file] + kept)
                    .check("restore", member)
            }
            unlink(Self.file)
            for member in members { try system.machine(member).restart("etcd") }
            // By what the servers are started with.
            let api = try #require(try system.machine("api").daemon("api"))
            let store = try #require(api.arguments.firstIndex(of: "--store").map { Array(api.arguments[$0...]) })
            try await system.machine("api").command(api.program, ["restore"] + store).check("end", "the restore")
            for server in ["api", "api2"] {
                try system.machine(server).restart("api")
                try await system.laboratory.waitForAPI(on: server)
            }
        }

        private static func etcdctl(_ system: System, _ member: String, _ words: [String]) async throws {
            let machine = try system.machine(member)
            let daemon = try #require(try machine.daemon("etcd")).arguments
            func value(_ name: String) throws -> String {
                try #require(zip(daemon, daemon.dropFirst()).first { $0.0 == name }?.1, "\(name)")
            }
            try await machine.command(
                "env",
                [
                    "ETCDCTL_API=3", "etcdctl", "--endpoints", try value("--advertise-client-urls"), "--cacert",
                    try value("--trusted-ca-file"), "--cert", try value("--cert-file"), "--key",
                    try value("--key-file"),
                ] + words
            ).check("run", "etcdctl")
        }
    }
}
