import APIClient
import Addressing
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct LeaseList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show what the DHCPv6 servers of gateways have given out, as they say themselves.",
        discussion: """
            Asks the agents on the gateways' hosts, through the API. What an attachment will get before it has asked is in
            `kcnet attachment list`; here is who has asked.
            """)

    @Argument(help: "The gateway's name or id (default: all gateways of the project).") var gateway: String?
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// How long an agent that is up takes at most to answer.
    private static let patience = Duration.seconds(10)

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let collection = ResourceCollection(Gateway.kind, project: session.project)
            var names: [String] = []
            if let gateway {
                names = [gateway]
            } else {
                // A gateway that is an attachment runs no server of KC's.
                names = try await session.client.list(collection).filter { $0.spec?["type"]?.string != "attachment" }
                    .map(\.name.text)
            }
            var table = Table(["gateway", "address", "attachment", "mac", "expires", "duid"])
            for name in names.sorted() {
                let result = try await ask(name, session)
                guard session.format.isTable else {
                    session.print(try JSONParser.parse(result.json))
                    continue
                }
                try await add(result.leases, of: name, to: &table, session)
            }
            guard session.format.isTable else { return }
            for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }

    private func add(_ report: LeaseReport?, of gateway: String, to table: inout Table, _ session: Session) async throws
    {
        guard let report else { return }
        var attachments: [ResourceID: String] = [:]
        if !report.leases.isEmpty {
            let all = try await session.client.list(ResourceCollection(Attachment.kind, project: session.project))
            attachments = [ResourceID: String](uniqueKeysWithValues: all.map { ($0.id, $0.name.text) })
        }
        for lease in report.leases {
            let holder = lease.attachment.map { attachments[$0] ?? $0.description }
            table.add([
                .init(gateway),
                .init(
                    lease.prefix.ipv4.map { "\($0.address)" }
                        ?? (lease.prefix.length == 128 ? "\(lease.prefix.address)" : "\(lease.prefix)")),
                holder.map { .init($0) } ?? .init("(nobody's)", .bad), .init(lease.mac?.description ?? ""),
                .init(lease.expires.description), .init(lease.duid, .quiet),
            ])
        }
        if report.total > report.leases.count {
            table.add([.init(gateway), .init("and \(report.total - report.leases.count) more", .quiet)])
        }
    }

    private func ask(_ gateway: String, _ session: Session) async throws -> ProbeResult {
        let probe = try await session.client.probeLeases(project: session.project, gateway: gateway)
        let start = ContinuousClock.now
        while true {
            let document = try await session.client.probe(project: session.project, probe.id)
            if let (host, result) = document.results.first, let result {
                // It ends by itself soon; this only makes room earlier.
                try? await session.client.endProbe(project: session.project, probe.id)
                guard result.phase != .failed else {
                    throw Complaint(.failure, "host \(host) cannot tell: \(result.message ?? "it did not say why")")
                }
                return result
            }
            if ContinuousClock.now - start > Self.patience {
                throw Complaint(
                    .timedOut,
                    "host \(document.results.keys.sorted().joined(separator: ", ")) of gateway '\(gateway)' has not answered",
                    next:
                        "`kcnet host list` shows whether its agent is up, and `kcd node` there must be of this version")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

struct Leases: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease", abstract: "What DHCP servers have given out.", subcommands: [LeaseList.self])
}
