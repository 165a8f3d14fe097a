import APIClient
import ArgumentParser
import Commands
import Documents
import NetworkModel
import Resources

struct RouteList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show what managed gateways route: segments, delegated prefixes, and the ways out.",
        discussion: """
            What the API has told the gateways' agents, with what those said last about the way out. `exported` is what the
            gateway's host tells other routers; `unreachable` is what stands behind a way that is not there.
            """)

    @Argument(help: "The gateway's name or id (default: all gateways of the project).") var gateway: String?
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            var names: [String] = []
            if let gateway {
                names = [gateway]
            } else {
                // What a gateway that is an attachment routes is its guest's affair.
                names = try await session.client.list(ResourceCollection(Gateway.kind, project: session.project))
                    .filter { $0.spec?["type"]?.string != "attachment" }.map(\.name.text)
            }
            var table = Table(["gateway", "host", "destination", "type", "via", "of", "state"])
            for name in names.sorted() {
                let node = try await session.client.routes(project: session.project, name)
                guard session.format.isTable else {
                    session.print(node)
                    continue
                }
                add(node, to: &table)
            }
            guard session.format.isTable else { return }
            for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }

    private func add(_ node: JSONNode, to table: inout Table) {
        guard case .array(let routes)? = node["routes"]?.content else { return }
        func text(_ node: JSONNode, _ name: String) -> String { DisplayText.safe(node[name]?.string ?? "") }
        for route in routes {
            let state = text(route, "state")
            table.add([
                .init(text(node, "gateway")), .init(text(node, "host")), .init(text(route, "destination")),
                .init(text(route, "type")), .init(text(route, "via")), .init(text(route, "of")),
                .init(state, state.hasPrefix("no") ? .bad : .plain),
            ])
        }
    }
}

struct Routes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "What gateways route.", subcommands: [RouteList.self])
}
