import FoundationEssentials
import Glibc
import Logging
import Persistence
import SQLiteStore

/// A folder of its own for one test's store, removed at its end, whatever happens.
struct TemporaryStore: Sendable {
    let folder: String
    var options = SQLiteStoreOptions()
    var name = "store.db"
    var path: String { folder + "/" + name }

    static func with<T: Sendable>(_ body: (TemporaryStore) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-store-\(getpid())-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { remove(folder) }
        return try await body(TemporaryStore(folder: folder))
    }

    func open() async throws(StoreError) -> SQLiteStore {
        try await SQLiteStore.open(at: path, options: options, logger: quiet)
    }

    private static func remove(_ folder: String) {
        // Left-overs of a failed test harm nobody: the folder is under the temporary one, and named by process.
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// Faults are what many tests are about: their log lines would only hide others.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
