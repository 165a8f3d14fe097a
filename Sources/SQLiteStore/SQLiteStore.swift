import GRDB
package import Logging
package import Persistence
package import Resources

/// The embedded store: layer 5, one SQLite file (GRDB), one process at a time. Must not know what the keys mean.
///
/// Files: `<path>` with `-wal` and `-shm` while it is open, and `<path>.lock`. Commits are grouped (`GroupCommitter`),
/// each group is one flush of the write-ahead log; reads run beside it on connections of their own and see the state of
/// a committed group.
///
/// When the disk is full a commit fails with `.full`, nothing of it is written, and the next one tries anew. After any
/// other error of the disk nobody knows what is on it: that commit fails with `.unavailable`, and so does every later
/// one until the store is opened again; reads go on.
package final class SQLiteStore: Store {
    // Before `lock`: its connections are closed first when the store goes away without `close`.
    let pool: DatabasePool
    let committer: GroupCommitter
    let hub: WatchHub
    let leases: LeaseKeeper
    private let lock: LockFile
    private let options: SQLiteStoreOptions
    private let logger: Logger

    /// Opens the store at `path`, made with mode 0600 when there is none; its folder must exist. Checks the structure
    /// of the whole file (about 1 s for 300 MB). Every lease that it knows runs for its full time from now.
    /// - Throws: `.unavailable` when another process has it open (the text names its pid), when a newer version wrote it,
    ///   or when the file cannot be opened; `.corrupt` when it is damaged: then only a restore helps.
    package static func open(
        at path: String, options: SQLiteStoreOptions = SQLiteStoreOptions(), logger: Logger
    ) async throws(StoreError) -> SQLiteStore {
        try await onBlockingThread { () throws(StoreError) in
            try SQLiteStore(opened: OpenedFile(path: path, options: options), options: options, logger: logger)
        }
    }

    private init(opened: consuming OpenedFile, options: SQLiteStoreOptions, logger: Logger) {
        pool = opened.pool
        lock = opened.lock
        hub = opened.hub
        leases = opened.leases
        committer = GroupCommitter(
            pool: pool, engine: opened.engine, hub: hub, log: LogFile(database: pool.path),
            groupSize: options.groupSize, logger: logger)
        self.options = options
        self.logger = logger
        leases.start(opened.knownLeases) { [weak self] lease in self?.endExpired(lease) }
    }

    /// Finishes what waits, ends the watches with `.unavailable`, and closes the file. Every later call fails with
    /// `.unavailable`. May be called again.
    package func close() async {
        let closed = StoreError(.unavailable, operation: "close", cause: "the store is closed")
        let isHealthy = committer.refuse(with: closed)
        leases.stop()
        hub.finish(with: closed)
        do throws(StoreError) {
            try await onBlockingThread { [pool] () throws(StoreError) in
                do {
                    if isHealthy {
                        // The file alone is then the whole store. Not after an error of the disk: the log is evidence.
                        try pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
                        // The writer is to be the last to close: it removes the log.
                        pool.invalidateReadOnlyConnections()
                    }
                    try pool.close()
                } catch {
                    throw StoreError(sqlite: error, operation: "close")
                }
            }
        } catch {
            logger.warning("store did not close cleanly", metadata: ["error": "\(error)"])
        }
        lock.release()
    }

    package func get(_ key: StoreKey) async throws(StoreError) -> (entry: StoreEntry?, revision: Revision) {
        try StoreLimits.check(key, operation: "get")
        return try await read("get") { db in
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT \(StoreEntry.columns) FROM entry WHERE key = ?"), arguments: [key.blob])
            return (try row.map(StoreEntry.init(row:)), try StateRow(db).revision)
        }
    }

    package func list(_ prefix: StoreKey, after: StoreKey?, limit: Int) async throws(StoreError) -> StorePage {
        try StoreLimits.check(pageLimit: limit)
        return try await read("list") { db in
            let (lower, upper) = prefix.bounds
            // One more than asked for tells whether more follow.
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT \(StoreEntry.columns) FROM entry WHERE key >= ?1 AND key < ?2 AND (?3 IS NULL OR key > ?3)
                        ORDER BY key LIMIT ?4
                        """),
                arguments: [lower, upper, after?.blob, limit + 1])
            var page = StorePage(entries: [], revision: try StateRow(db).revision, hasMore: false)
            while let row = try rows.next() {
                guard page.entries.count < limit else {
                    page.hasMore = true
                    break
                }
                page.entries.append(try StoreEntry(row: row))
            }
            return page
        }
    }

    package func commit(_ transaction: StoreTransaction) async throws(StoreError) -> CommitOutcome {
        try StoreLimits.check(transaction)
        return try await committer.perform(.transaction(transaction))
    }

    package func watch(_ prefix: StoreKey, after revision: Revision) -> AsyncThrowingStream<StoreBatch, any Error> {
        let watcher = Watcher(prefix, after: revision, pool: pool, hub: hub, bufferBytes: options.watchBufferBytes)
        return AsyncThrowingStream { try await watcher.next() }
    }

    package func compact(through revision: Revision) async throws(StoreError) {
        _ = try await committer.perform(.compact(through: revision))
    }

    package func currentRevision() async throws(StoreError) -> Revision {
        try await read("revision") { db in try StateRow(db).revision }
    }

    /// Watches that have caught up and wait for what comes.
    package var liveWatches: Int { hub.count }

    func read<T: Sendable>(
        _ operation: String, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        do {
            return try await pool.read(body)
        } catch {
            throw StoreError(sqlite: error, operation: operation)
        }
    }
}
