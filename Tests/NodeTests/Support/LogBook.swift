import Logging
import Synchronization

/// Everything the agent logs at level warning and above, as one line each.
struct LogBook: LogHandler {
    private final class Lines: Sendable { let lines = Mutex<[String]>([]) }

    private let book = Lines()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    var lines: [String] { book.lines.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.joined(separator: " ")
        book.lines.withLock { $0.append("\(event.message) \(fields)") }
    }
}
