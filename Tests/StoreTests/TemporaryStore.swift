import FoundationEssentials
import Glibc
import Logging
import Persistence
import SQLiteStore

/// A folder of its own for one test's store, removed at its end, whatever happens.
struct TemporaryStore: Sendable {
    let folder: String
    var options = SQLiteStoreOptions()
    var path: String { folder + "/store.db" }

    static func with<T: Sendable>(
        configure: (inout SQLiteStoreOptions) -> Void = { _ in }, _ body: (TemporaryStore) async throws -> T
    ) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.path + "/kc-store-\(getpid())-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { remove(folder) }
        var files = TemporaryStore(folder: folder)
        configure(&files.options)
        return try await body(files)
    }

    func open() async throws(StoreError) -> SQLiteStore {
        try await SQLiteStore.open(at: path, options: options, logger: Logger(label: "test"))
    }

    private static func remove(_ folder: String) {
        // Left-overs of a failed test harm nobody: the folder is under the temporary one, and named by process.
        try? FileManager.default.removeItem(atPath: folder)
    }
}
