import APIClient
package import ArgumentParser
import Documents
import Resources

package struct DeleteCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "delete", abstract: "Delete one or several.", aliases: ["rm"])
    }

    @Argument(help: "Names or ids.") package var items: [String]
    @Option(help: ArgumentHelp("Only if it still has this revision (one item).", valueName: "revision"))
    package var ifRevision: UInt64?
    @OptionGroup package var project: ProjectOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func validate() throws {
        guard ifRevision == nil || items.count == 1 else { throw ValidationError("--if-revision is for one item") }
    }

    /// Goes on after a failure; the exit code is that of the first.
    package func run() async throws {
        try await connection.withSession(project: project.project) { session in
            var first: Complaint?
            for item in items {
                do {
                    try await session.client.delete(
                        session.collection(Flags.description), item, ifMatch: ifRevision.map(Revision.init))
                    Terminal.line("\(Flags.description.kind) \(DisplayText.safe(item)) deleted")
                } catch {
                    let complaint = Complaint(error)
                    Terminal.error(complaint.text)
                    first = first ?? complaint
                    if complaint.status == .unreachable { break }
                }
            }
            if let first { throw ExitCode(first.status.rawValue) }
        }
    }
}
