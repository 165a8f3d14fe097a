import GRDB
package import Persistence
package import Resources

extension SQLiteStore {
    package struct Restored: Sendable {
        /// Where the restored store begins: greater than any revision that the store had before, as far as that is known.
        package var revision: Revision
        /// Where the former file is kept, if there was one.
        package var replaced: String?
    }

    /// Puts the state of a backup in the place of the store at `path`: what `kcd restore` calls. The former file is kept
    /// as `<path>.replaced` (one generation). The change comes in one rename: until then the former store is as it was.
    ///
    /// Nobody who watched the former store can be fooled: the feed is empty, and the revision is one more than the larger
    /// of both stores' when the former one can be read and is the later one, else 2^32 more than the backup's. Whoever
    /// resumes from any earlier or unknown revision is told `.compacted` and lists again.
    /// - Throws: `.unavailable` when a process has the store open (the text names its pid), or when the backup is missing,
    ///   no store or from a newer version; `.corrupt` when the backup is damaged; `.full`. Then nothing was changed.
    package static func restore(from backup: String, to path: String) async throws(StoreError) -> Restored {
        try await onBlockingThread { () throws(StoreError) in
            let lock = try LockFile(path: path + ".lock", operation: RestoredFile.operation)
            defer { lock.release() }
            do {
                return try RestoredFile.put(backup, in: path)
            } catch {
                throw StoreError(sqlite: error, operation: RestoredFile.operation)
            }
        }
    }
}

/// The steps of a restore. All block; the caller holds the lock.
enum RestoredFile {
    static let operation = "restore"
    /// More transactions than a store can have committed since any backup worth restoring.
    private static let unknownRevisions: UInt64 = 1 << 32

    static func put(_ backup: String, in path: String) throws -> SQLiteStore.Restored {
        try StoreFile.require(backup, operation: operation)
        let fresh = path + ".restoring"
        do {
            let held = try copy(backup, to: fresh)
            let revision = try lead(fresh, from: held, former: settle(path))
            try StoreFile.flush(fresh, operation: operation)
            let replaced = try replace(path, by: fresh)
            return SQLiteStore.Restored(revision: revision, replaced: replaced)
        } catch {
            for suffix in ["", "-journal"] { StoreFile.remove(fresh + suffix) }
            throw error
        }
    }

    /// Writes the log of the former store into its file, so that the file alone is the whole store.
    /// - Returns: its revision, nil when there is none or when it cannot be read.
    private static func settle(_ path: String) -> Revision? {
        guard StoreFile.exists(path) else { return nil }
        do {
            let former = try DatabaseQueue(path: path, configuration: OpenedFile.configuration)
            let revision = try former.writeWithoutTransaction { db in
                try Schema.requireStore(db, operation: operation)
                let revision = try StateRow(db).revision
                try db.checkpoint(.truncate)
                return revision
            }
            try former.close()
            return revision
        } catch {
            // Damaged, or not ours to understand: that is what a restore is for. It is kept beside the new one.
            return nil
        }
    }

    /// - Returns: the revision of the backup.
    private static func copy(_ backup: String, to fresh: String) throws -> Revision {
        let source = try DatabaseQueue(path: backup, configuration: OpenedFile.readingConfiguration)
        try source.read { db in try Schema.requireStore(db, operation: operation) }
        return try BackupFile.copy(source, to: fresh, operation: operation) { db in
            try Schema.migrate(db, operation: operation)
            return try StateRow(db).revision
        }
    }

    /// Empties the feed of `fresh` and moves its revision ahead of all that was given out.
    private static func lead(_ fresh: String, from held: Revision, former: Revision?) throws -> Revision {
        let next = if let former, former >= held { former.value + 1 } else { held.value + unknownRevisions }
        guard next < Position.lastRevision.value else {
            throw StoreError(.invalid, operation: operation, cause: "the store has no revisions left after \(held)")
        }
        let queue = try DatabaseQueue(path: fresh, configuration: OpenedFile.configuration)
        try queue.write { db in
            try db.execute(sql: "DELETE FROM change")
            try db.execute(
                sql: "UPDATE state SET revision = ?1, compacted = ?1 WHERE id = 1", arguments: [Int64(next)])
        }
        try queue.close()
        return Revision(next)
    }

    /// - Returns: where the former file is now.
    private static func replace(_ path: String, by fresh: String) throws -> String? {
        var replaced: String?
        if StoreFile.exists(path) {
            let name = path + ".replaced"
            for suffix in ["", "-wal"] { StoreFile.remove(name + suffix) }
            try StoreFile.link(path, name, operation: operation)
            // A log that could not be settled must not be read into the new file.
            if StoreFile.exists(path + "-wal") {
                try StoreFile.rename(path + "-wal", name + "-wal", operation: operation)
            }
            replaced = name
        } else {
            StoreFile.remove(path + "-wal")
        }
        StoreFile.remove(path + "-shm")
        try StoreFile.rename(fresh, path, operation: operation)
        try StoreFile.flushFolder(of: path, operation: operation)
        return replaced
    }
}
