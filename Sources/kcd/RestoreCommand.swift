import ArgumentParser
import Logging
import SQLiteStore
import StoreChoice

/// `kcd restore FILE`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the place of the store; the server must be stopped.",
        discussion: """
            The former store is kept beside the new one as store.db.replaced. Agents and watchers notice by the revision \
            and read everything again; tokens and credentials are those of the backup.

            A store in etcd is put back by etcd's own client, etcdctl snapshot restore FILE. Then, once, while the members \
            run and no server does: kcd restore --store etcd --etcd URL … (no FILE), by which revisions go on beyond all \
            that were ever handed out.
            """)

    @Argument(help: "The backup to read; none with --store etcd.")
    var file: String?

    @Option(help: "Where the store is.")
    var stateDir = "/var/lib/kc"

    @OptionGroup
    var store: StoreOptions

    func validate() throws {
        switch (store.store, file) {
        case (.sqlite, nil): throw ValidationError("FILE is missing: the backup to read")
        case (.etcd, _?):
            throw ValidationError(
                "a snapshot is put back by etcd's own client, etcdctl snapshot restore FILE, on each member; when these run, "
                    + "the same command without FILE ends the restore (docs/etcd.md, Back up and restore)")
        default: break
        }
    }

    func run() async throws {
        guard let file else {
            let revision = try await store.endRestoreOfEtcd(prefix: "/kc", Logger(label: "kcd.restore"))
            print("The store begins at revision \(revision).")
            return
        }
        let restored = try await SQLiteStore.restore(from: file, to: stateDir + "/store.db")
        print("The store begins at revision \(restored.revision).")
        if let replaced = restored.replaced { print("The former store is kept as \(replaced).") }
    }
}
