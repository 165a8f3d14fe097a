package import Resources

/// What can go wrong in a store, with enough to act on.
package struct StoreError: Error, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The watch began before what the store still knows; `oldest` can be watched from.
        case compacted(oldest: Revision)
        /// A watcher fell too far behind and was cut off: list again.
        case slowConsumer
        case leaseNotFound
        /// The disk is full or the store may not grow: nothing was written, reads go on.
        case full
        /// The store cannot be reached or has failed; nothing is known about a write in flight.
        case unavailable
        /// What is on disk is damaged: refuse to serve it.
        case corrupt
        /// A key, value or transaction beyond the store's limits.
        case invalid
    }

    package let code: Code
    /// What was being done: "commit", "watch".
    package let operation: String
    /// The store's own words.
    package let cause: String

    package init(_ code: Code, operation: String, cause: String = "") {
        self.code = code
        self.operation = operation
        self.cause = cause
    }

    package var description: String { "store \(operation): \(code)" + (cause.isEmpty ? "" : ": \(cause)") }
}
