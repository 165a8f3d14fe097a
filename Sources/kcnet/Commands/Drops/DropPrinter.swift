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
    /// The number of the last frame that was shown.
    private var shown: UInt64?
    private var last: DropReport?
    private var advised: Set<String> = []

    init(subject: String, isGateway: Bool, follows: Bool, format: OutputFormat) {
        self.subject = subject
        self.isGateway = isGateway
        self.follows = follows
        self.format = format
    }

    mutating func show(_ result: ProbeResult, _ session: Session) {
        guard let report = result.drops, report != last else { return }
        last = report
        guard format.isTable else {
            do { session.print(try JSONParser.parse(result.json)) } catch {
                // What this program itself has just written.
                preconditionFailure("\(error)")
            }
            return
        }
        guard follows else { return }
        for frame in report.frames where shown.map({ frame.number > $0 }) ?? true {
            for line in lines(frame) { Terminal.line(line) }
            shown = frame.number
        }
    }

    private mutating func lines(_ frame: DroppedFrame) -> [String] {
        let way = frame.direction == .from ? "sent" : "for it"
        let time = frame.time.description.dropFirst(11).prefix(12)
        var lines = [
            "\(time)  \(DisplayText.safe(frame.reason))  \(way)  \(FrameLine.text(frame.bytes))  \(frame.length) bytes"
        ]
        // Once for each reason: a flood of frames must not be three floods.
        if let reason = DropExplanation(rawValue: frame.reason), advised.insert(frame.reason).inserted {
            lines.append("  rule: \(reason.rule)")
            lines.append("  if it was wanted: \(reason.advice)")
        }
        return lines
    }

    private func explanation(_ reason: String) -> (rule: String, advice: String) {
        if isGateway { return GatewayDropExplanation(rawValue: reason).map { ($0.rule, $0.advice) } ?? ("", "") }
        return DropExplanation(rawValue: reason).map { ($0.rule, $0.advice) } ?? ("", "")
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
