import GRDB
import Persistence
import Resources

/// One transaction of the store, inside a transaction of SQLite's.
extension GroupWriter {
    mutating func apply(
        _ transaction: StoreTransaction, _ db: Database, leaseHolds: (LeaseID) -> Bool
    ) throws -> Result<CommitOutcome, StoreError> {
        let statements = try WriterStatements(db)
        let new = NewKeys(transaction)
        let asked = new.isWorthSavepoint ? new.conditions : transaction.conditions
        if let failed = try firstFailed(asked, statements) {
            return .success(.failed(try firstFailed(transaction.conditions, statements) ?? failed))
        }
        // All that can be refused is refused before the first change, but for keys that are there already where a
        // savepoint can be returned to.
        for case .put(let key, _, let lease?) in transaction.changes where !leaseHolds(lease) {
            return .failure(
                StoreError(.leaseNotFound, operation: "commit", cause: "the lease of '\(key)' has ended or never was"))
        }
        guard new.isWorthSavepoint else {
            return .success(.committed(try write(transaction.changes, new, db, statements)))
        }
        var revision: Revision?
        try db.inSavepoint {
            do {
                revision = try write(transaction.changes, new, db, statements)
                return .commit
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                return .rollback
            }
        }
        if let revision { return .success(.committed(revision)) }
        if let failed = try firstFailed(transaction.conditions, statements) { return .success(.failed(failed)) }
        throw StoreError(.unavailable, operation: "commit", cause: "SQLite refused a key that is not there")
    }

    /// Makes all changes; nothing of this value changes when one of them cannot be made.
    private mutating func write(
        _ changes: [StoreTransaction.Change], _ new: NewKeys, _ db: Database, _ statements: WriterStatements
    ) throws -> Revision {
        let next = Revision(revision.value + 1)
        var events: [StoreBatch.Event] = []
        events.reserveCapacity(changes.count)
        var hasRecords = false
        for (number, change) in changes.enumerated() {
            switch change {
            case .put(let key, let value, let lease):
                let position = Position(next, ordinal: events.count)
                let created = try put(
                    key, value, lease, at: next, isNew: new.isNew(number), feed: position, statements)
                events.append(
                    .put(StoreEntry(key: key, value: value, created: created, modified: next, lease: lease)))
            case .record(let key, let value):
                _ = try put(key, value, nil, at: next, isNew: new.isNew(number), feed: nil, statements)
                hasRecords = true
            case .delete(let key):
                if try delete(key, at: Position(next, ordinal: events.count), db) { events.append(.delete(key)) }
            }
        }
        return record(events, evenIfEmpty: hasRecords)
    }

    private func firstFailed(_ conditions: [StoreTransaction.Condition], _ statements: WriterStatements) throws
        -> StoreTransaction.Condition?
    {
        try conditions.first { try !holds($0, statements) }
    }

    private func holds(_ condition: StoreTransaction.Condition, _ statements: WriterStatements) throws -> Bool {
        let modified = try condition.key.withBytes { key in
            statements.modified.bind(1, key)
            return try statements.modified.step()
        }
        return switch condition {
        case .absent: modified == nil
        case .exists: modified != nil
        case .modified(_, let expected): modified.map(UInt64.init(bitPattern:)) == expected.value
        }
    }

    /// - Parameters: `isNew`: there is no such key; `feed`: where the change stands in the feed; nil keeps it out.
    /// - Returns: the revision that made the key.
    private func put(
        _ key: StoreKey, _ value: [UInt8], _ lease: LeaseID?, at revision: Revision, isNew: Bool, feed: Position?,
        _ statements: WriterStatements
    ) throws -> Revision {
        try key.withBytes { keyBytes in
            try value.withUnsafeBytes { valueBytes in
                let modified = Int64(revision.value)
                let sum = ValueSum.of(keyBytes, modified: modified, valueBytes)
                var created: Int64?
                if !isNew {
                    statements.created.bind(1, keyBytes)
                    created = try statements.created.step()
                }
                // To have SQLite choose and answer (ON CONFLICT, RETURNING) costs it as much again as to write.
                let put = created == nil ? statements.insert : statements.update
                put.bind(1, keyBytes)
                put.bind(2, modified)
                put.bind(3, lease?.value)
                put.bind(4, valueBytes)
                put.bind(5, sum)
                _ = try put.step()
                let first = created ?? modified
                if let feed {
                    statements.change.bind(1, feed.value)
                    statements.change.bind(2, keyBytes)
                    statements.change.bind(3, first)
                    statements.change.bind(4, lease?.value)
                    statements.change.bind(5, valueBytes)
                    statements.change.bind(6, sum)
                    _ = try statements.change.step()
                }
                return Revision(UInt64(max(0, first)))
            }
        }
    }

    /// False when there was no such key.
    func delete(_ key: StoreKey, at position: Position, _ db: Database) throws -> Bool {
        let keyBlob = key.blob
        try db.cachedStatement(sql: "DELETE FROM entry WHERE key = ?").execute(arguments: [keyBlob])
        guard db.changesCount > 0 else { return false }
        try db.cachedStatement(sql: "INSERT INTO change (position, key, created) VALUES (?, ?, 0)")
            .execute(arguments: [position.value, keyBlob])
        return true
    }
}
