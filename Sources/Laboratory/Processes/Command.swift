import Dispatch
import Glibc

/// One program with its arguments, run to its end. No shell sees any of it.
package struct Command: Hashable, Sendable {
    /// A path, or a name looked up in PATH.
    package var program: String
    package var arguments: [String]
    /// Given on standard input; at most what a pipe holds (64 KiB).
    package var input: [UInt8]
    /// The program is killed after this.
    package var timeout: Duration

    package static let maximumInput = 60_000
    /// Output beyond this is read and thrown away.
    package static let maximumOutput = 16 << 20

    package init(_ program: String, _ arguments: [String], input: [UInt8] = [], timeout: Duration = .seconds(30)) {
        self.program = program
        self.arguments = arguments
        self.input = input
        self.timeout = timeout
    }

    package struct Result: Hashable, Sendable {
        /// The exit code; 128 + the signal of a program that was killed.
        package var status: Int32
        package var output: String
        package var errors: String
        package var hasTimedOut = false
        package var isSuccess: Bool { status == 0 && !hasTimedOut }
        /// What to show of a failure: its error lines, or its output when it has none.
        package var complaint: String {
            let text = errors.isEmpty ? output : errors
            let lines = text.split(separator: "\n").suffix(8).joined(separator: "\n")
            return hasTimedOut ? "it did not end in time; \(lines)" : lines
        }
    }

    /// Runs it on a thread of its own; a cancelled caller still waits for its end, which `timeout` bounds.
    /// - Throws: when it could not be started. A failed exit is a result.
    package func run() async throws(LaboratoryError) -> Result {
        let outcome: Swift.Result<Result, LaboratoryError> = await withCheckedContinuation { continuation in
            Self.queue.async {
                do throws(LaboratoryError) { continuation.resume(returning: .success(try runBlocking())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try outcome.get()
    }

    /// Runs it and demands exit code 0.
    /// - Parameter operation: for the error: "make namespace".
    /// - Returns: standard output.
    @discardableResult
    package func check(_ operation: String, _ subject: String) async throws(LaboratoryError) -> String {
        let result = try await run()
        guard result.isSuccess else {
            throw LaboratoryError(
                .program, operation: operation, subject: subject,
                message: "\(description) ended with \(result.status): \(result.complaint)")
        }
        return result.output
    }

    package var description: String { ([program] + arguments).joined(separator: " ") }

    private static let queue = DispatchQueue(label: "kc.laboratory.commands", attributes: .concurrent)

    private func runBlocking() throws(LaboratoryError) -> Result {
        guard input.count <= Self.maximumInput else {
            throw LaboratoryError(.invalid, operation: "run", subject: program, message: "the input is too large")
        }
        let child = try Spawned.start(program, arguments)
        child.give(input)
        return child.collect(timeout: timeout)
    }
}
