package import Logging
import Synchronization

/// For tests alone. Everything that is logged at a level and above, as one line each.
package struct LogBook: LogHandler {
    private final class Lines: Sendable { let lines = Mutex<[String]>([]) }

    private let book = Lines()
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level

    package init(from level: Logger.Level = .trace) { logLevel = level }

    package var lines: [String] { book.lines.withLock { $0 } }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.joined(separator: " ")
        book.lines.withLock { $0.append("\(event.message) \(fields)") }
    }
}
