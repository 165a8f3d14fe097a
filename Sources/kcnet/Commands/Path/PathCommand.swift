import APIClient
import ArgumentParser
import Commands
import Diagnosis
import Documents
import NetworkModel
import Resources

struct PathCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "path",
        abstract: "Show whether A and B reach each other, and if not, the first layer that is broken.",
        discussion: """
            A and B are attachments (by name, id or address), or hosts as host/NAME; B may be `outside` or \
            outside:ADDRESS, which is asked through the gateway of A's segment. Between segments that one gateway routes \
            the way is looked at from both ends. The agents on both hosts look at \
            their devices and exchange marked packets for about a second; no guest sees one of them. The first broken \
            layer is named with what was seen and what mends it; the layers behind it are not judged.

            Exit codes: 0 no fault found; \(PathLayer.allCases.map { "\($0.exitCode) \($0.rawValue)" }.joined(separator: "; ")); \
            others as in `kcnet --help`.
            """)

    @Argument(help: "An attachment, an address, or host/NAME.") var from: String
    @Argument(help: "The other end, or outside:ADDRESS.") var to: String
    @Option(help: "What shall arrive: icmpv6, tcp/PORT or udp/PORT.") var port = "icmpv6"
    @Flag(help: "Look again and again, until interrupted.") var watch = false
    @Option(help: "How long to wait for an answer, 1 to 60 seconds.") var timeout = 10
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard PathFlow(port) != nil else { throw ValidationError("--port \(PathFlow.rule)") }
        guard (1...60).contains(timeout) else { throw ValidationError("--timeout must be from 1 to 60") }
    }

    func run() async throws {
        var code: Int32 = 0
        var last: Change?
        try await connection.withSession(project: project.project, format: output.output) { session in
            repeat {
                let fault = try await lookAtAll(session, &last)
                code = fault?.layer.exitCode ?? 0
                // Servers allow a few questions at once; a second between them is polite.
                if watch { try await Task.sleep(for: .seconds(1)) }
            } while watch
        }
        if code != 0 { throw ExitCode(code) }
    }

    /// What a look that goes on shows again only when it is another one. Counts in its words differ each time.
    private struct Change: Equatable {
        var layer: PathLayer?
        var component: String?
        var host: String?
    }

    /// A way between segments is asked from both ends: each sees the part up to the gateway, and the echoes through it.
    private func lookAtAll(_ session: Session, _ last: inout Change?) async throws -> PathFault? {
        let there = try await look(session, from, to)
        if watch, session.format.isTable, there.verdict.fault != nil || !there.leadsToAnotherSegment {
            let fault = there.verdict.fault
            let now = Change(layer: fault?.layer, component: fault?.component, host: fault?.host)
            let words = fault.map { "FAIL \($0.layer.rawValue) \($0.component)" } ?? "ok"
            Terminal.line("\(Timestamp.now)  \(DisplayText.safe(words))")
            if now == last { return fault }
            last = now
        }
        if session.format.isTable { show(there, from, to) }
        guard there.verdict.fault == nil, there.leadsToAnotherSegment else {
            if !session.format.isTable { session.print(there.probe.node) }
            return there.verdict.fault
        }
        let back = try await look(session, to, from)
        if session.format.isTable {
            Terminal.line("")
            show(back, to, from)
        } else {
            session.print(.object(there.probe.node.members + [("back", back.probe.node)]))
        }
        return back.verdict.fault
    }

    private struct Look {
        var probe: ProbeDocument
        var verdict: PathVerdict
        var time: Duration

        var leadsToAnotherSegment: Bool {
            if case .bool(false)? = probe.node["question"]?["gateway"]?["isOutside"]?.content { true } else { false }
        }
    }

    private func look(_ session: Session, _ from: String, _ to: String) async throws -> Look {
        let start = ContinuousClock.now
        let flow = PathFlow(port) ?? .echo
        var probe = try await session.client.probePath(project: session.project, from: from, to: to, flow: flow)
        while probe.node["verdict"] == nil {
            guard ContinuousClock.now - start < .seconds(timeout) else {
                await end(probe.id, session)
                throw Complaint(
                    .timedOut, "no verdict within \(timeout) s", next: "`kcnet host list` shows whether agents are up")
            }
            try await Task.sleep(for: .milliseconds(50))
            probe = try await session.client.probe(project: session.project, probe.id)
        }
        await end(probe.id, session)
        guard let node = probe.node["verdict"] else { throw Complaint(.failure, "the answer has no verdict") }
        let verdict = try PathVerdict(json: node, path: "verdict")
        return Look(probe: probe, verdict: verdict, time: ContinuousClock.now - start)
    }

    private func show(_ look: Look, _ from: String, _ to: String) {
        let node = look.probe.node
        let through = node["question"]?["gateway"].map { gateway in
            ", gateway \(gateway["name"]?.string ?? "") ──► \(gateway["target"]?.string ?? "outside")"
        }
        Terminal.lines(
            PathPicture(
                from: title(node, 0) ?? from, to: (title(node, 1) ?? to) + (through ?? ""), verdict: look.verdict,
                time: look.time
            ).lines(Terminal.isColoured))
    }

    /// "web  2001:db8::1 on h1"; nil when the server does not say.
    private func title(_ node: JSONNode, _ place: Int) -> String? {
        guard let ends = node["question"]?["ends"], case .array(let list) = ends.content, list.indices.contains(place),
            let name = list[place]["name"]?.string
        else { return nil }
        guard let address = list[place]["address"]?.string else { return name }
        // A tenant is not told hosts.
        return "\(name)  \(address)" + (list[place]["host"]?.string.map { " on \($0)" } ?? "")
    }

    private func end(_ id: ResourceID, _ session: Session) async {
        // It ends by itself soon; this only makes room earlier.
        try? await session.client.endProbe(project: session.project, id)
    }
}
