import GRDB
import Persistence
import Resources

/// The one row of `state`.
struct StateRow: Sendable {
    var revision: Revision
    /// The feed is forgotten up to and including this revision.
    var compacted: Revision

    /// - Throws: `.corrupt` when the row is missing or makes no sense.
    init(_ db: Database) throws {
        let statement = try db.cachedStatement(sql: "SELECT revision, compacted FROM state WHERE id = 1")
        guard let row = try Row.fetchOne(statement) else { throw Self.damage("its state row is missing") }
        revision = row.revision(at: 0)
        compacted = row.revision(at: 1)
        guard compacted <= revision, revision < Position.lastRevision else {
            throw Self.damage("its state row says revision \(revision), compacted \(compacted)")
        }
    }

    private static func damage(_ what: String) -> StoreError {
        StoreError(.corrupt, operation: "read", cause: StoreError.restoreAdvice(what))
    }
}
