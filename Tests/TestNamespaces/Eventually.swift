package import Testing

/// Looks every 20 ms until the condition holds, for at most the given time; the test fails when it never does.
package func eventually(
    within limit: Duration = .seconds(10), _ condition: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("did not become true within \(limit)", sourceLocation: sourceLocation)
}
