import APIClient
import ArgumentParser
import Documents
import Resources

struct UpdateCommand<Flags: KindFlags>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "update", abstract: "Change what the options name, and leave the rest as it is.",
            discussion: "A list that is given replaces the whole list. Someone else's change in between is kept, too.")
    }

    @Argument(help: "Its name or id.") var item: String
    @OptionGroup(title: "What it shall be") var flags: Flags
    @OptionGroup(title: "Metadata") var metadata: MetadataOptions
    @Option(help: "A new name.") var name: String?
    @Option(help: "A field of spec to go back to its default: --unset mac; may be repeated.") var unset: [String] = []
    @Option(help: ArgumentHelp("A label to remove; may be repeated.", valueName: "key")) var removeLabel: [String] = []
    @Option(help: ArgumentHelp("An annotation to remove; may be repeated.", valueName: "key"))
    var removeAnnotation: [String] = []
    @Option(help: ArgumentHelp("Only if it still has this revision.", valueName: "revision")) var ifRevision: UInt64?
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var project: ProjectOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            var document = try await write(session)
            if let seconds = waiting.wait {
                document = try await Waiting<Flags>(session: session).settle(document, seconds: seconds)
            }
            try await session.show(document, Flags.self)
        }
    }

    /// Reads, changes, writes if nobody wrote in between; a few times, unless the user named the revision.
    private func write(_ session: Session) async throws -> ResourceDocument {
        let collection = session.collection(Flags.description)
        var attempts = 5
        while true {
            let current = try await session.client.get(collection, item)
            let body = try edited(current)
            do {
                return try await session.client.update(
                    collection, current.id.description, body, ifMatch: ifRevision.map(Revision.init) ?? current.revision
                )
            } catch let problem as APIProblem where problem.status == 412 && ifRevision == nil && attempts > 1 {
                attempts -= 1
            }
        }
    }

    private func edited(_ current: ResourceDocument) throws -> [UInt8] {
        var spec = try flags.edit(current.spec ?? .object([]))
        for field in unset {
            guard spec[field] != nil else { throw ValidationError("--unset \(field): spec has no such field set") }
            spec = spec.setting(field, to: nil)
        }
        _ = try Flags.description.canonical(spec)
        var document = try metadata.edit(
            .object([
                ("name", .string(name ?? current.name.text)), ("protected", JSONNode(.bool(current.isProtected))),
                ("labels", current.node["labels"] ?? .object([])),
                ("annotations", current.node["annotations"] ?? .object([])), ("spec", spec),
            ]))
        for (member, keys) in [("labels", removeLabel), ("annotations", removeAnnotation)] {
            for key in keys { document = document.setting(member, to: document[member]?.setting(key, to: nil)) }
        }
        return Array(document.raw)
    }
}
