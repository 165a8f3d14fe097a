import CLinux
import Glibc
package import Logging
import Resources

/// Log lines for people and grep on standard error: `2026-01-31T12:00:00.000Z info label: message key=value`.
///
/// Where that is the journal, which keeps time and priority itself, a line begins with its priority instead, as
/// sd-daemon(3) has it: `<6>label: message key=value`.
package struct LineLog: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private static let isJournal = standardErrorIsJournal()

    /// Sends all of the process's loggers here. To be called once, before the first of them is made.
    package static func begin(level: Logger.Level) {
        LoggingSystem.bootstrap { label in LineLog(label: label, level: level) }
    }

    private init(label: String, level: Logger.Level) {
        self.label = label
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        all.merge(metadataProvider?.get() ?? [:]) { _, new in new }
        all.merge(event.metadata ?? [:]) { _, new in new }
        var line = Self.isJournal ? "<\(Self.priority(event.level))>" : "\(Timestamp.now) \(event.level) "
        line += "\(label): \(Self.oneLine("\(event.message)"))"
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.quoted("\(value)"))" }
        line += "\n"
        let bytes = Array(line.utf8)
        // One write a line: lines of several threads do not mix. Nothing can be done about a closed standard error.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// The priorities of syslog(3), which journalctl colours and filters by (`journalctl -p warning`).
    private static func priority(_ level: Logger.Level) -> Int32 {
        switch level {
        case .trace, .debug: LOG_DEBUG
        case .info: LOG_INFO
        case .notice: LOG_NOTICE
        case .warning: LOG_WARNING
        case .error: LOG_ERR
        case .critical: LOG_CRIT
        }
    }

    /// systemd.exec(5): `JOURNAL_STREAM` is device and inode of the socket that the manager connected to the journal. A
    /// child inherits the variable, and may have got another standard error.
    private static func standardErrorIsJournal() -> Bool {
        guard let told = getenv("JOURNAL_STREAM") else { return false }
        var (device, inode) = (UInt64(0), UInt64(0))
        guard clinux_identity(STDERR_FILENO, &device, &inode) == 0 else { return false }
        return String(cString: told) == "\(device):\(inode)"
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
