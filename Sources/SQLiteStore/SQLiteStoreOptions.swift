/// How much an embedded store keeps and holds in memory. The defaults suit one machine with some 10,000 resources.
package struct SQLiteStoreOptions: Sendable {
    /// Revisions that a watch can start behind; older ones are forgotten by and by. At least 1.
    package var keptRevisions: UInt64 = 100_000
    /// Bytes of keys and values that may wait for one consumer of a watch before it is cut off with `.slowConsumer`.
    /// A batch is always accepted when nothing else waits.
    package var watchBufferBytes = 16 << 20
    /// Transactions that wait to be committed together at most; the rest go into the next group.
    package var groupSize = 512

    package init() {}
}
