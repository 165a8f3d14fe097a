import Commands
import Documents
import NetworkModel

/// A prediction as a person reads it at a terminal.
struct TracePicture {
    let trace: Trace
    /// Each rule on a line of its own.
    let withRules: Bool

    private static let width = 10
    private static let margin = String(repeating: " ", count: 2 + 4 + 2 + width + 2)

    func lines(_ isColoured: Bool) -> [String] {
        func dress(_ text: String, _ tone: Table.Tone) -> String { isColoured ? tone.dress(text) : text }
        var lines = ["  \(title(trace.from))  ──►  \(title(trace.to))  \(trace.flow), revision \(trace.revision)", ""]
        var direction = TraceStep.Direction.there
        for step in trace.steps {
            if step.direction != direction {
                direction = step.direction
                lines.append("")
            }
            let (word, tone): (String, Table.Tone) =
                switch step.verdict {
                case .passes: ("ok  ", .good)
                case .stopped: ("STOP", .bad)
                case .unknown: ("?   ", .quiet)
                }
            let place = DisplayText.padded(step.place.rawValue, to: Self.width)
            let reason = step.reason.map { " [\(DisplayText.safe($0))]" } ?? ""
            lines.append("  \(dress(word, tone))  \(place)  \(DisplayText.safe(step.text))\(reason)")
            lines += details(step).map { Self.margin + dress(DisplayText.safe($0), .quiet) }
            if let mend = step.mend { lines.append(Self.margin + "if it was wanted: \(DisplayText.safe(mend))") }
        }
        lines += ["", "  \(verdict)"]
        lines += trace.notes.map { dress("  taken for granted: \(DisplayText.safe($0))", .quiet) }
        return lines
    }

    private var verdict: String {
        switch trace.verdict {
        case .passes: "passes"
        case .stopped: "stopped"
        case .unknown: "nothing that KC knows stops it; what is marked ? decides"
        }
    }

    private func title(_ end: Trace.End) -> String {
        let host = end.host.map { " on \($0)" } ?? ""
        return DisplayText.safe(end.name.map { "\($0)  \(end.address)\(host)" } ?? end.address)
    }

    private func details(_ step: TraceStep) -> [String] {
        var lines: [String] = []
        let place = [step.host, step.device, step.table].compactMap(\.self).joined(separator: ", ")
        let chains = step.rules.map { "\($0.chain) \($0.number == 0 ? "policy" : "\($0.number)")" }
        if withRules {
            if !place.isEmpty { lines.append(place) }
            lines += zip(chains, step.rules).map { "  \($0): \($1.text)" }
        } else if !place.isEmpty || !chains.isEmpty {
            lines.append(([place] + [chains.joined(separator: " → ")]).filter { !$0.isEmpty }.joined(separator: ": "))
        }
        lines += step.missing.map { "not there: \($0)" }
        return lines + step.detail
    }
}
