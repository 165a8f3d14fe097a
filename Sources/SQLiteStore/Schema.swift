import GRDB
import Persistence

/// The tables of a store's file, and how an older file becomes a current one.
///
/// `entry` is the present, `change` the feed of what happened (until compaction), `lease` what was granted, and `state`
/// one row: the latest revision, and the one up to which the feed is forgotten.
enum Schema {
    /// The file's application id in the SQLite header: "KCST".
    static let applicationID: Int64 = 0x4B43_5354

    /// One step a version: `migrations[0]` makes version 1 from an empty file. Steps are only ever added.
    static let migrations = [
        """
        PRAGMA application_id = \(applicationID);
        CREATE TABLE state (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            revision INTEGER NOT NULL,
            compacted INTEGER NOT NULL
        ) STRICT;
        INSERT INTO state VALUES (1, 0, 0);
        CREATE TABLE entry (
            key BLOB PRIMARY KEY NOT NULL,
            created INTEGER NOT NULL,
            modified INTEGER NOT NULL,
            lease INTEGER,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX entry_lease ON entry (lease) WHERE lease IS NOT NULL;
        CREATE TABLE change (
            position INTEGER PRIMARY KEY,
            key BLOB NOT NULL,
            created INTEGER NOT NULL,
            lease INTEGER,
            value BLOB
        ) STRICT;
        CREATE TABLE lease (
            id INTEGER PRIMARY KEY,
            ttl INTEGER NOT NULL
        ) STRICT;
        """
    ]

    /// Brings the file to the current version in one transaction.
    /// - Throws: `.unavailable` for a file that is newer, or that is no store at all: neither is touched.
    static func migrate(_ db: Database, operation: String) throws {
        let version = try readVersion(db, operation: operation)
        guard version < migrations.count else { return }
        try db.inTransaction(.immediate) {
            for migration in migrations[version...] { try db.execute(sql: migration) }
            try db.execute(sql: "PRAGMA user_version = \(migrations.count)")
            return .commit
        }
    }

    /// The version of the file, 0 when it is empty.
    /// - Throws: as `migrate`.
    static func readVersion(_ db: Database, operation: String) throws -> Int {
        let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        guard application == applicationID || (application == 0 && tables == 0) else {
            throw StoreError(.unavailable, operation: operation, cause: "the file is an SQLite database, but no store")
        }
        guard version <= migrations.count else {
            throw StoreError(
                .unavailable, operation: operation,
                cause: "the file was written by a newer version (schema \(version), known here is \(migrations.count)):"
                    + " install that version, or restore a backup from before")
        }
        return version
    }

    /// - Throws: as `migrate`, and for an empty file.
    static func requireStore(_ db: Database, operation: String) throws {
        guard try readVersion(db, operation: operation) > 0 else {
            throw StoreError(.unavailable, operation: operation, cause: "the file is empty: no store")
        }
    }

    /// Looks at the structure of every page.
    /// - Throws: `.corrupt` with the first finding.
    static func check(_ db: Database, operation: String) throws {
        let findings = try String.fetchAll(db, sql: "PRAGMA quick_check(1)")
        guard findings == ["ok"] else {
            throw StoreError(
                .corrupt, operation: operation, cause: StoreError.restoreAdvice(findings.joined(separator: "; ")))
        }
    }
}
