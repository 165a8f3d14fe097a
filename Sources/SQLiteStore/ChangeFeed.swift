import FoundationEssentials
import GRDB
import Persistence
import Resources

/// Reading the feed: what a watch replays.
enum ChangeFeed {
    struct Page: Sendable {
        var batches: [StoreBatch]
        /// The store's revision in the state that the page was read from.
        var revision: Revision
        /// More changes follow in the feed, behind the revision of `next`.
        var hasMore: Bool
        /// Where the next page begins.
        var next: Revision
    }

    /// Rows and bytes after which a page ends, at the next revision's border.
    static let pageRows = 2000
    static let pageBytes = 4 << 20

    /// The changes under `prefix` after `revision`.
    /// - Throws: `.compacted` when some of them are forgotten, or when the store has never been at `revision`.
    static func page(_ prefix: StoreKey, after revision: Revision, _ db: Database) throws -> Page {
        let state = try StateRow(db)
        guard revision >= state.compacted, revision <= state.revision else {
            throw StoreError(
                .compacted(oldest: state.compacted), operation: "watch",
                cause: "after \(revision), but the store knows \(state.compacted) to \(state.revision)")
        }
        var page = Page(batches: [], revision: state.revision, hasMore: false, next: state.revision)
        guard revision < state.revision else { return page }
        let (lower, upper) = prefix.bounds
        let rows = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT position, key, created, lease, value, sum FROM change
                    WHERE position >= ? AND key >= ? AND key < ? ORDER BY position
                    """),
            arguments: [Position.start(of: Revision(revision.value + 1)), lower, upper])
        var count = 0
        var bytes = 0
        while let row = try rows.next() {
            let at = Position(row[0]).revision
            if page.batches.last?.revision != at {
                if count >= pageRows || bytes >= pageBytes, let last = page.batches.last {
                    page.hasMore = true
                    page.next = last.revision
                    break
                }
                page.batches.append(StoreBatch(revision: at, events: []))
            }
            let event = try event(row, at: at)
            count += 1
            bytes += event.size
            page.batches[page.batches.count - 1].events.append(event)
        }
        return page
    }

    private static func event(_ row: Row, at revision: Revision) throws -> StoreBatch.Event {
        let key = try StoreKey(row: row, column: 1)
        guard let value = try row.bytes(at: 4) else { return .delete(key) }
        let created = row.revision(at: 2)
        let lease = (row[3] as Int64?).map(LeaseID.init)
        let entry = StoreEntry(key: key, value: value, created: created, modified: revision, lease: lease)
        try entry.requireSum(row[5])
        return .put(entry)
    }
}

extension StoreBatch.Event {
    /// Bytes that it roughly takes in memory.
    var size: Int {
        switch self {
        case .put(let entry): 96 + entry.key.text.utf8.count + entry.value.count
        case .delete(let key): 96 + key.text.utf8.count
        }
    }

    var key: StoreKey {
        switch self {
        case .put(let entry): entry.key
        case .delete(let key): key
        }
    }
}
