package import NetworkModel
import Persistence
package import Resources
import Synchronization

/// What an agent says about one resource; no report takes back an earlier one.
package struct ReportDraft: Sendable {
    package var kind: Kind
    package var id: ResourceID
    package var report: Report?

    package init(kind: Kind, id: ResourceID, report: Report?) {
        self.kind = kind
        self.id = id
        self.report = report
    }

    /// In one request.
    package static let maximumCount = 10_000
}

extension NetworkService {
    /// Takes over what a host reports.
    ///
    /// Reports about what is not this host's (any more) are passed over: agents learn of changes later than they happen.
    /// - Returns: the revision that shows them.
    package func report(_ drafts: [ReportDraft], from host: ResourceID) async throws(Problem) -> Revision {
        var revision = cache.revision
        var rest = drafts[...]
        while !rest.isEmpty {
            revision = max(revision, try await reportSome(Array(rest.prefix(500)), from: host))
            rest = rest.dropFirst(500)
        }
        if hasMoves {
            await showOwnWrite(revision)
            await advanceMoves()
        }
        return revision
    }

    private func reportSome(_ drafts: [ReportDraft], from host: ResourceID) async throws(Problem) -> Revision {
        // The agent may have been shown by another server what this one has yet to see: what would be passed over here
        // would never be said again.
        if !cache.state.withLock({ $0.takesAll(drafts, from: host) }) { try await catchUp() }
        for _ in 1...settings.attempts {
            let transaction = cache.state.withLock { $0.transaction(reporting: drafts, from: host) }
            guard let transaction else { return cache.revision }
            if case .committed(let revision) = try await committed(transaction) { return revision }
            try await catchUp()
        }
        throw Problem(.unavailable, "other writers were faster \(settings.attempts) times; try again")
    }

    private func committed(_ transaction: StoreTransaction) async throws(Problem) -> CommitOutcome {
        do { return try await timedCommit(transaction) } catch { throw Problem(error) }
    }
}

extension CacheState {
    /// Whether every report is of something known, and news.
    fileprivate func takesAll(_ drafts: [ReportDraft], from host: ResourceID) -> Bool {
        drafts.allSatisfy { draft in
            guard draft.report != reports[draft.id]?[host] else { return false }
            guard draft.report != nil else { return true }
            return item(draft.kind, draft.id).map { concerns($0, host) } ?? false
        }
    }

    /// nil when the reports say nothing new.
    fileprivate func transaction(reporting drafts: [ReportDraft], from host: ResourceID) -> StoreTransaction? {
        var conditions: [StoreTransaction.Condition] = []
        var changes: [StoreKey: StoreTransaction.Change] = [:]
        for draft in drafts {
            let known = reports[draft.id]?[host]
            guard draft.report != known else { continue }
            let key = StoreLayout.report(draft.id, host: host)
            guard let report = draft.report else {
                changes[key] = .delete(key)
                continue
            }
            guard let item = item(draft.kind, draft.id), concerns(item, host) else { continue }
            conditions.append(.exists(item.key))
            changes[key] = .put(key, report.json)
        }
        guard !changes.isEmpty else { return nil }
        return StoreTransaction(
            conditions: conditions, changes: changes.sorted { $0.key < $1.key }.map(\.value), durability: .relaxed)
    }

    /// Whether a host may speak about a resource.
    private func concerns(_ item: Item, _ host: ResourceID) -> Bool {
        switch item.resource {
        case .host(let resource): resource.metadata.id == host
        case .attachment(let attachment): attachment.hosts.contains(host)
        case .gateway(let gateway): gateway.carriers.contains(host) || gateway.formerCarriers.contains(host)
        case .segment: relations.segmentsOfHost[host]?.contains(item.id) == true
        case .zone: names.servers.contains(host)
        case .service(let service):
            service.spec.gateway.id.flatMap { resource($0, as: Gateway.self) }.map {
                $0.carriers.contains(host) || $0.formerCarriers.contains(host)
            } ?? false
        case .project, .pool, .underlay, .policy, .mapping, .record, .token: false
        }
    }
}
