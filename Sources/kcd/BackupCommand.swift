import ArgumentParser
import FoundationEssentials
import SQLiteStore
import StoreChoice

/// `kcd backup FILE`.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the store into a file, while the server runs or not.",
        discussion: """
            The copy is one moment: every write that was acknowledged before the revision it prints is in it, and no later \
            one. It holds digests of tokens, no token; the administrator's token and the TLS key are files beside the \
            store and are not in it. An existing file is left alone.

            A store in etcd is saved by etcd's own client: etcdctl snapshot save FILE.
            """)

    @Argument(help: "The file to write; it must not exist.")
    var file: String

    @Option(help: "Where the store is.")
    var stateDir = "/var/lib/kc"

    @Option(help: "The store that `kcd api` serves. One in etcd is not copied here.")
    var store = StoreOptions.Kind.sqlite

    func validate() throws {
        guard store == .sqlite else { throw ValidationError(Self.ofEtcd) }
    }

    private static let ofEtcd =
        "a store in etcd is saved by etcd's own client: etcdctl snapshot save FILE (docs/etcd.md, Back up and restore)"

    func run() async throws {
        guard FileManager.default.fileExists(atPath: stateDir + "/store.db") else {
            throw ValidationError("there is no store in \(stateDir): --state-dir says where it is; \(Self.ofEtcd)")
        }
        let revision = try await SQLiteStore.backup(of: stateDir + "/store.db", to: file)
        print("\(file) holds the store as of revision \(revision).")
    }
}
