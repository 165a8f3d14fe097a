import ArgumentParser
import SQLiteStore

/// `kcd restore FILE`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup in the place of the store; the server must be stopped.",
        discussion: """
            The former store is kept beside the new one as store.db.replaced. Agents and watchers notice by the revision \
            and read everything again; tokens and credentials are those of the backup.
            """)

    @Argument(help: "The backup to read.")
    var file: String

    @Option(help: "Where the store is.")
    var stateDir = "/var/lib/kc"

    func run() async throws {
        let restored = try await SQLiteStore.restore(from: file, to: stateDir + "/store.db")
        print("The store begins at revision \(restored.revision).")
        if let replaced = restored.replaced { print("The former store is kept as \(replaced).") }
    }
}
