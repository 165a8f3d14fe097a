import Addressing
import Dispatch
import FoundationEssentials
import Logging
import NetworkPlanning
package import Persistence
package import Resources
import Synchronization

/// What a write left behind.
package struct Written: Sendable {
    /// nil after a deletion.
    package var item: Item?
    /// From which on every server shows it.
    package var revision: Revision
}

/// Conditions and changes of another owner that stand or fall with a write: a join token used up by a new host.
package struct Alongside: Sendable {
    package var conditions: [StoreTransaction.Condition]
    package var changes: [StoreTransaction.Change]

    package init(conditions: [StoreTransaction.Condition] = [], changes: [StoreTransaction.Change] = []) {
        self.conditions = conditions
        self.changes = changes
    }
}

extension NetworkService {
    /// Creates a resource from its document.
    /// - Parameter project: name or id, for a kind that lives in one.
    package func create(
        _ kind: Kind, project: String? = nil, _ body: JSONNode, by principal: Principal,
        id: ResourceID = .random(), alongside: Alongside = Alongside(), tokenDigest: String? = nil
    ) async throws(Problem) -> Written {
        try await kind.type.create(
            in: self, project: project, body,
            Request(principal: principal, id: id, alongside: alongside, tokenDigest: tokenDigest))
    }

    /// Replaces spec and metadata of a resource; nothing is written when nothing changes.
    /// - Parameters: `item` is a name or an id; `expected` is the revision the client saw.
    package func replace(
        _ kind: Kind, project: String? = nil, _ item: String, _ body: JSONNode, expecting expected: Revision? = nil,
        by principal: Principal
    ) async throws(Problem) -> Written {
        let old = try await find(kind, project: project, item, for: principal)
        return try await kind.type.replace(
            in: self, old.id, expecting: expected, Request(principal: principal, id: old.id), document: body)
    }

    /// Deletes a resource.
    package func delete(
        _ kind: Kind, project: String? = nil, _ item: String, expecting expected: Revision? = nil,
        by principal: Principal, alongside: Alongside = Alongside()
    ) async throws(Problem) -> Written {
        let old = try await find(kind, project: project, item, for: principal)
        return try await kind.type.delete(
            in: self, old.id, expecting: expected,
            Request(principal: principal, id: old.id, alongside: alongside))
    }

    /// Who asks for a write, of which resource, with what beside it.
    struct Request: Sendable {
        var principal: Principal
        var id: ResourceID
        var alongside = Alongside()
        /// Of the secret of a new token.
        var tokenDigest: String?
    }

    /// Plans, commits, and plans again when another writer was faster.
    ///
    /// A plan that fails says why in terms of the cache, so a lost race ends in the same problem as a late request:
    /// before planning again the cache catches up with the store.
    /// - Parameter subject: what `build` is about, or begins with.
    /// - Returns: where the write can be read, and what the last `build` gave.
    func write<Outcome: Sendable>(
        _ subject: WritePlan.Subject, by principal: Principal, alongside: Alongside, tokenDigest: String? = nil,
        _ build: @Sendable (inout WritePlan, inout CacheState) throws(Problem) -> Outcome
    ) async throws(Problem) -> (revision: Revision, outcome: Outcome) {
        for attempt in 1...settings.attempts {
            let (plan, outcome) = try cache.state.withLock { state throws(Problem) in
                var plan = WritePlan(
                    subject, makeID: ResourceID.random, now: settings.now(), principal: principal,
                    historyLength: settings.historyLength, tokenDigest: tokenDigest)
                state.asker = principal
                defer { state.asker = nil }
                do throws(Problem) {
                    let outcome = try build(&plan, &state)
                    if let clash = plan.clash {
                        throw Problem(.conflict, "two operations of the request want to hold '\(clash)'")
                    }
                    state.expect(plan.effects)
                    return (plan, outcome)
                } catch {
                    state.giveBack(plan.taken)
                    throw error
                }
            }
            var transaction = plan.transaction
            if transaction.changes.isEmpty { return (cache.revision, outcome) }
            transaction.conditions += alongside.conditions
            transaction.changes += alongside.changes
            defer { cache.state.withLock { $0.expectNoLonger(plan.effects) } }
            switch try await commit(transaction, giving: plan.taken) {
            case .committed(let revision):
                await showOwnWrite(revision)
                return (revision, outcome)
            case .failed(let condition):
                if alongside.conditions.contains(condition) {
                    cache.state.withLock { $0.giveBack(plan.taken) }
                    throw Problem(.conflict, "what the request relies on was used up by another one")
                }
                logger.debug("planning again", metadata: ["attempt": "\(attempt)", "condition": "\(condition)"])
                try await catchUp()
                cache.state.withLock { state in
                    state.giveBack(plan.taken)
                    state.partWays(after: condition, far: UInt64.random(in: 1...64), near: UInt64.random(in: 1...8))
                }
            }
        }
        throw Problem(.unavailable, "other writers were faster \(settings.attempts) times; try again")
    }

