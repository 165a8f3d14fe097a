import APIClient
import ArgumentParser
import Documents

struct ShowCommand<Flags: KindFlags>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "show", abstract: "Show everything about one.", aliases: ["get"])
    }

    @Argument(help: "Its name or id.") var item: String
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let description = Flags.description
            let document = try await session.client.get(session.collection(description), item)
            guard session.format.isTable else { return try await session.show(document, Flags.self) }
            let names = try await session.names(for: [document], description)
            for line in Description.lines(document, names, coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }
}
