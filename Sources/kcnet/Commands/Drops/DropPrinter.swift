import Commands
import Documents
import NetworkModel
import Resources

/// Prints what was dropped: each frame once, and at the end the table of reasons.
struct DropPrinter {
    /// The attachment or gateway.
    let subject: String
    let isGateway: Bool
    let follows: Bool
    let format: OutputFormat
    /// The last frame that was shown. Numbers begin anew with each agent, times go on.
    private var shown: (time: Timestamp, number: UInt64)?
    private var last: DropReport?
    private var advised: Set<String> = []

    init(subject: String, isGateway: Bool, follows: Bool, format: OutputFormat) {
        self.subject = subject
        self.isGateway = isGateway
        self.follows = follows
        self.format = format
    }

    /// Those that were not shown yet.
    func news(_ report: DropReport) -> [DroppedFrame] {
        guard follows, report != last else { return [] }
        return report.frames.filter { frame in shown.map { (frame.time, frame.number) > $0 } ?? true }
    }

    /// - Parameter explanations: of frames of the report, by number.
    mutating func show(_ result: ProbeResult, _ explanations: [UInt64: FrameExplanation], _ session: Session) {
        guard let report = result.drops, report != last else { return }
        let news = news(report)
        last = report
        guard format.isTable else {
            let answer = json(result, explanations)
            if format == .json { Terminal.line(answer.displayText) } else { session.print(answer) }
            if let frame = news.last { shown = (frame.time, frame.number) }
            return
        }
        for frame in news {
            if let shown, frame.number <= shown.number {
                note("the agent was started anew: what was dropped meanwhile is counted, and not shown")
            }
            for line in lines(frame, explanations[frame.number]) { Terminal.line(line) }
            shown = (frame.time, frame.number)
        }
    }

    /// A line that is about the watching itself.
    func note(_ text: String) {
        guard format.isTable else { return }
        Terminal.line("--  \(DisplayText.safe(text))")
    }

    /// The agent's answer, and what was found out about its frames.
    private func json(_ result: ProbeResult, _ explanations: [UInt64: FrameExplanation]) -> JSONNode {
        do {
            let answer = try JSONParser.parse(result.json)
            guard !explanations.isEmpty else { return answer }
            let list = try explanations.sorted { $0.key < $1.key }.map { number, explanation in
                JSONNode.object([
                    ("number", try JSONParser.parse(Array("\(number)".utf8))),
                    ("explanation", try JSONParser.parse(explanation.json)),
                ])
            }
            return answer.setting("explanations", to: JSONNode(.array(list)))
        } catch {
            // What this program itself has just written.
            preconditionFailure("\(error)")
        }
    }

    private mutating func lines(_ frame: DroppedFrame, _ explanation: FrameExplanation? = nil) -> [String] {
        let way = frame.direction == .from ? "sent" : "for it"
        let time = frame.time.description.dropFirst(11).prefix(12)
        var lines = [
            "\(time)  \(DisplayText.safe(frame.reason))  \(way)  \(FrameLine.text(frame.bytes))  \(frame.length) bytes"
        ]
        // Once for each reason, or for frames that are alike: a flood of frames must not be three floods.
        guard let reason = DropExplanation(rawValue: frame.reason) else { return lines }
        let isNew = advised.insert(frame.reason).inserted
        if isNew || explanation != nil { lines.append("  rule: \(reason.rule)") }
        if let explanation {
            lines += explanation.evidence.map { "        \(DisplayText.safe($0))" }
            if let suspicion = explanation.suspicion { lines.append("        \(DisplayText.safe(suspicion))") }
        }
        let advice = explanation?.step.mend ?? (isNew ? reason.advice(for: subject) : nil)
        if let advice { lines.append("  if it was wanted: \(DisplayText.safe(advice))") }
        return lines
    }

    private func explanation(_ reason: String) -> (rule: String, advice: String) {
        if isGateway { return GatewayDropExplanation(rawValue: reason).map { ($0.rule, $0.advice) } ?? ("", "") }
        return DropExplanation(rawValue: reason).map { ($0.rule, $0.advice(for: subject)) } ?? ("", "")
    }

    /// The table of reasons; those that nothing was dropped for are left out.
    mutating func finish() {
        guard format.isTable else { return }
        let counters = (last?.counters ?? [:]).filter { $0.value > 0 }
        guard !counters.isEmpty else { return Terminal.line("\(DisplayText.safe(subject)): nothing was dropped") }
        var table = Table(["reason", isGateway ? "packets" : "frames", "rule", "if it was wanted"])
        for (name, count) in counters.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            let (rule, advice) = explanation(name)
            table.add([.init(name, .bad), .init("\(count)"), .init(rule), .init(advice, .quiet)])
        }
        if follows { Terminal.line() }
        for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        guard !follows, let frames = last?.frames, !frames.isEmpty else { return }
        Terminal.line()
        advised = Set(counters.keys)
        for frame in frames.suffix(10) { for line in lines(frame) { Terminal.line(line) } }
    }
}
