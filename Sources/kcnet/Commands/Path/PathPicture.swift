import Commands
import Diagnosis
import Documents

/// A verdict as a person reads it at a terminal.
struct PathPicture {
    let from: String
    let to: String
    let verdict: PathVerdict
    let time: Duration

    func lines(_ isColoured: Bool) -> [String] {
        func dress(_ text: String, _ tone: Table.Tone) -> String { isColoured ? tone.dress(text) : text }
        let arrow = verdict.fault == nil ? "◄──►" : "◄─╳─►"
        var lines = ["  \(DisplayText.safe(from))  \(arrow)  \(DisplayText.safe(to))", ""]
        let width = PathLayer.allCases.map(\.rawValue.count).max() ?? 0
        for layer in verdict.layers {
            let (word, tone): (String, Table.Tone) =
                switch layer.state {
                case .ok: ("ok  ", .good)
                case .fail: ("FAIL", .bad)
                case .skip: ("skip", .quiet)
                }
            let name = DisplayText.padded(layer.layer.rawValue, to: width)
            let evidence = layer.evidence.map { DisplayText.safe($0.text) }
            let quiet: Table.Tone = layer.state == .skip ? .quiet : .plain
            lines.append("  \(dress(word, tone))  \(name)  \(dress(evidence.first ?? "", quiet))")
            let margin = String(repeating: " ", count: 2 + 4 + 2 + width + 2)
            lines += evidence.dropFirst().map { margin + dress($0, quiet) }
        }
        lines.append("")
        if let fault = verdict.fault {
            lines.append("  mend  \(DisplayText.safe(fault.mend))")
        } else {
            let tenths = Int(time / .milliseconds(100))
            lines.append("  no fault found in \(tenths / 10).\(tenths % 10) s")
        }
        return lines
    }
}
