package import Persistence
package import Resources

extension NetworkService {
    /// The kept revisions of a resource, newest first, as JSON: `{"items":[{generation,revision,time,who,action,
    /// resource}]}`.
    package func history(
        _ kind: Kind, project: String? = nil, _ item: String, for principal: Principal? = nil
    ) async throws(Problem) -> [UInt8] {
        let item = try await find(kind, project: project, item, for: principal)
        let view = principal.map { self.view($0, project: project) } ?? View.full
        let page: StorePage
        do { page = try await store.list(StoreLayout.history(item.id), after: nil, limit: 100_000) } catch {
            throw Problem(error)
        }
        var writer = JSONWriter()
        do {
            try writer.object { writer in
                writer.name("items")
                try writer.array { writer in
                    for stored in page.entries.reversed() {
                        let entry = try StoredRevision(json: try JSONParser.parse(kept: stored.value), path: "")
                        try kind.type.write(entry, at: stored.modified, view, to: &writer)
                    }
                }
            }
        } catch { throw Problem(.internal, "the history has an entry that cannot be read: \(error)") }
        return writer.bytes
    }

    /// Makes an earlier revision the newest one: its name, labels, annotations, protection and spec are written again.
    package func restore(
        _ kind: Kind, project: String? = nil, _ item: String, generation: UInt64, expecting: Revision? = nil,
        by principal: Principal
    ) async throws(Problem) -> Written {
        let item = try await find(kind, project: project, item, for: principal)
        let stored: StoreEntry?
        do { stored = try await store.get(StoreLayout.history(item.id, generation: generation)).entry } catch {
            throw Problem(error)
        }
        guard let stored else {
            throw Problem(
                .notFound,
                FieldError(
                    field: "generation", value: "\(generation)", rule: "must be one that the history still has"
                ).description, field: "generation", value: "\(generation)")
        }
        let entry: StoredRevision
        do { entry = try StoredRevision(json: JSONParser.parse(kept: stored.value), path: "") } catch {
            throw Problem(.internal, "the history has an entry that cannot be read: \(error)")
        }
        return try await kind.type.restore(
            in: self, item.id, from: entry, expecting: expecting, Request(principal: principal, id: item.id))
    }
}

extension ServedKind {
    /// Writes an entry as a client reads it: the resource in its usual form, without the status of the moment.
    static func write(_ entry: StoredRevision, at revision: Revision, _ view: View, to writer: inout JSONWriter) throws
    {
        var resource = try Resource<Self>(json: try JSONParser.parse(kept: entry.resource), path: "")
        resource.metadata.revision = revision
        writer.object { writer in
            writer.member("generation", entry.generation)
            writer.member("revision", revision)
            writer.member("time", entry.time)
            writer.member("who", entry.who)
            writer.member("action", entry.action)
            writer.name("resource")
            writer.object { writer in
                writer.member("kind", kind.singular)
                resource.metadata.writeMembers(to: &writer)
                writer.member("spec", view == .full ? resource.spec : shown(resource.spec))
            }
        }
    }
}
