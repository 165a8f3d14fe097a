import APIClient
import ArgumentParser
import Documents
import NetworkModel
import Resources

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What this machine can do as a host, what it lacks, and what to do about it.",
        discussion: """
            Capabilities are tried in network namespaces that exist only for the trial. Nothing on the machine is changed.
            The exit code is 1 when something FAILs.
            """)

    @Option(help: "Which host this machine is (default: the one whose VTEP is an address of this machine).")
    var host: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(format: output.output) { session in
            let findings = await Self.examine(session, host: host)
            if session.format.isTable {
                for line in Finding.lines(findings, coloured: Terminal.isColoured) { Terminal.line(line) }
            } else {
                session.print(JSONNode(.array(findings.map(\.node))))
            }
            if findings.contains(where: { $0.level == .fail }) { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }

    /// All checks, those of the machine first: they need no API.
    static func examine(_ session: Session, host: String?) async -> [Finding] {
        var findings = await MachineChecks.all()
        let control = await ControlPlane.look(session, host: host)
        findings += ControlChecks.all(control)
        findings += AgentChecks.findings(AgentChecks.status(), isHost: control.host != nil && host == nil)
        findings.append(
            MulticastCapacity.finding(
                optmem: ProcFile.number("/proc/sys/net/core/optmem_max"), groups: control.groupCount,
                isUsed: control.underlay?.multicast ?? true))
        findings.append(
            NeighbourCapacity.finding(
                limit: ProcFile.number("/proc/sys/net/ipv6/neigh/default/gc_thresh3"), attachments: control.neighbours))
        if let spec = control.hostSpec { findings += await UnderlayChecks.all(spec, underlay: control.underlay) }
        return findings
    }
}
