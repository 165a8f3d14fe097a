import NetworkModel
package import Persistence
package import Resources
import Synchronization

/// One page of a list.
package struct ItemPage: Sendable {
    package var items: [Item]
    package var revision: Revision
    /// Where the next page begins; nil on the last one.
    package var next: OrderKey?
}

extension NetworkService {
    /// Returns when the cache is as new as asked.
    package func await(_ freshness: Freshness) async throws(Problem) {
        do {
            switch freshness {
            case .any: guard cache.isSynced else { return try await wait(for: .zero) }
            case .revision(let revision): try await wait(for: revision)
            case .consistent: try await wait(for: try await store.currentRevision())
            }
        } catch let problem as Problem {
            throw problem
        } catch let error as StoreError {
            throw Problem(error)
        } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    /// A revision that concerned nothing here never arrives by itself: after a while a write of no meaning shows that
    /// the cache is past it.
    private func wait(for revision: Revision) async throws {
        if cache.isSynced, cache.revision >= revision { return }
        do { try await cache.wait(for: revision, limit: .milliseconds(30)) } catch is Problem {
            let latest = try await store.currentRevision()
            guard revision <= latest else {
                throw Problem(
                    field: "minRevision", value: revision.description,
                    rule: "must not be beyond the store's latest revision \(latest)")
            }
            let marker = StoreTransaction(changes: [.put(StoreLayout.progress, [])], durability: .relaxed)
            _ = try await store.commit(marker)
            try await cache.wait(for: revision)
        }
    }

    /// The resource with that name or id.
    /// - Parameter principal: who asks; what that may not know of is not found. nil for the server itself.
    package func find(
        _ kind: Kind, project: String? = nil, _ item: String, for principal: Principal? = nil
    ) async throws(Problem) -> Item {
        if !cache.isSynced { try await self.await(.any) }
        return try cache.state.withLock { state throws(Problem) in
            var owner: ResourceID?
            if kind.name.isInProject {
                guard let found = state.item(.project, project: nil, project ?? ""),
                    principal.map({ $0.isToldOf(found, inPath: true) }) ?? true
                else {
                    throw Problem.noProject(String((project ?? "").prefix(64)))
                }
                owner = found.id
            }
            guard let found = state.item(kind, project: owner, item),
                principal.map({ $0.isToldOf(found, state) }) ?? true
            else {
                if kind == .policy, BuiltInPolicy(rawValue: item) != nil {
                    throw Problem(.notFound, "policy '\(item)' is built in: it is used by its name and never changes")
                }
                throw Problem.nothing(kind, item, project: project)
            }
            return found
        }
    }

    /// The project in a request's path: by its name or id, if who asks has a role in it.
    package func project(_ text: String, for principal: Principal?) async throws(Problem) -> Item {
        if !cache.isSynced { try await self.await(.any) }
        return try cache.state.withLock { state throws(Problem) in
            guard let found = state.item(.project, project: nil, text),
                principal.map({ $0.isToldOf(found, inPath: true) }) ?? true
            else { throw Problem.noProject(String(text.prefix(64))) }
            return found
        }
    }

    /// The resources of a kind (in a project), in the order of their creation.
    /// - Parameter after: where an earlier page ended. A resource that exists throughout is on exactly one page.
    package func list(
        _ kind: Kind, project: String? = nil, selector: Selector? = nil, after: OrderKey? = nil, limit: Int = 500,
        for principal: Principal? = nil
    ) async throws(Problem) -> ItemPage {
        if !cache.isSynced { try await self.await(.any) }
        var owner: ResourceID?
        if kind.name.isInProject { owner = try await self.project(project ?? "", for: principal).id }
        let scope = CacheState.Scope(kind: kind, project: owner)
        return cache.state.withLock { state in
            var page = ItemPage(items: [], revision: state.revision)
            let order = state.collections[scope]?.order ?? []
            let start = after.map { after in order.partitioningIndex { $0 > after } } ?? 0
            for key in order[start...] {
                guard let item = state.items[key.id] else { continue }
                if let selector, !selector.matches(item.resource.metadata.labels) { continue }
                if let principal, !principal.isToldOf(item, state) { continue }
                if page.items.count == limit {
                    page.next = page.items.last?.order
                    break
                }
                page.items.append(item)
            }
            return page
        }
    }
}

extension ResourceCache {
    package func item(_ kind: Kind, _ id: ResourceID) -> Item? { state.withLock { $0.item(kind, id) } }

    /// How many resources of each kind there are, for measurement.
    package var counts: [Kind: Int] {
        state.withLock { state in
            var counts: [Kind: Int] = [:]
            for (scope, collection) in state.collections { counts[scope.kind, default: 0] += collection.order.count }
            return counts
        }
    }

    /// How many hosts are up, of how many.
    package var hostsUp: (up: Int, all: Int) {
        state.withLock { state in
            let hosts = state.collections[CacheState.Scope(kind: .host, project: nil)]?.order ?? []
            return (hosts.count { state.leases[$0.id] != nil }, hosts.count)
        }
    }
}
