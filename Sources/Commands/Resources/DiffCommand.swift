import APIClient
package import ArgumentParser
import Documents
import Resources

package struct DiffCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "diff", abstract: "Compare two generations, field by field (default: the last change).")
    }

    @Argument(help: "Its name or id.") package var item: String
    @Option(help: "The older generation (default: the one before --to).") package var from: UInt64?
    @Option(help: "The newer generation (default: the present one).") package var to: UInt64?
    @OptionGroup package var project: ProjectOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project) { session in
            let entries = try await session.client.history(session.collection(Flags.description), item)
            guard let newest = entries.first else { throw Complaint(.notFound, "\(item) has no history") }
            let newer = try find(to ?? newest.generation, entries)
            guard let older = from ?? entries.first(where: { $0.generation < newer.generation })?.generation else {
                throw Complaint(.notFound, "there is no generation before \(newer.generation) to compare with")
            }
            let differences = Difference.between(try find(older, entries).document, newer.document)
            Terminal.line(
                "\(Flags.description.kind) \(DisplayText.safe(item)): generation \(older) -> \(newer.generation)")
            for difference in differences { Terminal.line("  " + difference.line) }
            if differences.isEmpty { Terminal.line("  no difference") }
        }
    }

    private func find(_ generation: UInt64, _ entries: [HistoryEntry]) throws -> HistoryEntry {
        guard let entry = entries.first(where: { $0.generation == generation }) else {
            let kept = entries.map(\.generation)
            throw Complaint(
                .notFound, "generation \(generation) of \(item) is not kept",
                next: "choose one from \(kept.min() ?? 0) to \(kept.max() ?? 0)")
        }
        return entry
    }
}
