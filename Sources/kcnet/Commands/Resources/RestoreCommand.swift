import APIClient
import ArgumentParser
import Documents

struct RestoreCommand<Flags: KindFlags>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "restore", abstract: "Make a former generation the newest one.")
    }

    @Argument(help: "Its name or id.") var item: String
    @Option(help: "Which generation (`history` lists them).") var generation: UInt64
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let document = try await session.client.restore(
                session.collection(Flags.description), item, generation: generation)
            try await session.show(document, Flags.self)
        }
    }
}
