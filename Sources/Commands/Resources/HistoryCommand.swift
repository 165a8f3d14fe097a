package import APIClient
package import ArgumentParser
import Documents
package import Resources

package struct HistoryCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: "history", abstract: "Who changed what, and when; newest first.")
    }

    @Argument(help: "Its name or id.") package var item: String
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let entries = try await session.client.history(session.collection(Flags.description), item)
            guard session.format.isTable else {
                return session.print(JSONNode(.array(entries.map(\.node))))
            }
            var table = Table(["generation", "revision", "time", "who", "action", "changed"])
            for (index, entry) in entries.enumerated() {
                let before = index + 1 < entries.count ? entries[index + 1].document : nil
                let changed = before.map { Difference.between($0, entry.document).map(\.field) } ?? []
                table.add([
                    .init("\(entry.generation)"), .init("\(entry.revision)"), .init(entry.time), .init(entry.who),
                    .init(entry.action), .init(changed.joined(separator: ", ")),
                ])
            }
            for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }
}

extension HistoryEntry {
    /// What a user decides, for comparing with another generation.
    package var document: JSONNode {
        .object(
            ["name", "protected", "labels", "annotations", "spec"].compactMap { member in
                resource[member].map { (member, $0) }
            })
    }

    /// The entry as the API gave it.
    package var node: JSONNode {
        .object([
            ("generation", JSONNode(.number("\(generation)"))), ("revision", JSONNode(.number("\(revision)"))),
            ("time", .string(time)), ("who", .string(who)), ("action", .string(action)), ("resource", resource),
        ])
    }
}
