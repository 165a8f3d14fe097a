import APIClient
package import ArgumentParser
import Documents
import Resources

package struct CreateCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "create", abstract: "Create one.")
    }

    @Argument(help: "Its name: a DNS label.") package var name: String
    @OptionGroup(title: "What it shall be") package var flags: Flags
    @OptionGroup(title: "Metadata") package var metadata: MetadataOptions
    @OptionGroup package var waiting: WaitOptions
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let description = Flags.description
            let spec = try flags.edit(.object([]))
            // What needs no other resource is checked here, so that the error can speak at once.
            do { _ = try description.canonical(spec) } catch {
                throw Complaint(
                    .usage, "\(error)",
                    next: "`\(Program.current.name) \(Flags.command) create --help` shows what there is")
            }
            let body = try metadata.edit(.object([("name", .string(name)), ("spec", spec)]))
            let collection = session.collection(description)
            var document = try await session.client.create(collection, Array(body.raw))
            if let seconds = waiting.wait {
                document = try await Waiting<Flags>(session: session).settle(document, seconds: seconds)
            }
            try await session.show(document, Flags.self)
            if session.format.isTable { for line in Flags.advice(document) { Terminal.line(line) } }
        }
    }
}
