package import Resources

/// What happened lately, in order, for those who follow: a ring that forgets the oldest.
///
/// One log serves all followers, each with a cursor of its own, so a slow one costs nothing and is told that it lost
/// its place when the ring has gone past it.
package struct ChangeLog<Item: Sendable>: Sendable {
    /// Entries kept. Default 16,384: at 1 KiB of JSON each, which items share, at most 16 MiB.
    package let capacity: Int
    private var entries: [LoggedChange<Item>] = []
    /// The sequence number of `entries[head]`, the oldest.
    package private(set) var oldest: UInt64 = 0
    private var head = 0
    /// Every change after this revision is here.
    package private(set) var floor: Revision = .zero
    private var newest: Revision = .zero

    package init(capacity: Int = 16_384) { self.capacity = capacity }

    /// The sequence number the next change gets.
    package var end: UInt64 { oldest + UInt64(entries.count) }

    /// Revisions in the log never go down, also where a new listing brings something late.
    package mutating func append(old: Item?, new: Item?, at revision: Revision) {
        newest = max(newest, revision)
        let change = LoggedChange(revision: newest, old: old, new: new)
        guard entries.count == capacity else { return entries.append(change) }
        floor = entries[head].revision
        entries[head] = change
        head = (head + 1) % capacity
        oldest += 1
    }

    /// Forgets everything: what follows is complete only after `revision`.
    package mutating func reset(at revision: Revision) {
        oldest = end
        entries.removeAll(keepingCapacity: true)
        head = 0
        floor = revision
    }

    /// At most `limit` changes from a sequence number on; nil when some of them are forgotten.
    package func read(from sequence: UInt64, limit: Int) -> ArraySlice<LoggedChange<Item>>? {
        guard sequence >= oldest else { return nil }
        guard sequence < end else { return [] }
        let count = min(limit, Int(end - sequence))
        return ArraySlice((0..<count).map { entry(Int(sequence - oldest) + $0) })
    }

    /// The sequence number of the first change after `revision`; nil when some of them are forgotten.
    package func sequence(after revision: Revision) -> UInt64? {
        guard revision >= floor else { return nil }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).revision > revision { high = middle } else { low = middle + 1 }
        }
        return oldest + UInt64(low)
    }

    private func entry(_ index: Int) -> LoggedChange<Item> { entries[(head + index) % max(entries.count, 1)] }
}

/// One change of one resource, of its spec, metadata or status.
package struct LoggedChange<Item: Sendable>: Sendable {
    /// The revision of the store that brought it.
    package let revision: Revision
    /// How it was before; nil for a new resource.
    package let old: Item?
    /// How it is now; nil for a deleted one.
    package let new: Item?
}
