import GRDB
import Persistence
import Resources

/// The tables of a store's file, and how an older file becomes a current one.
///
/// `entry` is the present, `change` the feed of what happened (until compaction), `lease` what was granted, and `state`
/// one row: the latest revision, and the one up to which the feed is forgotten.
enum Schema {
    /// The file's application id in the SQLite header: "KCST".
    static let applicationID: Int64 = 0x4B43_5354

    /// One step a version: `migrations[0]` makes version 1 from an empty file. Steps are only ever added.
    static let migrations: [@Sendable (Database) throws -> Void] = [
        { try $0.execute(sql: firstTables) },
        { db in
            try db.execute(sql: "ALTER TABLE entry ADD COLUMN sum INTEGER; ALTER TABLE change ADD COLUMN sum INTEGER")
            try addSums(db)
        },
    ]

    private static let firstTables = """
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

    /// Gives every value of an older file its checksum: from then on it is what it was at this moment.
    private static func addSums(_ db: Database) throws {
        for (table, place, revision) in [
            ("entry", "key", "modified"), ("change", "position", "position >> \(Position.ordinalBits)"),
        ] {
            let rows = try Row.fetchCursor(
                db, sql: "SELECT key, \(revision), value, \(place) FROM \(table) WHERE value IS NOT NULL")
            let update = try db.makeStatement(sql: "UPDATE \(table) SET sum = ? WHERE \(place) = ?")
            while let row = try rows.next() {
                let entry = StoreEntry(
                    key: try StoreKey(row: row, column: 0), value: try row.bytes(at: 2) ?? [], created: .zero,
                    modified: row.revision(at: 1))
                try update.execute(arguments: [ValueSum.of(entry), row[3] as DatabaseValue])
            }
        }
    }

    /// Looks at every value.
    /// - Throws: `.corrupt` naming the first key whose value is damaged.
    static func checkSums(_ db: Database) throws {
        let rows = try Row.fetchCursor(db, sql: "SELECT \(StoreEntry.columns) FROM entry")
        while let row = try rows.next() { _ = try StoreEntry(row: row) }
    }

    /// Brings the file to the current version in one transaction.
    /// - Throws: `.unavailable` for a file that is newer, or that is no store at all: neither is touched.
    static func migrate(_ db: Database, operation: String) throws {
        let version = try readVersion(db, operation: operation)
        guard version < migrations.count else { return }
        try db.inTransaction(.immediate) {
            for migration in migrations[version...] { try migration(db) }
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
