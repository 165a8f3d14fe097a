import ComputeModel
import Logging
package import Persistence
package import Resources
import Synchronization

/// What a write left behind.
package struct ComputeWritten: Sendable {
    /// nil after a deletion, and while this server's cache does not show it yet.
    package var item: ComputeItem?
    /// From which on every server shows it.
    package var revision: Revision
}

extension ComputeService {
    /// Creates a resource from its document.
    /// - Parameter project: for a kind that lives in one.
    package func create(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, _ body: JSONNode, by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        try await kind.type.create(in: self, project, body, by: principal)
    }

    /// Replaces spec and metadata of a resource; nothing is written when nothing changes.
    /// - Parameters: `item` is a name or an id; `expected` is the revision the client saw.
    package func replace(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, _ item: String, _ body: JSONNode,
        expecting expected: Revision? = nil, by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        let old = try find(kind, in: project, item, for: principal)
        return try await kind.type.replace(in: self, project, old.id, expecting: expected, body, by: principal)
    }

    /// Deletes a resource; of a VM also its place, and what is reported of it.
    package func delete(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, _ item: String, expecting expected: Revision? = nil,
        by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        let old = try find(kind, in: project, item, for: principal)
        return try await kind.type.delete(in: self, project, old.id, expecting: expected, by: principal)
    }

    /// Makes an earlier revision the newest one: its name, labels, annotations, protection and spec are written again.
    package func restore(
        _ kind: ComputeKind, in project: ProjectIdentity? = nil, _ item: String, generation: UInt64,
        expecting: Revision? = nil, by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        let old = try find(kind, in: project, item, for: principal)
        let entry: StoreEntry?
        do { entry = try await store.get(ComputeLayout.history(old.id, generation: generation)).entry } catch {
            throw Problem(error)
        }
        guard let entry else {
            let rule = "must be one that the history still has"
            throw Problem(.notFound, field: "generation", value: "\(generation)", rule: rule)
        }
        return try await kind.type.restore(
            in: self, project, old.id, from: entry.value, expecting: expecting, by: principal)
    }

    /// Plans, commits, and plans again when another writer was faster: first the cache catches up with the store, so
    /// that a lost race ends in the same problem as a late request.
    func write(
        _ id: ResourceID, in project: ProjectIdentity?, by principal: Principal,
        _ build: @Sendable (inout ComputePlan, inout ComputeState) throws(Problem) -> Void
    ) async throws(Problem) -> Revision {
        for attempt in 1...settings.attempts {
            let plan = try cache.state.withLock { state throws(Problem) in
                var plan = ComputePlan(
                    id, project: project, now: settings.now(), principal: principal,
                    historyLength: settings.historyLength)
                try build(&plan, &state)
                return plan
            }
            if plan.changes.isEmpty { return cache.revision }
            let outcome: CommitOutcome
            do { outcome = try await store.commit(plan.transaction) } catch { throw Problem(error) }
            switch outcome {
            case .committed(let revision):
                // The answer carries the revision to wait for when the cache takes longer.
                try? await cache.wait(for: revision, limit: settings.ownWriteWait)
                return revision
            case .failed(let condition):
                logger.debug("planning again", metadata: ["attempt": "\(attempt)", "condition": "\(condition)"])
                try await catchUp()
            }
        }
        throw Problem(.unavailable, "other writers were faster \(settings.attempts) times; try again")
    }

    func catchUp() async throws(Problem) {
        try await self.await(.consistent)
    }
}
