import Hummingbird
import HummingbirdCore
import NIOCore
package import Resources

/// What a stream of server-sent events does once its client is there.
package typealias EventSource = @Sendable (inout EventWriter) async throws -> Void

/// Writes server-sent events (the HTML standard, section 9.2) to one client.
///
/// A write waits while the client does not read. A client that reads nothing for a while (`patience`) is cut off, so
/// that no connection holds memory for ever.
package struct EventWriter {
    private let body: WatchedWriter
    private var buffer = ByteBuffer()
    package private(set) var lastWrite = ContinuousClock.now

    /// Keep-alive comments are written this often when nothing else is.
    package static let keepAlive = Duration.seconds(10)
    /// Events are gathered up to this size before a write.
    private static let chunk = 65_536

    static func run(
        _ source: EventSource, on channel: any Channel, patience: Duration, into body: inout any ResponseBodyWriter
    ) async throws {
        try await WatchedWriter.run(on: channel, patience: patience, into: &body) { watched in
            var writer = EventWriter(body: watched)
            try await source(&writer)
            try await writer.flush()
        }
    }

    private init(body: WatchedWriter) { self.body = body }

    /// Adds one event; it leaves with the next `flush`, or when much has gathered.
    package mutating func event(_ name: StaticString, id: Revision? = nil, data: [UInt8]) async throws {
        buffer.writeString("event: \(name)\n")
        if let id { buffer.writeString("id: \(id)\n") }
        // A line break in the data (annotations may have them between their values) begins a further data line, and who
        // reads that puts a line feed there. Which of them were carriage returns stands in a field that the standard
        // lets others pass over.
        var returns: [Int] = []
        var line = data[...]
        while let end = line.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) {
            if line[end] == 0x0d { returns.append(end) }
            writeLine(line[..<end])
            line = line[(end + 1)...]
        }
        writeLine(line)
        if !returns.isEmpty { buffer.writeString("cr: \(returns.map(String.init).joined(separator: " "))\n") }
        buffer.writeString("\n")
        if buffer.readableBytes >= Self.chunk { try await flush() }
    }

    private mutating func writeLine(_ line: ArraySlice<UInt8>) {
        buffer.writeString("data: ")
        buffer.writeBytes(line)
        buffer.writeString("\n")
    }

    /// A comment when nothing was written for a while, so that both ends notice a dead connection.
    package mutating func keepAlive() async throws {
        guard lastWrite.duration(to: .now) >= Self.keepAlive else { return }
        buffer.writeString(":\n\n")
        try await flush()
    }

    package mutating func flush() async throws {
        guard buffer.readableBytes > 0 else { return }
        let bytes = buffer
        buffer = ByteBuffer()
        try await body.write(bytes)
        lastWrite = .now
    }
}
