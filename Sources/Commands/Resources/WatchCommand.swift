import APIClient
package import ArgumentParser
import Documents
import Resources

package struct WatchCommand<Flags: KindFlags>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "watch", abstract: "Show what there is, then every change, until interrupted.",
            discussion:
                "With --output json each line is one event: {\"event\":\"put\",\"revision\":N,\"resource\":{…}}.")
    }

    @Argument(help: "Only this one: its name or id.") package var item: String?
    @Option(name: .shortAndLong, help: "Only with these labels.") package var selector: String?
    @OptionGroup package var project: ProjectOptions
    @OptionGroup package var output: OutputOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package init() {}

    package func run() async throws {
        try await connection.withSession(project: project.project, format: output.output) { session in
            let collection = session.collection(Flags.description)
            let events = try await session.client.watch(collection, item: item, selector: selector)
            var printer = WatchPrinter<Flags>(session: session)
            for try await event in events {
                guard let event = try WatchEvent(event) else { continue }
                try await printer.print(event)
            }
            throw Complaint(
                .unreachable, "the server ended the watch", next: "start it again; the server may be restarting")
        }
    }
}

/// Prints the events of a watch: rows as they come, each with what happened.
private struct WatchPrinter<Flags: KindFlags> {
    let session: Session
    private var names = NameIndex()
    private var header = true

    init(session: Session) { self.session = session }

    mutating func print(_ event: WatchEvent) async throws {
        switch (event, session.format) {
        case (.put(let document, let revision), .json):
            Terminal.line(#"{"event":"put","revision":\#(revision),"resource":\#(document.node.displayText)}"#)
        case (.put(let document, _), .yaml): Terminal.line("---\n" + YAMLWriter.text(document.node))
        case (.put(let document, _), _):
            names.merge(try await session.names(for: [document], Flags.description))
            row("put", Flags.columns.filter { session.format == .wide || !$0.isWide }.map { $0.cell(document, names) })
        case (.delete(let id, let name, _, let revision), .json):
            Terminal.line(#"{"event":"delete","revision":\#(revision),"id":"\#(id)","name":"\#(name)"}"#)
        case (.delete(let id, let name, _, _), .yaml): Terminal.line("---\n# deleted: \(name) \(id)")
        case (.delete(_, let name, _, _), _): row("delete", [.init(name.text)])
        case (.bookmark(let revision), .json): Terminal.line(#"{"event":"bookmark","revision":\#(revision)}"#)
        case (.bookmark, _): break
        }
    }

    /// Rows come one by one, so that each column gets a width that fits most.
    private mutating func row(_ event: String, _ cells: [Table.Cell]) {
        let columns = Flags.columns.filter { session.format == .wide || !$0.isWide }
        var table = Table(["event "] + columns.map { DisplayText.padded($0.title, to: 15) })
        table.add([.init(event)] + cells)
        for line in table.lines(coloured: Terminal.isColoured, withHeader: header) { Terminal.line(line) }
        header = false
    }
}
