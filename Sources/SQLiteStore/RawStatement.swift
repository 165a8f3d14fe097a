import GRDB
import GRDBSQLite

/// A statement of the writer, prepared and kept by GRDB, but bound and stepped by hand: the writer runs a handful of
/// statements thousands of times in a transaction, and rows and values of their own would cost more than SQLite does.
///
/// Bytes that are bound must stay where they are until `step` returns.
struct RawStatement {
    // Keeps the handle alive.
    private let statement: Statement
    private let handle: OpaquePointer
    private let connection: OpaquePointer?

    init(_ sql: String, _ db: Database) throws {
        statement = try db.cachedStatement(sql: sql)
        handle = statement.sqliteStatement
        connection = db.sqliteConnection
    }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { sqlite3_bind_int64(handle, index, value) } else { sqlite3_bind_null(handle, index) }
    }

    /// Without a copy (SQLITE_STATIC); SQLite takes an empty blob without an address for NULL, hence the other call.
    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty {
            sqlite3_bind_zeroblob(handle, index, 0)
        } else {
            sqlite3_bind_blob(handle, index, bytes.baseAddress, Int32(bytes.count), nil)
        }
    }

    /// Runs the statement and gives the first column of its first row; nil when it has none.
    func step() throws -> Int64? {
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return sqlite3_column_int64(handle, 0)
        case SQLITE_DONE: return nil
        case let code:
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)),
                sql: statement.sql)
        }
    }
}

/// The statements of one transaction.
struct WriterStatements {
    let modified: RawStatement
    let created: RawStatement
    let insert: RawStatement
    let update: RawStatement
    let change: RawStatement

    init(_ db: Database) throws {
        modified = try RawStatement("SELECT modified FROM entry WHERE key = ?", db)
        created = try RawStatement("SELECT created FROM entry WHERE key = ?", db)
        insert = try RawStatement(
            "INSERT INTO entry (key, created, modified, lease, value, sum) VALUES (?1, ?2, ?2, ?3, ?4, ?5)", db)
        update = try RawStatement(
            "UPDATE entry SET modified = ?2, lease = ?3, value = ?4, sum = ?5 WHERE key = ?1", db)
        change = try RawStatement(
            "INSERT INTO change (position, key, created, lease, value, sum) VALUES (?, ?, ?, ?, ?, ?)", db)
    }
}
