import Glibc
import Resources

/// How a program is started so that it sees another time of day: by a library of this package that the loader puts before
/// the C library (Sources/CClockShift). Namespaces know of no time of day of their own (time_namespaces(7)).
enum ClockShift {
    static let launcher = "/usr/bin/env"
    /// Those that `prefix` makes.
    static let words = 3

    /// What comes before a program and its arguments.
    /// - Throws: `absent` when the library is not beside the program.
    static func prefix(_ program: String, seconds: Int) throws(LaboratoryError) -> [String] {
        let folder = program.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        let library = folder + "/libkc-clock-shift.so"
        guard access(library, R_OK) == 0 else {
            throw LaboratoryError(.absent, operation: "find", subject: library, message: "build it: swift build")
        }
        return [launcher, "LD_PRELOAD=\(library)", "KC_CLOCK_SHIFT=\(seconds)"]
    }
}
