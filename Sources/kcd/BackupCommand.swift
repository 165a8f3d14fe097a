import ArgumentParser
import SQLiteStore

/// `kcd backup FILE`.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the store into a file, while the server runs or not.",
        discussion: """
            The copy is one moment: every write that was acknowledged before the revision it prints is in it, and no later \
            one. It holds digests of tokens, no token; the administrator's token and the TLS key are files beside the \
            store and are not in it. An existing file is left alone.
            """)

    @Argument(help: "The file to write; it must not exist.")
    var file: String

    @Option(help: "Where the store is.")
    var stateDir = "/var/lib/kc"

    func run() async throws {
        let revision = try await SQLiteStore.backup(of: stateDir + "/store.db", to: file)
        print("\(file) holds the store as of revision \(revision).")
    }
}
