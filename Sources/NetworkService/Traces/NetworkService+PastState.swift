import NetworkModel
import Persistence
import Resources
import Synchronization

/// The resources as they were, out of their history.
extension NetworkService {
    /// What was in the store at a revision: the resources of a project and of the cluster that there still are. What was
    /// deleted since has no history.
    ///
    /// - Throws: when the revision is not yet, or so long ago that some history no longer reaches it.
    func state(at revision: Revision, of project: ResourceID) async throws(Problem) -> CacheState {
        let (latest, items, learned) = cache.state.withLock { state in
            let items = state.items.filter { _, item in
                [nil, project].contains(item.projectID) && item.order.created <= revision
            }
            return (state.revision, items, state.learned)
        }
        guard revision <= latest else {
            throw Problem(
                field: "at", value: "\(revision)", rule: "must not be beyond the latest revision \(latest)")
        }
        let past = try await pastEntries(of: items, at: revision)
        var state = CacheState()
        state.takeList(past, from: revision, to: revision, logger: logger)
        for (place, list) in learned.lists { state.takeLearned(list.addresses, of: place, at: list.revision) }
        return state
    }

    private func pastEntries(
        of items: [ResourceID: Item], at revision: Revision
    ) async throws(Problem) -> [StoreEntry] {
        var entries: [StoreEntry] = []
        for (id, item) in items {
            var value = item.resource.stored
            var modified = item.revision
            if item.revision > revision {
                guard let (entry, at) = try await pastRevision(of: id, at: revision) else {
                    throw Problem(
                        .compacted,
                        "the history of \(item.resource.kind.name) '\(item.name)' does not reach revision \(revision)",
                        field: "at", value: "\(revision)")
                }
                (value, modified) = (entry.resource, at)
            }
            entries.append(
                StoreEntry(
                    key: item.key, value: value, created: item.order.created, modified: modified, lease: nil))
        }
        return entries
    }

    private func pastRevision(
        of id: ResourceID, at revision: Revision
    ) async throws(Problem) -> (StoredRevision, Revision)? {
        let page: StorePage
        do { page = try await store.list(StoreLayout.history(id), after: nil, limit: 100_000) } catch {
            throw Problem(error)
        }
        guard let stored = page.entries.last(where: { $0.modified <= revision }) else { return nil }
        do {
            return (try StoredRevision(json: JSONParser.parse(kept: stored.value), path: ""), stored.modified)
        } catch { throw Problem(.internal, "the history has an entry that cannot be read: \(error)") }
    }
}
