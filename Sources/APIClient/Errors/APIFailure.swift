/// Why there is no answer, or none that can be used, and what to do about it.
package struct APIFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The address cannot be read, or is not allowed.
        case badEndpoint
        /// No connection: no socket, nothing listens, no route, no permission.
        case unreachable
        /// The server is not the one whose certificate is pinned, or TLS failed otherwise.
        case notTrusted
        /// The answer did not come in time.
        case timedOut
        /// An event stream brought nothing, not even a keep-alive, for `ServerEvents.silence`.
        case streamDead
        /// The connection ended in the middle. A write may or may not have happened.
        case interrupted
        /// The answer is larger than what the client accepts.
        case tooLarge
        /// The answer is not what the API promises.
        case protocolViolation
    }

    package let code: Code
    /// What was tried: "GET /v1/hosts".
    package let operation: String
    /// Where: the endpoint, or the part of the answer.
    package let subject: String
    /// Why, in the words of the system.
    package let cause: String
    /// What a person does next, as a sentence without its full stop.
    package let advice: String
    /// There was no connection, so that the server knows nothing of the request.
    package let wasNeverSent: Bool

    package init(
        _ code: Code, operation: String, subject: String, cause: String, advice: String, wasNeverSent: Bool = false
    ) {
        self.wasNeverSent = wasNeverSent
        self.code = code
        self.operation = operation
        self.subject = subject
        self.cause = cause
        self.advice = advice
    }

    /// Whether another server may do better.
    var isOfServer: Bool { [.unreachable, .timedOut, .streamDead, .interrupted].contains(code) }

    package var description: String { "\(operation) at \(subject): \(cause); \(advice)" }
}
