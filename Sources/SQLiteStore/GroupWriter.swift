import FoundationEssentials
import GRDB
import Persistence
import Resources

/// One thing that the writer does inside an SQLite transaction.
enum StoreWork: Sendable {
    case transaction(StoreTransaction)
    case grantLease(LeaseID, ttl: Duration)
    /// Deletes the keys of a lease, and the lease.
    case endLease(LeaseID)
    case compact(through: Revision)

    var durability: StoreTransaction.Durability {
        switch self {
        case .transaction(let transaction): transaction.durability
        case .grantLease, .endLease: .durable
        // A compaction that a power cut undoes is done again.
        case .compact: .relaxed
        }
    }

    /// Bytes that it roughly writes.
    var size: Int {
        guard case .transaction(let transaction) = self else { return 64 }
        return transaction.changes.reduce(0) { sum, change in
            switch change {
            case .put(let key, let value, _), .record(let key, let value):
                sum + 64 + key.text.utf8.count + value.count
            case .delete: sum + 64
            }
        }
    }
}

/// The statements behind a group of transactions. A value: when SQLite rolls the group back, the copy that took part in
/// it is thrown away, and with it the revisions that it gave out.
struct GroupWriter {
    private(set) var revision: Revision
    private(set) var compacted: Revision
    /// What the group changed, for the watches, once it is committed.
    private(set) var batches: [StoreBatch] = []
    private var stateChanged = false

    init(revision: Revision, compacted: Revision) {
        self.revision = revision
        self.compacted = compacted
    }

    /// Does one piece of work, inside a transaction of `db`. A `.failure` wrote nothing; a thrown error is SQLite's, and
    /// ends the whole group.
    mutating func apply(
        _ work: StoreWork, _ db: Database, leaseHolds: (LeaseID) -> Bool
    ) throws -> Result<CommitOutcome, StoreError> {
        switch work {
        case .transaction(let transaction):
            return try apply(transaction, db, leaseHolds: leaseHolds)
        case .grantLease(let lease, let ttl):
            try db.cachedStatement(sql: "INSERT INTO lease (id, ttl) VALUES (?, ?)")
                .execute(arguments: [lease.value, ttl.milliseconds])
            return .success(.committed(revision))
        case .endLease(let lease):
            return .success(.committed(try end(lease, db)))
        case .compact(let target):
            guard target <= revision else {
                return .failure(
                    StoreError(
                        .invalid, operation: "compact",
                        cause: "revision \(target) is in the future: the store is at \(revision)"))
            }
            forget(through: target)
            return .success(.committed(revision))
        }
    }

    /// Lets no watch begin at or before `target` any more; `ChangePruning` then removes the rows.
    mutating func forget(through target: Revision) {
        guard target > compacted else { return }
        compacted = target
        stateChanged = true
    }

    /// Ends the group: writes the row of `state`.
    mutating func finish(_ db: Database) throws {
        guard stateChanged else { return }
        try db.cachedStatement(sql: "UPDATE state SET revision = ?, compacted = ? WHERE id = 1")
            .execute(arguments: [Int64(revision.value), Int64(compacted.value)])
        stateChanged = false
    }

    /// The batches since the last call.
    mutating func takeBatches() -> [StoreBatch] {
        defer { batches = [] }
        return batches
    }

    /// Gives `events` the next revision, if there are any, or something was written that is no event.
    mutating func record(_ events: [StoreBatch.Event], evenIfEmpty: Bool = false) -> Revision {
        guard !events.isEmpty || evenIfEmpty else { return revision }
        revision = Revision(revision.value + 1)
        batches.append(StoreBatch(revision: revision, events: events))
        stateChanged = true
        return revision
    }

    private mutating func end(_ lease: LeaseID, _ db: Database) throws -> Revision {
        let keys = try Data.fetchAll(
            db.cachedStatement(sql: "SELECT key FROM entry WHERE lease = ? ORDER BY key"), arguments: [lease.value])
        var events: [StoreBatch.Event] = []
        let next = Revision(revision.value + 1)
        for blob in keys {
            let key = StoreKey(String(decoding: blob, as: UTF8.self))
            if try delete(key, at: Position(next, ordinal: events.count), db) { events.append(.delete(key)) }
        }
        try db.cachedStatement(sql: "DELETE FROM lease WHERE id = ?").execute(arguments: [lease.value])
        return record(events)
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