    private func commit(_ transaction: StoreTransaction, giving taken: [WritePlan.TakenValue]) async throws(Problem)
        -> CommitOutcome
    {
        do {
            return try await timedCommit(transaction)
        } catch {
            // After `unavailable` nobody knows whether it was written: then the values stay taken until a restart.
            if error.code != .unavailable { cache.state.withLock { $0.giveBack(taken) } }
            throw Problem(error)
        }
    }

    func timedCommit(_ transaction: StoreTransaction) async throws(StoreError) -> CommitOutcome {
        let start = DispatchTime.now().uptimeNanoseconds
        do {
            let outcome = try await store.commit(transaction)
            var lost = false
            if case .failed = outcome { lost = true }
            measures.record(nanoseconds: DispatchTime.now().uptimeNanoseconds - start, lost: lost)
            return outcome
        } catch {
            measures.recordFailure()
            throw error
        }
    }

    /// Waits for what others wrote first, which with several servers may concern nothing here.
    func catchUp() async throws(Problem) { try await self.await(.consistent) }

    /// So that a client's next request at this server sees its write. Nothing is lost when it takes longer: the
    /// answer carries the revision to wait for.
    func showOwnWrite(_ revision: Revision) async {
        try? await cache.wait(for: revision, limit: settings.ownWriteWait)
    }
}

extension CacheState {
    /// Another server gave out the value that was just chosen here. Both would choose the next ones alike and meet again
    /// and again: this one moves on, far in the large space of MAC addresses, and near among VNIs and prefixes, which
    /// people read.
    mutating func partWays(after condition: StoreTransaction.Condition, far: UInt64, near: UInt64) {
        guard case .absent(let key) = condition else { return }
        if key.text.hasPrefix(StoreLayout.macs) { macs.skip(far * 1024) }
        if key.text.hasPrefix(StoreLayout.ipv4s) { ipv4s.skip(near * 16) }
        if key.text.hasPrefix(StoreLayout.vnis) { vnis.skip(near * 16) }
        if key.text.hasPrefix(StoreLayout.prefixes) { prefixes.skip(near * 16) }
    }

    /// Puts values back into their pools, unless a resource holds them by now.
    mutating func giveBack(_ taken: [WritePlan.TakenValue]) {
        for value in taken {
            switch value {
            case .vni(let vni): if holders.vni[vni] == nil { vnis.release(vni) }
            case .prefix(let prefix): if holders.prefix[prefix.address.high] == nil { prefixes.release(prefix) }
            case .mac(let mac): if holders.mac[mac] == nil { macs.release(mac) }
            case .ipv4(let address): if holders.ipv4[address] == nil { ipv4s.release(address) }
            case .delegated(let prefix):
                guard holders.delegated[prefix.prefix] == nil else { continue }
                delegations.release(prefix)
                // Of another length, chosen at another server, and faster.
                for held in holders.delegated.keys where held.overlaps(prefix.prefix) {
                    delegations.occupy(DelegatedPrefix(held))
                }
            }
        }
    }
}
