import APIClient
import Addressing
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Predict the way of a frame from A to B and of its answer: every table, rule and device.",
        discussion: """
            A and B are attachments (by name, id or address), addresses outside, or `outside` for somebody there. Nothing \
            is measured and no host is asked: the same plans that agents follow are interpreted, as they are now, as they \
            were (--at), or as an agent keeps them on disk (--snapshot /var/lib/kc/node/snapshot.json, once for each host).
            `kcnet path` measures the same way. With --output wide each rule is shown.

            Exit codes: 0 it passes; 30 it is stopped; 31 something that KC does not know decides; others as in `kcnet --help`.
            """)

    @Argument(help: "An attachment, an address, or `outside`.") var from: String
    @Argument(help: "The other end.") var to: String
    @Argument(help: "What begins: icmpv6, icmpv6/TYPE, tcp/PORT or udp/PORT; icmp inside a segment with IPv4.")
    var flow = "icmpv6"
    @Option(help: "The port it is sent from.") var fromPort: UInt16?
    @Option(help: "Another source address than A's own.") var source: String?
    @Option(help: "The plans of an earlier revision (`kcnet … history` shows them).") var at: UInt64?
    @Option(help: "An agent's snapshot file, in place of the API; may be repeated.", completion: .file())
    var snapshot: [String] = []
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// What `kcnet path` ends with for its layers comes before these.
    private static let stopped: Int32 = 30
    private static let unknown: Int32 = 31

    func validate() throws {
        guard let flow = TraceFlow(flow) else { throw ValidationError("'\(flow)' \(TraceFlow.rule)") }
        guard fromPort == nil || flow.hasPorts else { throw ValidationError("--from-port is for tcp and udp") }
        guard at == nil || snapshot.isEmpty else { throw ValidationError("--at asks the API, --snapshot a file") }
    }

    func run() async throws {
        let trace: Trace
        if snapshot.isEmpty {
            var found: Trace?
            try await connection.withSession(project: project.project, format: output.output) { session in
                found = try await session.client.trace(project: session.project, query).0
            }
            guard let found else { return }
            trace = found
        } else {
            do {
                trace = try SnapshotTrace(paths: snapshot).trace(
                    from: from, to: to, flow: TraceFlow(flow) ?? .icmpv6(type: 128), fromPort: fromPort,
                    source: source)
            } catch {
                let complaint = Complaint(error)
                Terminal.error(complaint.text)
                throw ExitCode(complaint.status.rawValue)
            }
        }
        try show(trace)
        switch trace.verdict {
        case .passes: break
        case .stopped: throw ExitCode(Self.stopped)
        case .unknown: throw ExitCode(Self.unknown)
        }
    }

    private var query: [(name: String, value: String)] {
        var query = [("from", from), ("to", to), ("flow", flow)]
        if let fromPort { query.append(("fromPort", "\(fromPort)")) }
        if let source { query.append(("source", source)) }
        if let at { query.append(("at", "\(at)")) }
        return query.map { (name: $0.0, value: $0.1) }
    }

    private func show(_ trace: Trace) throws {
        if output.output.isTable {
            let picture = TracePicture(trace: trace, withRules: output.output == .wide)
            return Terminal.lines(picture.lines(Terminal.isColoured))
        }
        let node = try JSONParser.parse(trace.json)
        if output.output == .yaml {
            Terminal.print(YAMLWriter.text(node))
        } else {
            Terminal.line(JSONLayout.text(node))
        }
    }
}
