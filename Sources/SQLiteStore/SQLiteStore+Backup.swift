import GRDB
package import Persistence
package import Resources

extension SQLiteStore {
    /// Writes a copy of this running store to `target`: one file, the state of one moment, checked and flushed before it
    /// gets its name. Writers go on meanwhile. Entries, leases and the kept part of the feed are in it.
    /// - Returns: the revision that the copy holds.
    /// - Throws: `.invalid` when `target` exists (never overwritten), `.full`, `.corrupt` when the copy fails its check.
    @discardableResult
    package func backup(to target: String) async throws(StoreError) -> Revision {
        try await onBlockingThread { [pool] () throws(StoreError) in try BackupFile.write(target, from: pool) }
    }

    /// Copies the store at `path`, whether it is stopped or another process has it open: what `kcd backup` calls. Else as
    /// `backup(to:)`.
    /// - Throws: also `.unavailable` when there is no store at `path`.
    @discardableResult
    package static func backup(of path: String, to target: String) async throws(StoreError) -> Revision {
        try await onBlockingThread { () throws(StoreError) in
            try StoreFile.require(path, operation: BackupFile.operation)
            do {
                let source = try DatabaseQueue(path: path, configuration: OpenedFile.configuration)
                try source.read { db in try Schema.requireStore(db, operation: BackupFile.operation) }
                return try BackupFile.write(target, from: source)
            } catch {
                throw StoreError(sqlite: error, operation: BackupFile.operation)
            }
        }
    }
}

/// A copy of a store's database in one file, with nothing beside it.
enum BackupFile {
    static let operation = "backup"

    /// Blocks. The copy grows under the name `<target>.partial`, which an interrupted attempt may leave behind and the
    /// next one replaces.
    static func write(_ target: String, from source: some DatabaseReader) throws(StoreError) -> Revision {
        guard !StoreFile.exists(target) else {
            throw StoreError(.invalid, operation: operation, cause: "\(target) exists: it is not overwritten")
        }
        let partial = target + ".partial"
        do {
            let revision = try copy(source, to: partial, operation: operation) { db in try StateRow(db).revision }
            try StoreFile.flush(partial, operation: operation)
            // link, not rename: whoever made the target meanwhile keeps it.
            try StoreFile.link(partial, target, operation: operation)
            StoreFile.remove(partial)
            try StoreFile.flushFolder(of: target, operation: operation)
            return revision
        } catch {
            StoreFile.remove(partial)
            throw StoreError(sqlite: error, operation: operation)
        }
    }

    /// Copies `source` page by page, as of one moment, to a new file without a log, looks at every page and index of the
    /// copy, and hands it to `finish`.
    static func copy<T>(
        _ source: some DatabaseReader, to path: String, operation: String, finish: (Database) throws -> T
    ) throws -> T {
        for suffix in ["", "-journal", "-wal", "-shm"] { StoreFile.remove(path + suffix) }
        try StoreFile.create(path, operation: operation)
        let copy = try DatabaseQueue(path: path, configuration: OpenedFile.configuration)
        try source.backup(to: copy)
        let result = try copy.writeWithoutTransaction { db in
            // The copied header says WAL.
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
            let findings = try String.fetchAll(db, sql: "PRAGMA integrity_check(1)")
            guard findings == ["ok"] else {
                throw StoreError(
                    .corrupt, operation: operation, cause: "the copy is damaged: \(findings.joined(separator: "; "))")
            }
            let result = try finish(db)
            // An older file has no checksums: one that is only copied keeps its version.
            if try Schema.readVersion(db, operation: operation) >= 2 { try Schema.checkSums(db) }
            return result
        }
        try copy.close()
        return result
    }
}
