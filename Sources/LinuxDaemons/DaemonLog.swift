import CLinux
import Glibc
import LinuxProcesses
import NodePorts

/// The lines a daemon writes to its standard error.
///
/// They come through a FIFO that both sides hold open for reading and writing, without blocking: a daemon whose agent
/// is gone neither gets SIGPIPE nor waits; it loses lines after 64 KiB, and the next agent reads what is there. (A
/// pipe would kill the daemon with its agent; a file would grow without end.)
final class DaemonLog {
    private let source: FileDescriptor
    private var unfinished: [UInt8] = []
    /// The newest, for errors.
    private(set) var lastLines: [String] = []
    private let each: (String) -> Void
    /// Sees each line before the others do.
    var notice: ((String) -> Void)?

    /// Longer ones are cut into several.
    private static let longestLine = 1024
    private static let keptLines = 12

    init(fifo path: String, each: @escaping (String) -> Void) throws(NodeError) {
        source = try FileDescriptor.open(path, O_RDWR | O_NONBLOCK)
        self.each = each
    }

    var descriptor: Int32 { source.raw }

    /// Takes what is there.
    func read() {
        var piece = [UInt8](repeating: 0, count: 4096)
        // At most a FIFO's content a time, so that a daemon that never stops talking cannot hold the thread.
        for _ in 0..<16 {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count <= 0 { return }
            for byte in piece[..<count] {
                if byte == UInt8(ascii: "\n") || unfinished.count == Self.longestLine { finishLine() }
                if byte != UInt8(ascii: "\n") { unfinished.append(byte) }
            }
        }
    }

    private func finishLine() {
        let line = String(decoding: unfinished, as: UTF8.self)
        unfinished = []
        guard !line.isEmpty else { return }
        notice?(line)
        add(line)
    }

    /// A line of the supervisor's own.
    /// - Parameter isKept: whether errors quote it; not one that quotes others.
    func add(_ line: String, isKept: Bool = true) {
        guard isKept else { return each(line) }
        lastLines = (lastLines + [line]).suffix(Self.keptLines)
        each(line)
    }
}
