import APIClient
import ArgumentParser
import Commands
import Documents
import Resources

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why it is placed where it is, or nowhere: what speaks against each compute host.",
        discussion: "A VM that has a place is explained as if it had none. Tenants are told the sum, and no hosts.")

    @Argument(help: "Its name or id.") var item: String
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let client = session.client
            let collection = session.collection(MachineFlags.description)
            let request = APIRequest(
                .get, collection.path(of: item) + ["explain"], query: client.waiting(for: collection.kind.service))
            let node = try await client.send(request).json(of: request)
            guard session.format.isTable else { return session.print(node) }
            let document = try await client.get(collection, item)
            let state = document.status?["state"]?.string ?? "waiting"
            let place = document.status?["host"]?.string.map { " on \($0)" } ?? ""
            let why = MachineFlags.obstacle(document).map { ": \($0)" } ?? ""
            Terminal.line(DisplayText.safe("vm \(document.name) is \(state)\(place)\(why)"))
            if let summary = node["summary"]?.string { Terminal.line(DisplayText.safe("placing it: \(summary)")) }
            let hosts = node["hosts"]?.elements ?? []
            guard !hosts.isEmpty else { return }
            Terminal.line("")
            var table = Table(["host", "what speaks against it"])
            for host in hosts {
                let reasons = (host["reasons"]?.elements ?? []).map(\.displayText)
                table.add([
                    .init(host["host"]?.displayText ?? ""),
                    reasons.isEmpty ? .init("nothing", .good) : .init(reasons.joined(separator: "; "), .waiting),
                ])
            }
            for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }
}
