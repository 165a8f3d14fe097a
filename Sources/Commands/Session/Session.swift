package import APIClient
package import Documents
import NetworkModel
import Resources

/// One run of a command: the client, the project, and how to print.
package struct Session: Sendable {
    package let client: APIClient
    package let project: String
    package let format: OutputFormat
    package let settings: Settings
    /// What it knows by name in files and on the command line.
    package let kinds = Program.current.kinds

    /// The same, looking at another project.
    package func inside(_ project: String) -> Session {
        Session(client: client, project: project, format: format, settings: settings)
    }

    package func collection(_ description: KindDescription) -> ResourceCollection {
        ResourceCollection(description.kind, project: project)
    }

    /// The names behind the ids that these documents refer to. A few are asked for one by one, many as a list.
    package func names(for documents: [ResourceDocument], _ description: KindDescription) async throws -> NameIndex {
        var index = NameIndex()
        for reference in description.kindsReferredTo {
            var ids: Set<String> = []
            for document in documents {
                _ = description.mapReferences(document.spec ?? .object([])) { kind, text in
                    if kind == reference { ids.insert(text) }
                    return text
                }
            }
            let collection = ResourceCollection(reference, project: project)
            if ids.count > 8 {
                for document in try await client.list(collection) { index.add(id: document.id, name: document.name) }
            } else {
                for id in ids {
                    do {
                        let document = try await client.get(collection, id)
                        index.add(id: document.id, name: document.name)
                    } catch let problem as APIProblem where problem.status == 404 {
                        // Deleted meanwhile: its id is then all there is to show.
                        continue
                    }
                }
            }
        }
        return index
    }
}
