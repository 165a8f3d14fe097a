import FoundationEssentials
import GRDB
import Persistence
import Resources

// Keys and values are blobs: SQLite compares them byte by byte, and text with a zero byte in it comes back whole.

extension StoreKey {
    var blob: Data { Data(text.utf8) }

    /// The range of keys that begin with this text: no UTF-8 has a byte 0xFF.
    var bounds: (lower: Data, upper: Data) {
        let lower = blob
        return (lower, lower + [0xFF])
    }

    init(row: Row, column: Int) throws {
        guard let text = String(validating: try row.bytes(at: column) ?? [], as: UTF8.self) else {
            throw StoreError(.corrupt, operation: "read", cause: StoreError.restoreAdvice("a key is not UTF-8"))
        }
        self.init(text)
    }
}

extension StoreEntry {
    /// The columns of every query of `entry`, in the order that `init(row:)` reads them.
    static let columns = "key, created, modified, lease, value, sum"

    init(row: Row) throws {
        self.init(
            key: try StoreKey(row: row, column: 0), value: try row.bytes(at: 4) ?? [],
            created: row.revision(at: 1), modified: row.revision(at: 2),
            lease: (row[3] as Int64?).map(LeaseID.init))
        try requireSum(row[5])
    }

    /// - Throws: `.corrupt` when the entry is not what was written: a bit has flipped on the disk, or someone else wrote.
    func requireSum(_ sum: Int64?) throws {
        guard sum == ValueSum.of(self) else {
            throw StoreError(
                .corrupt, operation: "read",
                cause: StoreError.restoreAdvice("the value of '\(key)' is not the one that was written"))
        }
    }
}

extension Row {
    /// A damaged file may hold a negative number: that is no reason to end the process.
    func revision(at column: Int) -> Revision {
        let value: Int64 = self[column]
        return Revision(UInt64(Swift.max(0, value)))
    }

    /// The bytes of a blob, nil for NULL.
    func bytes(at column: Int) throws -> [UInt8]? {
        try withUnsafeData(atIndex: column) { data in data.map { Array($0) } }
    }
}
