import APIClient
import ArgumentParser
import Documents

struct ListCommand<Flags: KindFlags>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "List them.", aliases: ["ls"])
    }

    @Option(name: .shortAndLong, help: "Only with these labels: env=prod,tier!=db,zone in (a,b),!draft.")
    var selector: String?
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let documents = try await session.client.list(session.collection(Flags.description), selector: selector)
            try await session.list(documents.sorted { $0.name < $1.name }, Flags.self, whole: selector == nil)
        }
    }
}
