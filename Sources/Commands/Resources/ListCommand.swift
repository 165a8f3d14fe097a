import APIClient
package import ArgumentParser
import Documents

package struct ListCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "list", abstract: "List them.", aliases: ["ls"])
    }

    @Option(name: .shortAndLong, help: "Only with these labels: env=prod,tier!=db,zone in (a,b),!draft.")
    package var selector: String?
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let documents = try await session.client.list(session.collection(Flags.description), selector: selector)
            try await session.list(documents.sorted { $0.name < $1.name }, Flags.self, whole: selector == nil)
        }
    }
}
