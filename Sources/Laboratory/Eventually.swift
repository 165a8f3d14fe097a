/// Looks again and again until something is true, and gives up after `limit`.
///
/// - Throws: `timeout`, or what the look itself throws.
package func eventually(
    _ operation: String, _ subject: String, within limit: Duration, every pause: Duration = .milliseconds(20),
    _ isTrue: () async throws(LaboratoryError) -> Bool
) async throws(LaboratoryError) {
    let deadline = ContinuousClock.now + limit
    while true {
        if try await isTrue() { return }
        guard ContinuousClock.now < deadline else {
            throw LaboratoryError(.timeout, operation: operation, subject: subject, message: "not within \(limit)")
        }
        do { try await Task.sleep(for: pause) } catch {
            throw LaboratoryError(.timeout, operation: operation, subject: subject, message: "it was cancelled")
        }
    }
}
