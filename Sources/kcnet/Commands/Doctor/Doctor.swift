import APIClient
import ArgumentParser
import Commands
import Diagnosis
import Documents
import Glibc
import NetworkModel
import Resources

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "What hosts can do and what they lack, what is wrong, and what to do about it.",
        discussion: """
            Anywhere: what all hosts say of themselves to the API. On a host, as root, also what the machine can do, and what \
            is heard on its underlay interface. Capabilities are tried in network namespaces that exist only for the trial. Nothing on the machine is changed.
            The exit code is 1 when something FAILs.
            """)

    @Option(help: "Which host this machine is (default: the one whose VTEP is an address of this machine).")
    var host: String?
    @Option(help: "For how many seconds to listen on the underlay interface, 1 to 600.") var listen = 2
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func validate() throws {
        guard (1...600).contains(listen) else { throw ValidationError("--listen must be from 1 to 600") }
    }

    func run() async throws {
        try await connection.withSession(format: output.output) { session in
            let findings = await Self.examine(session, host: host, seconds: listen)
            if session.format.isTable {
                for line in Finding.lines(findings, coloured: Terminal.isColoured) { Terminal.line(line) }
            } else {
                session.print(JSONNode(.array(findings.map(\.node))))
            }
            if findings.contains(where: { $0.level == .fail }) { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }

    /// All checks, those of the machine first: they need no API.
    static func examine(_ session: Session, host: String?, seconds: Int = 1) async -> [Finding] {
        var findings = await MachineChecks.all()
        let control = await ControlPlane.look(session, host: host)
        findings += ControlChecks.all(control) + cloud(control) + (await CertificateChecks.all(session))
        findings += AgentChecks.findings(AgentChecks.status(), isHost: control.host != nil && host == nil)
        findings.append(
            MulticastCapacity.finding(
                optmem: ProcFile.number("/proc/sys/net/core/optmem_max"), groups: control.groupCount,
                isUsed: control.underlay?.multicast ?? true))
        findings.append(Finding(NeighbourTable.look(routed: control.routed, guests: control.guests).check))
        if let spec = control.hostSpec {
            findings += await UnderlayChecks.all(spec, underlay: control.underlay)
            if geteuid() == 0, let underlay = control.underlay {
                findings += await TrafficChecks.all(spec, underlay: underlay, seconds: seconds)
            }
        }
        return findings
    }

    /// What the API knows, of this machine and of all others.
    private static func cloud(_ control: ControlPlane) -> [Finding] {
        guard control.trouble == nil else { return [] }
        let hosts = control.hosts.map { document in
            HostsCheck.Host(
                name: document.name.text, phase: document.phase ?? "unknown", message: document.message,
                details: Dictionary(
                    uniqueKeysWithValues: (document.status?["details"]?.members ?? []).compactMap { name, value in
                        value.string.map { (name, $0) }
                    }),
                agents: (document.status?["agents"]?.elements ?? []).map { agent in
                    let boot = agent["boot"]?.string.map { " (boot \($0.prefix(8)))" } ?? ""
                    return "\(agent["address"]?.string ?? "?")\(boot)"
                })
        }
        let clock = control.clockOffset.map {
            ClockCheck.check(offset: $0, uncertainty: control.clockUncertainty)
        }
        return
            ([clock].compactMap { $0 }
            + HostsCheck(
                hosts, groups: control.groupCount, usesMulticast: control.underlay?.multicast ?? true
            ).checks).map(Finding.init)
    }
}
