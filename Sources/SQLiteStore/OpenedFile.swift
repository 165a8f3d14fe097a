import FoundationEssentials
import GRDB
import Glibc
import Persistence
import Resources

/// A store's file, locked, checked and of the current schema, with what was in it.
struct OpenedFile {
    let lock: LockFile
    let pool: DatabasePool
    let hub: WatchHub
    let leases: LeaseKeeper
    let engine: CommitEngine
    let knownLeases: [(id: LeaseID, ttl: Duration)]

    /// Blocks.
    init(path: String, options: SQLiteStoreOptions) throws(StoreError) {
        lock = try LockFile(path: path + ".lock", operation: "open")
        try StoreFile.prepare(path, operation: "open")
        do {
            try Self.inspect(path)
            pool = try DatabasePool(path: path, configuration: Self.configuration)
            let leases = LeaseKeeper()
            let (state, known, engine) = try pool.writeWithoutTransaction { db in
                try Schema.migrate(db, operation: "open")
                // Checkpoints are the engine's, which looks at their errors; flushes the committer's. NORMAL keeps the
                // order of what reaches the disk, and flushes the log before a checkpoint.
                try db.execute(
                    sql: """
                        PRAGMA synchronous = NORMAL;
                        PRAGMA wal_autocheckpoint = 0;
                        PRAGMA journal_size_limit = 67108864;
                        """)
                let state = try StateRow(db)
                let engine = try CommitEngine(
                    state: state, db, keptRevisions: options.keptRevisions, leaseHolds: { leases.holds($0) })
                let known = try Row.fetchAll(db, sql: "SELECT id, ttl FROM lease").map { row in
                    (id: LeaseID(row[0]), ttl: Duration.milliseconds(row[1] as Int64))
                }
                return (state, known, engine)
            }
            self.leases = leases
            self.engine = engine
            knownLeases = known
            hub = WatchHub(published: state.revision)
        } catch {
            throw StoreError(sqlite: error, operation: "open")
        }
    }

    /// Looks at the file on a connection that cannot change it: what is refused stays as it is.
    private static func inspect(_ path: String) throws {
        let queue = try DatabaseQueue(path: path, configuration: readingConfiguration)
        try queue.read { db in
            guard try Schema.readVersion(db, operation: "open") > 0 else { return }
            try Schema.check(db, operation: "open")
        }
        try queue.close()
    }

    static var readingConfiguration: Configuration {
        var configuration = Self.configuration
        configuration.readonly = true
        return configuration
    }

    /// For every connection to a store.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "kc.store"
        configuration.maximumReaderCount = 4
        // Another process may look into the file (sqlite3, a backup): wait for it rather than fail.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(
                sql: """
                    PRAGMA temp_store = MEMORY;
                    PRAGMA cache_size = -8000;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    """)
        }
        return configuration
    }
}
