import ComputeModel
import Logging
import Persistence
package import Resources
import Synchronization

/// Which compute hosts are there: each has a lease that its agent renews; one whose lease ended is lost.
extension ComputeService {
    /// An agent says that it is there. A write only when it was not; else a lease is renewed, which is none.
    package func renew(_ host: ResourceID) async throws(Problem) {
        let (item, lease) = cache.state.withLock { state in
            (state.item(.computeHost, host), state.agents[host].flatMap(\.self))
        }
        guard let item else { throw Problem.gone(ComputeKind.computeHost.name, host) }
        do {
            if let lease, try await isRenewed(lease) { return try await find(again: host) }
            let lease = try await store.grantLease(ttl: settings.hostLease)
            let outcome = try await store.commit(
                StoreTransaction(
                    conditions: [.exists(item.key)],
                    changes: [
                        .put(ComputeLayout.agent(host), [], lease: lease),
                        .put(ComputeLayout.arrival(host), Array(settings.now().description.utf8)),
                    ], durability: .relaxed))
            guard case .committed(let revision) = outcome else {
                try await store.revokeLease(lease)
                throw Problem.gone(ComputeKind.computeHost.name, host)
            }
            // Whoever asks for a later state waits for its revision.
            try? await cache.wait(for: revision, limit: settings.ownWriteWait)
            try await find(again: host)
        } catch let error as StoreError { throw Problem(error) } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    /// Says of the hosts whose agents are silent that they are lost. Ends by cancellation, or with the cache's streams.
    /// As many servers as there are may run it over one store.
    package func keepWatch() async {
        for await _ in cache.signals() {
            while !Task.isCancelled {
                do throws(Problem) {
                    try await noteLost()
                    break
                } catch {
                    logger.warning("lost hosts cannot be noted", metadata: ["reason": "\(error)"])
                    // Ends early by cancellation alone, which ends the loop.
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func noteLost() async throws(Problem) {
        let silent = cache.state.withLock { state in
            state.arrivals.filter { state.agents[$0] == nil && state.hostReport($0).map { $0.loss == nil } ?? false }
        }
        let now = settings.now()
        for host in silent.sorted() {
            let loss = ComputeHostReport.Loss(
                since: Timestamp(milliseconds: now.milliseconds - Int64(settings.hostLease / .milliseconds(1))),
                reason: "its agent has not been heard of for \(settings.hostLease): the machine is down or cut off, or "
                    + "kc-compute node does not run there")
            // Not of one that came back meanwhile.
            let absent = StoreTransaction.Condition.absent(ComputeLayout.agent(host))
            guard try await replaceLoss(of: host, with: loss, on: [absent]) else { continue }
            logger.warning("a compute host is lost", metadata: ["host": "\(host)", "reason": "\(loss.reason)"])
        }
    }

    /// What was lost is there again; what is there stays as it is.
    private func find(again host: ResourceID) async throws(Problem) {
        guard try await replaceLoss(of: host, with: nil, on: []) else { return }
        logger.notice("a compute host is there again", metadata: ["host": "\(host)"])
    }

    /// - Returns: whether it was otherwise before.
    private func replaceLoss(
        of host: ResourceID, with loss: ComputeHostReport.Loss?, on conditions: [StoreTransaction.Condition]
    ) async throws(Problem) -> Bool {
        let known = cache.state.withLock { state in state.hostReport(host).map { ($0, state.reports[host]?.revision) } }
        guard let (said, revision) = known, let revision, (said.loss == nil) != (loss == nil) else { return false }
        var report = said
        report.loss = loss
        let key = ComputeLayout.report(host)
        do {
            let outcome = try await store.commit(
                StoreTransaction(
                    conditions: conditions + [.modified(key, revision)], changes: [.put(key, report.json)],
                    durability: .relaxed))
            // Another server was faster, or the host has just spoken: the next signal shows which.
            guard case .committed(let revision) = outcome else { return false }
            try? await cache.wait(for: revision, limit: settings.ownWriteWait)  // As above.
            return true
        } catch { throw Problem(error) }
    }

    /// False when the lease has ended.
    private func isRenewed(_ lease: LeaseID) async throws(StoreError) -> Bool {
        do {
            try await store.renewLease(lease)
            return true
        } catch {
            guard error.code == .leaseNotFound else { throw error }
            return false
        }
    }
}
