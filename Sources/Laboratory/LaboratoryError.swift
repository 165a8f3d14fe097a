/// A laboratory that could not be made, entered or ended: what was tried, on what, and what the machine said.
package struct LaboratoryError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// A topology, expected or state file is not what it must be.
        case invalid
        /// It is up already, or something else has its names.
        case exists
        /// It is not up, or the machine or guest is not in it.
        case absent
        /// A program could not be started, ended with an error, or did not end in time.
        case program
        /// A file could not be read or written.
        case file
        /// What must become true did not in its time.
        case timeout
    }

    package let code: Code
    /// What was tried: "make namespace".
    package let operation: String
    /// On what: "kclab-two-hosts-h1".
    package let subject: String
    /// The machine's own words, or the rule that was broken; may be empty.
    package let message: String

    package init(_ code: Code, operation: String, subject: String, message: String = "") {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.message = message
    }

    package var description: String {
        "cannot \(operation) \(subject)" + (message.isEmpty ? "" : ": \(message)")
    }
}
