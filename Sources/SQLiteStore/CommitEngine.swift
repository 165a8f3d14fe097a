import GRDB
import Persistence
import Resources

/// What the writer does with its connection: groups, the flush that each needs, pruning and checkpoints.
struct CommitEngine {
    struct Committed: Sendable {
        var results: [Result<CommitOutcome, StoreError>]
        var batches: [StoreBatch]
    }

    /// Bytes after which a group is closed.
    static let groupBytes = 8 << 20
    /// Pages of 4 KiB, estimated, after which the write-ahead log is copied into the database: rare enough that the two
    /// flushes of a checkpoint do not count, and 16 MiB to read at most after a crash.
    private static let checkpointPages = 4096
    /// Revisions whose rows one pruning step removes, so that no commit waits long behind it.
    private static let prunedRevisions: UInt64 = 2000

    private var writer: GroupWriter
    private var prunedThrough: Revision
    private var pagesSinceCheckpoint = 0
    private let keptRevisions: UInt64
    private let leaseHolds: @Sendable (LeaseID) -> Bool

    init(state: StateRow, _ db: Database, keptRevisions: UInt64, leaseHolds: @escaping @Sendable (LeaseID) -> Bool)
        throws
    {
        writer = GroupWriter(revision: state.revision, compacted: state.compacted)
        let first = try Int64.fetchOne(db, sql: "SELECT min(position) FROM change").map { Position($0).revision }
        prunedThrough = first.map { Revision($0.value - 1) } ?? state.compacted
        self.keptRevisions = max(1, keptRevisions)
        self.leaseHolds = leaseHolds
    }

    /// One SQLite transaction for all of `group`: it survives the death of the process, and power loss once the log is
    /// flushed.
    mutating func commit(_ group: [StoreWork], _ db: Database) throws -> Committed {
        var writer = self.writer
        var results: [Result<CommitOutcome, StoreError>] = []
        results.reserveCapacity(group.count)
        try db.inTransaction(.immediate) {
            for work in group { results.append(try writer.apply(work, db, leaseHolds: leaseHolds)) }
            try writer.finish(db)
            return .commit
        }
        let batches = writer.takeBatches()
        self.writer = writer
        for work in group { pagesSinceCheckpoint += 2 + work.size / 2048 }
        return Committed(results: results, batches: batches)
    }

    /// Forgets the oldest part of the feed and copies the log into the database, each when it is due.
    /// - Returns: true when there is more to prune at once.
    mutating func tidy(_ db: Database) throws -> Bool {
        let more = try prune(db)
        if pagesSinceCheckpoint >= Self.checkpointPages {
            pagesSinceCheckpoint = 0
            do {
                try db.checkpoint(.passive)
            } catch let error as DatabaseError
                where error.resultCode == .SQLITE_FULL || error.resultCode == .SQLITE_BUSY
            {
                // The log has it all and goes on growing where it may; tried again after the next pages.
                return more
            }
        }
        return more
    }

    private mutating func prune(_ db: Database) throws -> Bool {
        let revision = writer.revision.value
        // In steps: a fiftieth more than is kept may pile up before it is worth a transaction.
        let slack = max(1, min(Self.prunedRevisions, keptRevisions / 50))
        let isDue = revision > keptRevisions && revision - keptRevisions > writer.compacted.value + slack
        guard isDue || prunedThrough < writer.compacted else { return false }
        var writer = self.writer
        if isDue { writer.forget(through: Revision(revision - keptRevisions)) }
        let target = min(writer.compacted, Revision(prunedThrough.value + Self.prunedRevisions))
        try db.inTransaction(.immediate) {
            try db.cachedStatement(sql: "DELETE FROM change WHERE position < ?")
                .execute(arguments: [Position.start(of: Revision(target.value + 1))])
            try writer.finish(db)
            return .commit
        }
        self.writer = writer
        prunedThrough = target
        pagesSinceCheckpoint += 64
        return prunedThrough < writer.compacted
    }
}
