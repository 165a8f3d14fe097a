import Glibc
import Synchronization

/// The terminal of the command, while keys go to a guest as they are typed.
///
/// Its modes are put back on every way out but SIGKILL: the end of the command, `exit`, and the signals that end a program.
enum RawTerminal {
    private static let isRaw = Mutex(false)
    /// The modes before: written once, before anything that reads them. A handler of signals may take no lock.
    private nonisolated(unsafe) static let before = UnsafeMutablePointer<termios>.allocate(capacity: 1)

    /// What a guest may have switched: colours, cursor keys, pasting, the mouse, the second screen, the cursor, the set of
    /// characters. DECSTR (VT220) and its relatives; a terminal that does not know one passes it over.
    private static let reset = Array(
        "\u{1b}[!p\u{1b}[0m\u{1b}[?1049l\u{1b}[?1l\u{1b}[?1000l\u{1b}[?1002l\u{1b}[?1003l\u{1b}[?1006l\u{1b}[?2004l\u{1b}[?25h\u{1b}(B"
            .utf8)

    /// Nothing where standard input is no terminal.
    static func enter() {
        var modes = termios()
        guard isatty(0) == 1, tcgetattr(0, &modes) == 0 else { return }
        let isFirst = isRaw.withLock { isRaw in
            defer { isRaw = true }
            return !isRaw
        }
        guard isFirst else { return }
        before.initialize(to: modes)
        _ = reset.count
        atexit { RawTerminal.leave() }
        for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            // At once, on whatever thread: a handler that came through a queue would miss the first moments.
            signal(number) { number in
                RawTerminal.restore()
                // When this returns, it ends the program as if nobody had looked at it.
                signal(number, SIG_DFL)
                raise(number)
            }
        }
        cfmakeraw(&modes)
        tcsetattr(0, TCSANOW, &modes)
    }

    /// May be called again.
    static func leave() {
        let wasRaw = isRaw.withLock { isRaw in
            defer { isRaw = false }
            return isRaw
        }
        if wasRaw { restore() }
    }

    /// Nothing but calls that a handler of signals may make.
    private static func restore() {
        tcsetattr(0, TCSANOW, before)
        // What was typed for the guest is not for the shell.
        tcflush(0, TCIFLUSH)
        guard isatty(1) == 1 else { return }
        _ = reset.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }
}
