import Hummingbird
import HummingbirdCore
import NIOCore
import Synchronization

/// Writes the body of an answer to a client that may be slow, and cuts off one that takes nothing for `patience`.
///
/// A write waits while the client does not read, so that no answer gathers in memory. Belongs to the task of its answer.
///
/// The framework's writes end when they are handed to the connection's event loop, which may have many before it as it comes to
/// the first, and only then says that there is no more room: who writes fast would be megabytes ahead of what his client takes.
final class WatchedWriter {
    private var body: any ResponseBodyWriter
    private let eventLoop: any EventLoop
    private let progress = WriteProgress()
    /// Bytes that the event loop may not have come to yet.
    private var ahead = 0

    /// So many are written at a time, and before it is waited for.
    private static let maximumAhead = 65_536

    private init(_ body: any ResponseBodyWriter, _ eventLoop: any EventLoop) {
        self.body = body
        self.eventLoop = eventLoop
    }

    static func run(
        on channel: any Channel, patience: Duration, into body: inout any ResponseBodyWriter,
        _ write: (WatchedWriter) async throws -> Void
    ) async throws {
        let writer = WatchedWriter(body, channel.eventLoop)
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

    /// Writes in pieces, so that a client that takes it slowly is told from one that takes nothing.
    func write(_ bytes: ByteBuffer) async throws {
        var rest = bytes
        while let piece = rest.readSlice(length: min(Self.maximumAhead, rest.readableBytes)), piece.readableBytes > 0 {
            try await writePiece(piece)
        }
    }

    private func writePiece(_ bytes: ByteBuffer) async throws {
        progress.begin()
        defer { progress.end() }
        ahead += bytes.readableBytes
        try await body.write(bytes)
        guard ahead >= Self.maximumAhead else { return }
        ahead = 0
        try await eventLoop.submit {}.get()
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
