import APIClient
package import ArgumentParser
import Documents
import Resources

package struct UpdateCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "update", abstract: "Change what the options name, and leave the rest as it is.",
            discussion: "A list that is given replaces the whole list. Someone else's change in between is kept, too.")
    }

    @Argument(help: "Its name or id.") package var item: String
    @OptionGroup(title: "What it shall be") package var flags: Flags
    @OptionGroup(title: "Metadata") package var metadata: MetadataOptions
    @Option(help: "A new name.") package var name: String?
    @Option(
        help: """
            A field of spec to go back to its default, before others are set: --unset mac, --unset limits.out.bandwidth; \
            may be repeated.
            """)
    package var unset: [String] = []
    @Option(help: ArgumentHelp("A label to remove; may be repeated.", valueName: "key")) package var removeLabel:
        [String] = []
    @Option(help: ArgumentHelp("An annotation to remove; may be repeated.", valueName: "key"))
    package var removeAnnotation: [String] = []
    @Option(help: ArgumentHelp("Only if it still has this revision.", valueName: "revision")) package var ifRevision:
        UInt64?
    @OptionGroup package var waiting: WaitOptions
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            var document = try await write(session)
            if let seconds = waiting.wait {
                document = try await Waiting<Flags>(session: session).settle(document, seconds: seconds)
            }
            try await session.show(document, Flags.self)
        }
    }

    private func write(_ session: Session) async throws -> ResourceDocument {
        try await session.change(Flags.description, item, ifRevision: ifRevision) { current in
            // First, or `--unset limits --limit-in-bandwidth 1M` would take away what it asks for.
            var spec = current["spec"] ?? .object([])
            for field in unset {
                guard let rest = spec.without(field.split(separator: ".")[...]) else {
                    throw ValidationError("--unset \(field): spec has no such field set")
                }
                spec = rest
            }
            spec = try flags.edit(spec)
            var document = try metadata.edit(current.setting("name", text: name).setting("spec", to: spec))
            for (member, keys) in [("labels", removeLabel), ("annotations", removeAnnotation)] {
                for key in keys { document = document.setting(member, to: document[member]?.setting(key, to: nil)) }
            }
            return document
        }
    }
}

extension JSONNode {
    /// Without the member at the end of the path; nil when it has none there.
    fileprivate func without(_ path: ArraySlice<Substring>) -> JSONNode? {
        guard let name = path.first.map(String.init), let member = self[name] else { return nil }
        if path.count == 1 { return setting(name, to: nil) }
        return member.without(path.dropFirst()).map { setting(name, to: $0) }
    }
}
