import APIClient
package import ArgumentParser
import Documents

package struct ShowCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "show", abstract: "Show everything about one.", aliases: ["get"])
    }

    @Argument(help: "Its name or id.") package var item: String
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let description = Flags.description
            if session.format.isTable, let builtIn = Flags.builtIn.first(where: { $0.name == item }) {
                Terminal.line("\(description.kind) \(builtIn.name), built in")
                for column in Flags.columns {
                    if let text = builtIn.cells[column.title], column.title != "name", column.title != "labels" {
                        Terminal.line(
                            "  \(column.title): \(text.isEmpty ? "replies and the ICMPv6 of RFC 4890" : text)")
                    }
                }
                return
            }
            var document = try await session.client.get(session.collection(description), item)
            guard session.format.isTable else { return try await session.show(document, Flags.self) }
            document = try await Flags.completed([document], session).first ?? document
            let names = try await session.names(for: [document], description)
            let details = Flags.details(document, names)
            let lines = Description.lines(
                document, names, coloured: Terminal.isColoured, withSpec: details.isEmpty)
            for line in lines + details.map(DisplayText.safe) { Terminal.line(line) }
        }
    }
}
