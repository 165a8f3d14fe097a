import APIClient
package import ArgumentParser
import Documents
import NetworkModel
import Resources

package struct Export: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write resources as files that `apply` takes: only what users decided, references as names.",
        discussion: """
            Without arguments everything is exported: the kinds of the cluster and those of every project; with --project
            only what belongs to that project. What one may not read is left out and said, unless it was named. Values that
            KC assigned are left out, unless a user had chosen them.
            """)

    @Argument(help: "Kinds, or single resources: segments, attachment/web.") package var selection: [String] = []
    @Option(name: .shortAndLong, help: "Only with these labels.") package var selector: String?
    @Option(name: .shortAndLong, help: "yaml or json.") package var output: ExportFormat = .yaml
    @OptionGroup package var project: ProjectOptions
    @OptionGroup(title: "Connection") package var connection: ConnectionOptions

    package enum ExportFormat: String, ExpressibleByArgument, CaseIterable { case yaml, json }

    package init() {}

    package func run() async throws {
        let kinds = Program.current.kinds
        let wanted = try selection.map { try Self.read($0, kinds) }
        try await connection.withSession(project: project.project) { session in
            var documents: [JSONNode] = []
            var unreadable: [String] = []
            for description in kinds.all {
                let chosen = wanted.filter { $0.kind == description.kind }
                guard wanted.isEmpty || !chosen.isEmpty else { continue }
                // With --project the kinds of the cluster are left out, unless they are named.
                guard description.kind.isInProject || project.project == nil || !chosen.isEmpty else { continue }
                do {
                    for place in description.kind.isInProject ? try await projects(session) : [session.project] {
                        documents += try await export(description, chosen.map(\.name), project: place, session)
                    }
                } catch let problem as APIProblem where problem.status == 403 && chosen.isEmpty {
                    unreadable.append(description.kind.plural)
                }
            }
            if !unreadable.isEmpty {
                Terminal.error("left out, since it is not yours to read: \(unreadable.joined(separator: ", "))")
            }
            if output == .json { return Terminal.line(JSONLayout.text(JSONNode(.array(documents)))) }
            for document in documents { Terminal.print("---\n" + YAMLWriter.text(document)) }
        }
    }

    private static func read(_ text: String, _ kinds: KindCatalogue) throws -> (kind: KindName, name: String?) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let description = kinds.named(parts[0]) else {
            throw ValidationError(
                "\(parts[0]) is no kind; the kinds are \(kinds.all.map(\.kind.plural).joined(separator: ", "))"
            )
        }
        return (description.kind, parts.count > 1 ? parts[1] : nil)
    }

    private func projects(_ session: Session) async throws -> [String] {
        if let one = project.project { return [one] }
        return try await session.client.list(ResourceCollection(Project.kind, project: "")).map(\.name.text).sorted()
    }

    /// - Parameter chosen: names or ids; nil in it, or nothing, is all of them.
    private func export(_ description: KindDescription, _ chosen: [String?], project: String, _ session: Session)
        async throws -> [JSONNode]
    {
        let session = session.inside(project)
        var documents: [ResourceDocument] = []
        if chosen.isEmpty || chosen.contains(nil) {
            documents = try await session.client.list(session.collection(description), selector: selector)
        } else {
            for name in chosen.compactMap({ $0 }) {
                documents.append(try await session.client.get(session.collection(description), name))
            }
        }
        // A gateway's ports come and go with the gateway.
        documents.removeAll { $0.kind == "attachment" && $0.spec?["port"]?["type"]?.string == "gateway" }
        documents.removeAll { document in
            session.kinds.passingLabels.contains { document.labels[$0] != nil }
        }
        let names = try await session.names(for: documents, description)
        return documents.sorted { $0.name < $1.name }.map { Self.document($0, description, names) }
    }

    /// Kind, name, project, and what is not its default.
    private static func document(_ document: ResourceDocument, _ description: KindDescription, _ names: NameIndex)
        -> JSONNode
    {
        var members: [(name: String, value: JSONNode)] = [
            ("kind", .string(document.kind)), ("name", .string(document.name.text)),
        ]
        if let project = document.project { members.append(("project", .string(project.text))) }
        if document.isProtected { members.append(("protected", JSONNode(.bool(true)))) }
        for member in ["labels", "annotations"] {
            if let node = document.node[member], !node.members.isEmpty { members.append((member, node)) }
        }
        let spec = names.spec(document.spec ?? .object([]), of: description).members.filter { member in
            if case .array(let nodes) = member.value.content { !nodes.isEmpty } else { true }
        }
        if !spec.isEmpty { members.append(("spec", .object(spec))) }
        return .object(members)
    }
}
