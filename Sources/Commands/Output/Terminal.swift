import Glibc

/// Standard output and standard error of the command.
package enum Terminal {
    /// Prints a line of result. Ends the program when nobody reads any more.
    package static func line(_ text: String = "") { print(text + "\n") }

    /// Prints lines of result in one go.
    package static func lines(_ lines: [String]) { print(lines.map { $0 + "\n" }.joined()) }

    /// Prints text as it is.
    package static func print(_ text: String) {
        guard writeAll(1, Array(text.utf8)) else {
            if errno != EPIPE {
                error("\(Program.current.name): cannot write the result: \(String(cString: strerror(errno)))")
            }
            exit(1)
        }
    }

    /// Prints a line to standard error; when even that fails there is nobody to tell.
    package static func error(_ text: String) { _ = writeAll(2, Array((text + "\n").utf8)) }

    /// Overwrites the progress line on standard error; an empty text removes it. Nothing where nobody looks.
    package static func progress(_ text: String) {
        guard isatty(2) == 1 else { return }
        _ = writeAll(2, Array("\r\u{1b}[K\(text)".utf8))
    }

    /// Colours are for people at a terminal who did not refuse them (no-color.org).
    package static let isColoured: Bool = {
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
        return isatty(1) == 1 && !refused && !dumb
    }()

    /// Whether a person reads standard output.
    package static var isTerminal: Bool { isatty(1) == 1 }

    package static func writeAll(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
