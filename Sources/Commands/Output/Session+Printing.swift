package import APIClient
import Documents
package import Resources

extension Session {
    /// A list, in the format the user asked for.
    /// - Parameter whole: it is all there is, so that in a table what is built in stands beside it.
    package func list<Flags: KindFlags>(_ documents: [ResourceDocument], _ flags: Flags.Type, whole: Bool = false)
        async throws
    {
        let documents = try await Flags.completed(documents, self)
        switch format {
        case .json: print(JSONNode(.array(documents.map(\.node))))
        case .yaml:
            for document in documents { Terminal.print("---\n" + YAMLWriter.text(document.node)) }
        case .table, .wide:
            let columns = Flags.columns.filter { format == .wide || !$0.isWide }
            let names = try await names(for: documents, Flags.description)
            var table = Table(columns.map(\.title))
            for document in documents { table.add(columns.map { $0.cell(document, names) }) }
            let builtIn = whole ? Flags.builtIn : []
            for row in builtIn { table.add(columns.map { .init(row.cells[$0.title] ?? "", .quiet) }) }
            guard !documents.isEmpty || !builtIn.isEmpty else {
                return Terminal.error(
                    "no \(Flags.description.kind.plural)"
                        + (Flags.description.kind.isInProject ? " in project \(project)" : ""))
            }
            for line in table.lines(coloured: Terminal.isColoured) { Terminal.line(line) }
        }
    }

    /// One resource: a row, or the whole document.
    package func show<Flags: KindFlags>(_ document: ResourceDocument, _ flags: Flags.Type) async throws {
        if format.isTable { return try await list([document], flags) }
        print(try await Flags.completed([document], self).first?.node ?? document.node)
    }

    /// A value as JSON or YAML.
    package func print(_ node: JSONNode) {
        if format == .yaml { Terminal.print(YAMLWriter.text(node)) } else { Terminal.line(JSONLayout.text(node)) }
    }
}
