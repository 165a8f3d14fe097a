package import Testing

/// What a test waited for did not come; the issue stands where it waited.
package struct NeverHappened: Error {}

/// Looks again and again until the condition holds, for a bounded time; then the test fails.
///
/// - Parameters:
///   - what: what shall come to be, as the failure names it.
///   - state: what is there instead, asked for at the end.
///   - condition: what it throws ends the wait.
package func eventually(
    _ what: String = "it", _ state: () -> String = { "" }, within limit: Duration = .seconds(20),
    sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("\(what): not within \(limit)\n\(state())", sourceLocation: sourceLocation)
            throw NeverHappened()
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
