package import Persistence
package import Resources
import Synchronization

/// One page of a list.
package struct ComputePage: Sendable {
    package var items: [ComputeItem]
    package var revision: Revision
    /// Where the next page begins; nil on the last one.
    package var next: OrderKey?
}

extension ComputeService {
    /// Returns when the cache is as new as asked.
    package func await(_ freshness: Freshness) async throws(Problem) {
        do {
            switch freshness {
            case .any: try await cache.wait(for: .zero)
            case .revision(let revision): try await wait(for: revision)
            case .consistent: try await wait(for: try await store.currentRevision())
            }
        } catch { throw Problem(waiting: error) }
    }

    /// A revision that concerned nothing watched never arrives by itself: after a while a write of no meaning shows that
    /// the cache is past it.
    private func wait(for revision: Revision) async throws {
        do { try await cache.wait(for: revision, limit: .milliseconds(30)) } catch is Problem {
            let latest = try await store.currentRevision()
            guard revision <= latest else {
                throw Problem(
                    field: "minRevision", value: revision.description,
                    rule: "must not be beyond the store's latest revision \(latest)")
            }
            let mark = StoreTransaction(changes: [.put(ComputeLayout.mark, [])], durability: .relaxed)
            _ = try await store.commit(mark)
            try await cache.wait(for: revision)
        }
    }

    /// The resource with that name or id. What `principal` may not know of is not found.
    package func find(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, _ item: String, for principal: Principal
    ) throws(Problem) -> ComputeItem {
        let found = cache.state.withLock { $0.item(kind, project: project?.id, item) }
        guard let found, principal.may(.read, kind, in: project, found.resource.metadata.labels) else {
            let place = project.map { " in project '\($0.name)'" } ?? ""
            throw Problem(.notFound, "there is no \(kind.name) '\(item.prefix(64))'\(place)")
        }
        return found
    }

    /// The resources of a kind (in a project), in the order of their creation.
    /// - Parameter after: where an earlier page ended. A resource that exists throughout is on exactly one page.
    package func list(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, selector: Selector? = nil, after: OrderKey? = nil,
        limit: Int = 500, for principal: Principal
    ) throws(Problem) -> ComputePage {
        cache.state.withLock { state in
            var page = ComputePage(items: [], revision: state.revision)
            for item in state.all(kind, project: project?.id) {
                if let after, item.order <= after { continue }
                let labels = item.resource.metadata.labels
                if let selector, !selector.matches(labels) { continue }
                guard principal.may(.read, kind, in: project, labels) else { continue }
                if page.items.count == limit {
                    page.next = page.items.last?.order
                    break
                }
                page.items.append(item)
            }
            return page
        }
    }

    /// The kept revisions of a resource, newest first, as JSON: `{"items":[{generation,revision,time,who,action,
    /// resource}]}`.
    package func history(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, _ item: String, for principal: Principal
    ) async throws(Problem) -> [UInt8] {
        let item = try find(kind, in: project, item, for: principal)
        let page: StorePage
        do { page = try await store.list(ComputeLayout.history(item.id), after: nil, limit: 100_000) } catch {
            throw Problem(error)
        }
        var writer = JSONWriter()
        do {
            try writer.object { writer in
                writer.name("items")
                try writer.array { writer in
                    for stored in page.entries.reversed() {
                        try Self.write(stored, kind, to: &writer)
                    }
                }
            }
        } catch { throw Problem(.internal, "the history has an entry that cannot be read: \(error)") }
        return writer.bytes
    }

    /// An entry as a client reads it: the resource in its usual form, without the status of the moment.
    private static func write(_ stored: StoreEntry, _ kind: ComputeKind, to writer: inout JSONWriter) throws {
        let entry = try StoredRevision(json: try JSONParser.parse(kept: stored.value), path: "")
        let resource = try kind.type.read(entry.resource, at: stored.modified)
        writer.object { writer in
            writer.member("generation", entry.generation)
            writer.member("revision", stored.modified)
            writer.member("time", entry.time)
            writer.member("who", entry.who)
            writer.member("action", entry.action)
            writer.name("resource")
            writer.object { writer in
                writer.member("kind", kind.name.singular)
                resource.metadata.writeMembers(to: &writer)
                resource.writeSpec(to: &writer)
            }
        }
    }
}
