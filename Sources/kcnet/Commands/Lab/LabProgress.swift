import Glibc

/// One line of progress, on standard error: standard output is for results.
func say(_ line: String) {
    let text = "lab: \(line)\n"
    // A terminal that went away is no reason to stop.
    _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
}
