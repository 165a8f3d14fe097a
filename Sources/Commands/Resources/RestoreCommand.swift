import APIClient
package import ArgumentParser
import Documents

package struct RestoreCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "restore", abstract: "Make a former generation the newest one.")
    }

    @Argument(help: "Its name or id.") package var item: String
    @Option(help: "Which generation (`history` lists them).") package var generation: UInt64
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let document = try await session.client.restore(
                session.collection(Flags.description), item, generation: generation)
            try await session.show(document, Flags.self)
        }
    }
}
