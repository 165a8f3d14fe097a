import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization

/// Writes the body of an answer to a client that may be slow, and cuts off one that takes nothing for `patience`.
///
/// A write waits while the client does not read, so that no answer gathers in memory. Belongs to the task of its answer.
final class WatchedWriter {
    private var body: any ResponseBodyWriter
    private let progress = WriteProgress()

    private init(_ body: any ResponseBodyWriter) { self.body = body }

    static func run(
        on channel: any Channel, patience: Duration, into body: inout any ResponseBodyWriter,
        _ write: (WatchedWriter) async throws -> Void
    ) async throws {
        let writer = WatchedWriter(body)
        let progress = writer.progress
        let look = TimeAmount(patience / 6)
        let watchdog = channel.eventLoop.scheduleRepeatedTask(initialDelay: look, delay: look) { _ in
            if progress.isStuck(for: patience) { channel.close(promise: nil) }
        }
        defer { watchdog.cancel() }
        try await write(writer)
        try await writer.body.finish(nil)
    }

    func copy(_ body: AnnexResponse.Body) async throws { for try await bytes in body { try await write(bytes) } }

    func write(_ bytes: ByteBuffer) async throws {
        progress.begin()
        defer { progress.end() }
        try await body.write(bytes)
    }
}

/// Since when a write waits.
private final class WriteProgress: Sendable {
    private let since = Mutex<ContinuousClock.Instant?>(nil)

    func begin() { since.withLock { $0 = .now } }
    func end() { since.withLock { $0 = nil } }
    func isStuck(for patience: Duration) -> Bool {
        since.withLock { $0.map { $0.duration(to: .now) > patience } ?? false }
    }
}
