import AsyncHTTPClient
import NIOCore

/// The events of one open stream, in order. To be iterated once.
///
/// It reads from the connection only when the caller asks for the next event. Ends when the server ends the stream;
/// dropping it closes the connection.
package struct ServerEvents: AsyncSequence, Sendable {
    package typealias Element = ServerEvent

    /// The server writes something at least every 10 s; after this long without a byte the stream counts as dead.
    package static let silence = Duration.seconds(30)

    let body: HTTPClientResponse.Body
    let operation: String
    let endpoint: Endpoint
    let maximumEvent: Int

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            body: body.makeAsyncIterator(), parser: EventStreamParser(maximumEvent: maximumEvent), operation: operation,
            endpoint: endpoint)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        private var body: HTTPClientResponse.Body.AsyncIterator
        private var parser: EventStreamParser
        private var ready: ArraySlice<ServerEvent> = []
        private let operation: String
        private let endpoint: Endpoint

        init(
            body: HTTPClientResponse.Body.AsyncIterator, parser: EventStreamParser, operation: String,
            endpoint: Endpoint
        ) {
            self.body = body
            self.parser = parser
            self.operation = operation
            self.endpoint = endpoint
        }

        /// - Throws: `APIFailure` (`streamDead` after `silence`), `CancellationError`.
        package mutating func next() async throws -> ServerEvent? {
            while ready.isEmpty {
                do {
                    guard let chunk = try await body.next() else { return nil }
                    ready = try parser.feed(chunk.readableBytesView)[...]
                } catch is EventStreamParser.TooLarge {
                    throw APIFailure(
                        .tooLarge, operation: operation, subject: endpoint.description,
                        cause:
                            "an event is larger than \(parser.maximumEvent) bytes, or its name, id or line ends are too many",
                        advice: "watch less of it, and check that the address is that of a KC API server")
                } catch {
                    if Task.isCancelled { throw CancellationError() }
                    throw APIFailure(error, operation: operation, endpoint: endpoint, isStream: true)
                }
            }
            return ready.removeFirst()
        }
    }
}
