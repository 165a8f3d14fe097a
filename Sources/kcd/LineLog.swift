import FoundationEssentials
import Glibc
import Logging
import NetworkNode
import Resources
import Synchronization

/// Log lines for people and grep on standard error: `2026-01-31T12:00:00.000Z info label: message key=value`.
struct LineLog: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String

    /// Sends all of the process's loggers here. To be called once, before the first of them is made.
    static func begin(level: Logger.Level) {
        LoggingSystem.bootstrap { label in LineLog(label: label, level: level) }
    }

    private init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        all.merge(metadataProvider?.get() ?? [:]) { _, new in new }
        all.merge(event.metadata ?? [:]) { _, new in new }
        var line = "\(Timestamp.now()) \(event.level) \(label): \(Self.oneLine("\(event.message)"))"
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted("\(value)"))" }
        line += "\n"
        let bytes = Array(line.utf8)
        // One write a line: lines of several threads do not mix. Nothing can be done about a closed standard error.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// A line stays one line, and a terminal's control characters stay out of it, whatever text of others is in it.
    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }

    private static func quoted(_ text: String) -> String {
        let line = oneLine(text)
        guard line.isEmpty || line.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return line }
        return "\"" + line.replacing("\"", with: "'") + "\""
    }
}
