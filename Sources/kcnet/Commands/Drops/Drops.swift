import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct Drops: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drops",
        abstract: "Show what the guards and policies of an attachment's port, or a gateway's firewall, drop, and why.",
        discussion: """
            Asks the agent on the attachment's host, through the API. With --follow every dropped frame is shown as it
            comes (the kernel shows at most 100 a second), with the rule and the missing set element that stopped it, and what to do
            if it was wanted. An agent that is started anew meanwhile goes on where the former one ended, and that is said.
            With --output json each line is one answer. A gateway's counts begin anew when its segments, policies or limits change.
            """)

    @Argument(help: "The attachment's name or id.") var attachment: String?
    @Option(help: "A gateway instead, by name or id.") var gateway: String?
    @Flag(name: .shortAndLong, help: "Go on showing frames as they are dropped.") var follow = false
    @Option(help: "How long to follow, 1 to \(DesiredProbe.maximumSeconds) seconds.") var seconds = 60
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// How long an agent that is up takes at most to answer.
    private static let patience = Duration.seconds(10)

    func validate() throws {
        guard (attachment == nil) != (gateway == nil) else {
            throw ValidationError("name an attachment, or a gateway with --gateway")
        }
        guard gateway == nil || !follow else { throw ValidationError("a gateway's packets cannot be followed") }
        guard (1...DesiredProbe.maximumSeconds).contains(seconds) else {
            throw ValidationError("--seconds must be from 1 to \(DesiredProbe.maximumSeconds)")
        }
    }

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let probe =
                if let attachment {
                    try await session.client.probeDrops(
                        project: session.project, attachment: attachment, seconds: follow ? seconds : 0)
                } else {
                    try await session.client.probeDrops(project: session.project, gateway: gateway ?? "")
                }
            do {
                try await watch(probe.id, session)
            } catch {
                await end(probe.id, session)
                throw error
            }
            await end(probe.id, session)
        }
    }

    private func end(_ id: ResourceID, _ session: Session) async {
        // It ends by itself soon; this only makes room earlier.
        try? await session.client.endProbe(project: session.project, id)
    }

    private func watch(_ id: ResourceID, _ session: Session) async throws {
        var printer = DropPrinter(
            subject: attachment ?? gateway ?? "", isGateway: gateway != nil, follows: follow, format: session.format)
        var evidence = DropEvidence(project: session.project, attachment: attachment)
        var agents = AgentPresence()
        let start = ContinuousClock.now
        while true {
            let probe = try await session.client.probe(project: session.project, id)
            let results = probe.results.compactMapValues { $0 }
            for (host, result) in results.sorted(by: { $0.key < $1.key }) {
                if result.phase == .failed {
                    throw Complaint(.failure, "host \(host) cannot tell: \(result.message ?? "it did not say why")")
                }
                let news = result.drops.map { printer.news($0) } ?? []
                printer.show(result, await evidence.look(news, session.client), session)
            }
            if follow, let change = await agents.change(of: probe.results.keys, session.client) { printer.note(change) }
            // One that was started anew would measure the whole time again.
            if follow, !results.isEmpty, ContinuousClock.now - start > .seconds(seconds) + Self.patience {
                return printer.finish()
            }
            if !results.isEmpty, results.count == probe.results.count, results.values.allSatisfy({ $0.phase == .done })
            {
                return printer.finish()
            }
            if results.isEmpty, ContinuousClock.now - start > Self.patience {
                throw Complaint(
                    .timedOut, "host \(probe.results.keys.sorted().joined(separator: ", ")) has not answered",
                    next:
                        "`kcnet host list` shows whether its agent is up, and `kcd node` there must be of this version")
            }
            try await Task.sleep(for: .milliseconds(follow ? 500 : 200))
        }
    }
}
