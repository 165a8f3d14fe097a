package import Resources

/// The one store behind all API servers: keys with values, changed by transactions, watched from a revision.
///
/// Revisions: each committed transaction that writes gets the next revision, one number for the whole store; all keys
/// it puts have that revision. A reader that saw revision R sees every write up to R.
/// Durability: when `commit` returns, the write survives `kill -9` and power loss, unless the transaction was
/// `.relaxed` (reports that their writer would send again).
/// Concurrency: every method may be called from any task at any time.
package protocol Store: Sendable {
    /// The entry of one key, with the store's revision at that moment.
    func get(_ key: StoreKey) async throws(StoreError) -> (entry: StoreEntry?, revision: Revision)

    /// The entries whose keys begin with `prefix`, in key order, from one consistent state.
    /// - Parameters: `after` continues behind a key of an earlier page; `limit` 1...100,000.
    func list(_ prefix: StoreKey, after: StoreKey?, limit: Int) async throws(StoreError) -> StorePage

    /// Checks all conditions and, if they hold, writes all changes, in one step.
    /// - Returns: `.committed` with the new revision, or `.failed` with the first condition that did not hold. A
    ///   transaction that changes nothing (no changes, or deletions of keys that do not exist) takes no revision:
    ///   `.committed` then names the revision that it saw.
    /// - Throws: `.invalid` beyond the limits of `StoreLimits`, `.leaseNotFound` for a put with a lease that has ended;
    ///   both leave the store as it was.
    func commit(_ transaction: StoreTransaction) async throws(StoreError) -> CommitOutcome

    /// All changes under `prefix` after `revision` but `.record`s, in order, one batch per transaction. Ends by cancellation of the
    /// consumer or by an error: `.compacted` when `revision` is older than what the store still knows, or is one that it
    /// never handed out, as after a restore (list again); `.slowConsumer` when the consumer fell more than the store's
    /// buffer behind. Ends without an error, which not every store does, when its consumer is to list again and compare.
    /// One consumer a stream. A change may be seen here, and be read, a moment before it is durable and its
    /// `commit` returns; whatever is committed after it is durable no sooner than it.
    func watch(_ prefix: StoreKey, after revision: Revision) -> AsyncThrowingStream<StoreBatch, any Error>

    /// Makes a lease of 1 ms to 24 hours that ends `ttl` after its last renewal; the keys put with it are then deleted in one transaction.
    func grantLease(ttl: Duration) async throws(StoreError) -> LeaseID
    /// Renews a lease. Never a store write. Throws `.leaseNotFound` when it has ended.
    func renewLease(_ lease: LeaseID) async throws(StoreError)
    /// Ends a lease and deletes its keys.
    func revokeLease(_ lease: LeaseID) async throws(StoreError)

    /// Forgets the changes up to and including `revision`; entries stay. Watches from before it then fail.
    func compact(through revision: Revision) async throws(StoreError)

    /// The latest revision.
    func currentRevision() async throws(StoreError) -> Revision
}

/// A key: path-like text, 1 to 512 bytes of UTF-8, compared byte by byte.
package struct StoreKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String
    package init(_ text: String) { self.text = text }

    // Not String's own equality: that takes two ways to write one character (é) for the same, a store does not.
    package static func == (left: StoreKey, right: StoreKey) -> Bool {
        left.bytes { left in
            right.bytes { right in areEqual(UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right)) }
        }
    }

    /// Eight bytes at a time: keys are compared again and again, and are some hundred bytes long.
    private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        var offset = 0
        while offset + 8 <= left.count {
            guard
                left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            else { return false }
            offset += 8
        }
        return left[offset...].elementsEqual(right[offset...])
    }

    package static func < (left: StoreKey, right: StoreKey) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
    package func hash(into hasher: inout Hasher) {
        bytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }

    private func bytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        var text = text
        return text.withUTF8(body)
    }
    package func hasPrefix(_ prefix: StoreKey) -> Bool { text.utf8.starts(with: prefix.text.utf8) }

    package var description: String { text }
    /// Bytes.
    package static let maximumLength = 512
}

package struct StoreEntry: Hashable, Sendable {
    package var key: StoreKey
    package var value: [UInt8]
    /// The revision that made the key.
    package var created: Revision
    /// The revision that last wrote it.
    package var modified: Revision
    package var lease: LeaseID?

    package init(key: StoreKey, value: [UInt8], created: Revision, modified: Revision, lease: LeaseID? = nil) {
        self.key = key
        self.value = value
        self.created = created
        self.modified = modified
        self.lease = lease
    }
}

package struct StorePage: Sendable {
    package var entries: [StoreEntry]
    /// The revision of the whole store that the page shows.
    package var revision: Revision
    /// More entries follow behind the last one.
    package var hasMore: Bool

    package init(entries: [StoreEntry], revision: Revision, hasMore: Bool) {
        self.entries = entries
        self.revision = revision
        self.hasMore = hasMore
    }
}

package struct StoreTransaction: Sendable {
    package enum Condition: Hashable, Sendable {
        /// The key does not exist.
        case absent(StoreKey)
        case exists(StoreKey)
        /// The key exists and was last written at this revision.
        case modified(StoreKey, Revision)
    }

    package enum Change: Hashable, Sendable {
        case put(StoreKey, [UInt8], lease: LeaseID? = nil)
        /// A put that nobody watches: it is as durable and takes part in conditions, but a watch may leave it out. For
        /// what is looked up or listed alone (claims, history), which then need not be written a second time as news.
        case record(StoreKey, [UInt8])
        /// Deleting a key that does not exist is no error and no event.
        case delete(StoreKey)
    }

    package enum Durability: Sendable {
        /// On disk before `commit` returns.
        case durable
        /// May be lost by a power cut (not by `kill -9`), never torn or out of order.
        case relaxed
    }

    /// A key may be changed once in a transaction.
    package var conditions: [Condition]
    package var changes: [Change]
    package var durability: Durability

    package init(conditions: [Condition] = [], changes: [Change], durability: Durability = .durable) {
        self.conditions = conditions
        self.changes = changes
        self.durability = durability
    }
}

package enum CommitOutcome: Hashable, Sendable {
    case committed(Revision)
    case failed(StoreTransaction.Condition)
}

package struct StoreBatch: Hashable, Sendable {
    package enum Event: Hashable, Sendable {
        case put(StoreEntry)
        case delete(StoreKey)
    }
    package var revision: Revision
    package var events: [Event]

    package init(revision: Revision, events: [Event]) {
        self.revision = revision
        self.events = events
    }
}

package struct LeaseID: Hashable, Sendable {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
}
