import Commands
import Documents
import NetworkModel
import Resources

/// One reason for which frames of an attachment are dropped, with the last frame looked at closely.
struct DropCause {
    let reason: String
    let count: UInt64
    /// nil when the kernel has shown none of late.
    let frame: DroppedFrame?
    let explanation: FrameExplanation?

    func lines(coloured: Bool) -> [String] {
        func line(_ name: String, _ text: String) -> String {
            let label = DisplayText.padded(name, to: 6)
            return "  \(coloured ? Table.Tone.quiet.dress(label) : label)  \(DisplayText.safe(text))"
        }
        let title = DisplayText.safe(reason)
        var lines = ["\(coloured ? Table.Tone.bad.dress(title) : title)  \(count) frames"]
        if let frame {
            let way = frame.direction == .from ? "sent" : "for it"
            let time = frame.time.description.dropFirst(11).prefix(12)
            lines.append(line("last", "\(time)  \(way)  \(FrameLine.text(frame.bytes))  \(frame.length) bytes"))
        }
        guard let explanation else {
            if let reason = DropExplanation(rawValue: reason) {
                lines += [line("rule", reason.rule), line("allow", reason.advice)]
            }
            return lines + [line("", "none of these frames came while the port was watched (--seconds)")]
        }
        lines.append(line("rule", explanation.step.text))
        lines += explanation.evidence.map { line("", $0) }
        lines.append(line("who", who(explanation)))
        if let suspicion = explanation.suspicion { lines.append(line("", suspicion)) }
        if let mend = explanation.step.mend { lines.append(line("allow", mend)) }
        return lines
    }

    private func who(_ explanation: FrameExplanation) -> String {
        switch explanation.sender {
        case .itself: "its own guest"
        case .project: "attachment \(explanation.name ?? "?") of the same project"
        case .tenant: explanation.name.map { "another tenant: \($0)" } ?? "another tenant"
        case .outside: "nobody that KC knows: from outside, or by a false address"
        }
    }

    var json: JSONNode {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("reason", reason)
            writer.member("frames", count)
            writer.member("last", frame)
            writer.member("explanation", explanation)
        }
        do { return try JSONParser.parse(writer.bytes) } catch {
            // What this program itself has just written.
            preconditionFailure("\(error)")
        }
    }
}
