/// When to try again what failed: each key waits twice as long after each failure in a row, up to a limit.
///
/// Pure: the caller brings the time and the jitter.
package struct Backoff<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        var failures: Int
        var due: ContinuousClock.Instant
    }

    private let first: Duration
    private let limit: Duration
    private var entries: [Key: Entry] = [:]

    /// - Parameter first: the wait after the first failure.
    package init(first: Duration, limit: Duration) {
        self.first = first
        self.limit = limit
    }

    /// Notes a failure.
    /// - Parameter jitter: from 0 to 1; up to a quarter is added to the wait, so that many hosts spread out.
    package mutating func failed(_ key: Key, at now: ContinuousClock.Instant, jitter: Double) {
        let failures = (entries[key]?.failures ?? 0) + 1
        let wait = min(limit, first * (1 << min(failures - 1, 20)))
        entries[key] = Entry(failures: failures, due: now + wait * (1 + jitter / 4))
    }

    package mutating func succeeded(_ key: Key) { entries[key] = nil }

    /// Whether the key failed and its wait is not over.
    package func isWaiting(_ key: Key, at now: ContinuousClock.Instant) -> Bool {
        guard let entry = entries[key] else { return false }
        return entry.due > now
    }

    /// How often the key failed in a row.
    package func failures(of key: Key) -> Int { entries[key]?.failures ?? 0 }

    /// The keys whose wait is over; they stay until they succeed or fail again.
    package func due(at now: ContinuousClock.Instant) -> Set<Key> {
        // No key paths: those of a generic type are made anew each time.
        Set(entries.lazy.filter { $0.value.due <= now }.map { $0.key })
    }

    /// When the next key that still waits at `now` is due.
    package func nextDue(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        entries.values.lazy.map { $0.due }.filter { $0 > now }.min()
    }

    package var isEmpty: Bool { entries.isEmpty }
}
