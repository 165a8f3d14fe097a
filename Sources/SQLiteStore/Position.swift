import Resources

/// Where a change stands in the feed: its revision, and its place in that revision's transaction. One integer, so that
/// the feed is a table that only ever grows at its end, without a further index.
struct Position {
    /// 2^20 changes a revision (a lease may have more keys than a transaction has changes), 2^43 revisions.
    static let ordinalBits: Int64 = 20

    let value: Int64

    init(_ value: Int64) { self.value = value }
    init(_ revision: Revision, ordinal: Int) { value = Int64(revision.value) << Self.ordinalBits | Int64(ordinal) }

    var revision: Revision { Revision(UInt64(max(0, value) >> Self.ordinalBits)) }

    /// The last revision that has places.
    static let lastRevision = Revision(1 << 43 - 1)

    /// The first place of `revision`.
    static func start(of revision: Revision) -> Int64 { Position(revision, ordinal: 0).value }
}
