/// What one check of a host or of the cloud says: for `kcnet doctor`.
package struct Check: Hashable, Sendable {
    package enum Level: String, Sendable {
        case ok, warn
        case fail
    }

    package var level: Level
    /// What was looked at: "clock", "host h1".
    package var name: String
    /// What was found.
    package var what: String
    /// Why it matters; empty where that is plain.
    package var why: String
    /// What to do; empty where nothing is to be done.
    package var next: String

    package init(_ level: Level, _ name: String, _ what: String, why: String = "", next: String = "") {
        self.level = level
        self.name = name
        self.what = what
        self.why = why
        self.next = next
    }
}
