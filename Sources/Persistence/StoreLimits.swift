/// What every store refuses with `.invalid` before it looks at its state, so that a write that one kind of store takes
/// is taken by all of them. Bounds what a single request can make a server hold in memory.
package enum StoreLimits {
    /// Bytes of one value.
    package static let valueBytes = 1 << 20
    /// Changes of one transaction, and likewise its conditions.
    package static let changes = 16_384
    /// Bytes of all keys and values that one transaction puts.
    package static let transactionBytes = 32 << 20
    /// Entries of one page.
    package static let pageEntries = 100_000
    package static let leaseTTL = Duration.milliseconds(1)...Duration.seconds(86_400)

    /// Throws `.invalid` naming the limit that `transaction` exceeds and by what.
    package static func check(_ transaction: StoreTransaction) throws(StoreError) {
        guard transaction.changes.count <= changes else {
            throw invalid("a transaction takes at most \(changes) changes, not \(transaction.changes.count)")
        }
        guard transaction.conditions.count <= changes else {
            throw invalid("a transaction takes at most \(changes) conditions, not \(transaction.conditions.count)")
        }
        for condition in transaction.conditions { try check(condition.key) }
        var bytes = 0
        var seen: Set<StoreKey> = []
        seen.reserveCapacity(transaction.changes.count)
        for change in transaction.changes {
            try check(change.key)
            if transaction.changes.count > 1, !seen.insert(change.key).inserted {
                throw invalid("a transaction changes a key once, but '\(change.key)' twice")
            }
            let value: [UInt8]
            switch change {
            case .put(_, let bytes, _), .record(_, let bytes): value = bytes
            case .delete: continue
            }
            guard value.count <= valueBytes else {
                throw invalid("a value has at most \(valueBytes) bytes, but that of '\(change.key)' \(value.count)")
            }
            bytes += value.count + change.key.text.utf8.count
        }
        guard bytes <= transactionBytes else {
            throw invalid("a transaction puts at most \(transactionBytes) bytes, not \(bytes)")
        }
    }

    package static func check(_ key: StoreKey, operation: String = "commit") throws(StoreError) {
        let length = key.text.utf8.count
        guard (1...StoreKey.maximumLength).contains(length) else {
            throw invalid(
                "a key has 1 to \(StoreKey.maximumLength) bytes, but '\(key.text.prefix(64))'… has \(length)",
                operation: operation)
        }
    }

    package static func check(pageLimit limit: Int) throws(StoreError) {
        guard (1...pageEntries).contains(limit) else {
            throw invalid("a page has 1 to \(pageEntries) entries, not \(limit)", operation: "list")
        }
    }

    package static func check(ttl: Duration) throws(StoreError) {
        guard leaseTTL.contains(ttl) else {
            throw invalid("a lease lasts 1 ms to 24 hours, not \(ttl)", operation: "grant lease")
        }
    }

    private static func invalid(_ cause: String, operation: String = "commit") -> StoreError {
        StoreError(.invalid, operation: operation, cause: cause)
    }
}

extension StoreTransaction.Condition {
    package var key: StoreKey {
        switch self {
        case .absent(let key), .exists(let key), .modified(let key, _): key
        }
    }
}

extension StoreTransaction.Change {
    package var key: StoreKey {
        switch self {
        case .put(let key, _, _), .record(let key, _), .delete(let key): key
        }
    }
}
