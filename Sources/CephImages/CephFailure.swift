import Glibc

/// A call of librados or librbd that failed.
struct CephFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Positive, as in errno.h.
    let number: Int32
    let operation: String
    let subject: String
    let cause: String

    /// - Parameter result: what the call returned, below zero.
    init(_ result: Int, _ operation: String, _ subject: String) {
        number = Int32(truncatingIfNeeded: -result)
        self.operation = operation
        self.subject = subject
        cause = String(cString: strerror(number))
    }

    init(_ number: Int32, _ operation: String, _ subject: String, cause: String) {
        self.number = number
        self.operation = operation
        self.subject = subject
        self.cause = cause
    }

    static func late(_ operation: String, _ subject: String, _ limit: Duration) -> CephFailure {
        CephFailure(
            ETIMEDOUT, operation, subject, cause: "Ceph has not answered within \(limit); it is away, or overloaded")
    }

    var isFull: Bool { number == ENOSPC || number == EDQUOT }
    /// The connection is of no more use: a new one may be.
    var endsConnection: Bool { [ETIMEDOUT, ENOTCONN, ESHUTDOWN, ECONNRESET, EPIPE].contains(number) }

    var description: String { "\(operation) \(subject): \(cause)" }
}

extension CephFailure {
    /// Makes sure that a call succeeded.
    static func check(_ result: Int, _ operation: String, _ subject: String) throws(CephFailure) {
        guard result >= 0 else { throw CephFailure(result, operation, subject) }
    }
    static func check(_ result: Int32, _ operation: String, _ subject: String) throws(CephFailure) {
        try check(Int(result), operation, subject)
    }
}
