import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract:
            "Say why frames of an attachment are dropped: the rule, the missing element, whose they are, how to allow them.",
        discussion: """
            For some seconds the port is watched: frames that were dropped before are counted, but only those of this time can \
            be shown. Of each reason the last one is decoded and looked at again under the hosts' plans. What another tenant does, or a guest that speaks for others, is called so; for all else \
            there is a command that lets just this through. `kcnet drops --follow` shows frames as they are dropped.
            """)

    @Argument(help: "The attachment's name or id.") var attachment: String
    @Option(help: "How long to watch for frames, 0 to \(DesiredProbe.maximumSeconds) seconds.") var seconds = 3
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// How long an agent that is up takes at most to answer.
    private static let patience = Duration.seconds(10)

    func validate() throws {
        guard (0...DesiredProbe.maximumSeconds).contains(seconds) else {
            throw ValidationError("--seconds must be from 0 to \(DesiredProbe.maximumSeconds)")
        }
    }

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let report = try await drops(session)
            let reasons = report.counters.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            var causes: [DropCause] = []
            for (reason, count) in reasons {
                let frame = report.frames.last { $0.reason == reason }
                var explanation: FrameExplanation?
                if let frame {
                    explanation = try await session.client.explain(
                        project: session.project, attachment: attachment, frame)
                }
                causes.append(DropCause(reason: reason, count: count, frame: frame, explanation: explanation))
            }
            guard session.format.isTable else {
                return session.print(JSONNode(.array(causes.map(\.json))))
            }
            guard !causes.isEmpty else { return Terminal.line("\(DisplayText.safe(attachment)): nothing was dropped") }
            Terminal.lines(causes.flatMap { $0.lines(coloured: Terminal.isColoured) + [""] }.dropLast())
        }
    }

    private func drops(_ session: Session) async throws -> DropReport {
        let probe = try await session.client.probeDrops(
            project: session.project, attachment: attachment, seconds: seconds)
        let start = ContinuousClock.now
        while true {
            let document = try await session.client.probe(project: session.project, probe.id)
            for case (let host, let result?) in document.results where result.phase != .measuring {
                // It ends by itself soon; this only makes room earlier.
                try? await session.client.endProbe(project: session.project, probe.id)
                guard result.phase == .done, let report = result.drops else {
                    throw Complaint(.failure, "host \(host) cannot tell: \(result.message ?? "it did not say why")")
                }
                return report
            }
            guard ContinuousClock.now - start < Self.patience + .seconds(seconds) else {
                throw Complaint(
                    .timedOut, "the attachment's host has not answered",
                    next: "`kcnet host list` shows whether its agent is up; `kcnet trace` needs none")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
