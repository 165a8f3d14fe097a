package import NetworkModel
import Resources

/// The updates of one `desired` stream, in order; to be iterated once, promptly: a reader that does not ask for
/// `ServerEvents.silence` is taken for a dead stream.
package struct HostUpdates: AsyncSequence, Sendable {
    package typealias Element = HostUpdate

    let events: ServerEvents
    /// Is told the revision of each update.
    let report: @Sendable (Revision) -> Void

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(events: events.makeAsyncIterator(), report: report)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        var events: ServerEvents.AsyncIterator
        let report: @Sendable (Revision) -> Void

        /// - Throws: `APIFailure` (`protocolViolation` for a state it cannot read), `CancellationError`.
        package mutating func next() async throws -> HostUpdate? {
            while let event = try await events.next() {
                // Kinds of events that a newer server adds are not for this agent.
                guard event.name == "state" else { continue }
                do {
                    let update = try HostUpdate(
                        json: JSONParser.parse(event.data, atMost: JSONParser.largeValues), path: "")
                    report(update.revision)
                    return update
                } catch {
                    throw APIFailure(
                        .protocolViolation, operation: "read the desired state", subject: "an update",
                        cause: "\(error)", advice: "check that agent and server are of the same version")
                }
            }
            return nil
        }
    }
}
