import Commands

/// How far many bytes are, on the progress line: nothing where nobody looks.
struct ProgressBar {
    private let title: String
    private let size: UInt64
    private let start = ContinuousClock.now
    private let first: UInt64
    private var shown = ContinuousClock.now - .seconds(1)

    /// - Parameter first: how many were there before it began; they do not count for the speed.
    init(_ title: String, size: UInt64, first: UInt64 = 0) {
        self.title = title
        self.size = size
        self.first = first
    }

    mutating func show(_ done: UInt64, note: String = "") {
        let now = ContinuousClock.now
        guard now - shown > .milliseconds(100) || done == size else { return }
        shown = now
        Terminal.progress(Self.text(title, done, of: size, speed: speed(done, now - start), note))
    }

    func end() { Terminal.progress("") }

    /// Bytes in a second.
    private func speed(_ done: UInt64, _ time: Duration) -> UInt64 {
        let milliseconds = time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000
        return milliseconds < 200 || done <= first ? 0 : (done - first) * 1000 / UInt64(milliseconds)
    }

    static func text(_ title: String, _ done: UInt64, of size: UInt64, speed: UInt64, _ note: String = "") -> String {
        let width: UInt64 = 24
        let filled = size == 0 ? width : min(width, done * width / size)
        let bar = String(repeating: "#", count: Int(filled)) + String(repeating: ".", count: Int(width - filled))
        let percent = size == 0 ? 100 : min(100, done * 100 / size)
        let rate = speed == 0 ? "" : ", \(amount(speed))/s"
        return
            "\(title) [\(bar)] \(percent) %, \(amount(done)) of \(amount(size))\(rate)\(note.isEmpty ? "" : "; \(note)")"
    }

    static func amount(_ bytes: UInt64) -> String {
        for (unit, shift) in [("GiB", UInt64(30)), ("MiB", 20), ("KiB", 10)] where bytes >= 1 << shift {
            let tenths = ((bytes >> (shift - 10)) * 10) >> 10
            return tenths >= 1000 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) bytes"
    }
}
