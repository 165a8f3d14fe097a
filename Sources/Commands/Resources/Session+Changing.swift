package import APIClient
package import Documents
package import Resources

extension Session {
    /// Reads, changes, writes if nobody wrote in between; a few times, unless the user named the revision.
    /// - Parameter edit: of name, protected, labels, annotations and spec.
    package func change(
        _ description: KindDescription, _ item: String, ifRevision: UInt64? = nil,
        _ edit: (JSONNode) throws -> JSONNode
    ) async throws -> ResourceDocument {
        let collection = collection(description)
        var attempts = 5
        while true {
            let current = try await client.get(collection, item)
            let document = try edit(
                .object([
                    ("name", .string(current.name.text)), ("protected", JSONNode(.bool(current.isProtected))),
                    ("labels", current.node["labels"] ?? .object([])),
                    ("annotations", current.node["annotations"] ?? .object([])),
                    ("spec", current.spec ?? .object([])),
                ]))
            _ = try description.canonical(document["spec"] ?? .nothing)
            do {
                return try await client.update(
                    collection, current.id.description, Array(document.raw),
                    ifMatch: ifRevision.map(Revision.init) ?? current.revision)
            } catch let problem as APIProblem where problem.status == 412 && ifRevision == nil && attempts > 1 {
                attempts -= 1
            }
        }
    }
}
