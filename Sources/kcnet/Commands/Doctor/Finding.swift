import Commands
import Documents
import Resources

/// What one check of `kcnet doctor` says.
struct Finding: Sendable {
    enum Level: String, Sendable {
        case ok, warn
        case fail = "FAIL"
    }

    let level: Level
    /// What was looked at: "tun".
    let check: String
    /// What was found.
    let what: String
    /// Why it matters; empty where that is plain.
    let why: String
    /// What to do; empty where nothing is to be done.
    let next: String

    init(_ level: Level, _ check: String, _ what: String, why: String = "", next: String = "") {
        self.level = level
        self.check = check
        self.what = what
        self.why = why
        self.next = next
    }

    var node: JSONNode {
        .object([
            ("level", .string(level.rawValue.lowercased())), ("check", .string(check)), ("what", .string(what)),
            ("why", .string(why)), ("next", .string(next)),
        ])
    }

    /// A line for what was found; below it, for anything not ok, why it matters and what to do.
    static func lines(_ findings: [Finding], coloured: Bool) -> [String] {
        let width = findings.map { DisplayText.width($0.check) }.max() ?? 0
        return findings.flatMap { finding in
            let tone: Table.Tone =
                switch finding.level {
                case .ok: .good
                case .warn: .waiting
                case .fail: .bad
                }
            let level = DisplayText.padded(finding.level.rawValue, to: 4)
            let check = DisplayText.padded(finding.check, to: width)
            var lines = ["\(coloured ? tone.dress(level) : level)  \(check)  \(DisplayText.safe(finding.what))"]
            if finding.level != .ok {
                let space = String(repeating: " ", count: 6 + width + 2)
                if !finding.why.isEmpty { lines.append("\(space)why:  \(DisplayText.safe(finding.why))") }
                if !finding.next.isEmpty { lines.append("\(space)next: \(DisplayText.safe(finding.next))") }
            }
            return lines
        }
    }
}
