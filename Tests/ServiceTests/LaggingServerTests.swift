import Logging
import NetworkModel
import NetworkService
import Persistence
import Resources
import Synchronization
import Testing

/// A server that has yet to see what another one has already told an agent.
@Suite struct LaggingServerTests {
    @Test func `a report about what this server does not know yet is taken`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            let host = try await service.get(.host, "h1").id
            let behind = LaggingStore(server.store)
            let late = NetworkService(store: behind, logger: quiet)
            try await server.running(late) {
                behind.holdBack()
                let item = try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m","host":"h1"}}"#)
                await expectProblem(.notFound) { _ = try await late.get(.attachment, "a") }
                let report = Report(phase: .wired, generation: 1)
                let revision = try await late.report(
                    [ReportDraft(kind: .attachment, id: item.id, report: report)], from: host)
                try await service.await(.revision(revision))
                #expect(try await service.get(.attachment, "a").text("status", "phase") == "wired")
                // News of something else do not make it pass over what it still does not know.
                behind.holdBack()
                let other = try await service.make(.attachment, #"{"name":"b","spec":{"segment":"m","host":"h1"}}"#)
                let both = try await late.report(
                    [item, other].map { ReportDraft(kind: .attachment, id: $0.id, report: report) }, from: host)
                try await service.await(.revision(both))
                #expect(try await service.get(.attachment, "b").text("status", "phase") == "wired")
            }
        }
    }

    @Test func `a report taken back at a server that has not seen it is taken back`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            let item = try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m","host":"h1"}}"#)
            let host = try await service.get(.host, "h1").id
            let behind = LaggingStore(server.store)
            let late = NetworkService(store: behind, logger: quiet)
            try await server.running(late) {
                behind.holdBack()
                let wired = Report(phase: .wired, generation: 1)
                _ = try await service.report([ReportDraft(kind: .attachment, id: item.id, report: wired)], from: host)
                let revision = try await late.report(
                    [ReportDraft(kind: .attachment, id: item.id, report: nil)], from: host)
                try await service.await(.revision(revision))
                #expect(try await service.get(.attachment, "a").text("status", "phase") == "pending")
            }
        }
    }
}

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Passes everything on, and what a watch says only when somebody asks how far the store is.
private final class LaggingStore: Store {
    private struct State {
        var isHeldBack = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let store: any Store
    private let state = Mutex(State())

    init(_ store: any Store) { self.store = store }

    /// From now on news wait.
    func holdBack() { state.withLock { $0.isHeldBack = true } }

    private func passOn() {
        let waiting = state.withLock { state in
            defer { state = State() }
            return state.waiting
        }
        for waiter in waiting { waiter.resume() }
    }

    func watch(_ prefix: StoreKey, after revision: Revision) -> AsyncThrowingStream<StoreBatch, any Error> {
        let news = store.watch(prefix, after: revision)
        return AsyncThrowingStream { continuation in
            // Ends with its reader.
            let task = Task { [self] in
                do {
                    for try await batch in news {
                        await turn()
                        continuation.yield(batch)
                    }
                    continuation.finish()
                } catch { continuation.finish(throwing: error) }
            }
            continuation.onTermination = { [self] _ in
                task.cancel()
                passOn()
            }
        }
    }

    private func turn() async {
        await withCheckedContinuation { (waiter: CheckedContinuation<Void, Never>) in
            let isHeldBack = state.withLock { state in
                if state.isHeldBack { state.waiting.append(waiter) }
                return state.isHeldBack
            }
            if !isHeldBack { waiter.resume() }
        }
    }

    func currentRevision() async throws(StoreError) -> Revision {
        let revision = try await store.currentRevision()
        passOn()
        return revision
    }

    func get(_ key: StoreKey) async throws(StoreError) -> (entry: StoreEntry?, revision: Revision) {
        try await store.get(key)
    }
    func list(_ prefix: StoreKey, after: StoreKey?, limit: Int) async throws(StoreError) -> StorePage {
        try await store.list(prefix, after: after, limit: limit)
    }
    func commit(_ transaction: StoreTransaction) async throws(StoreError) -> CommitOutcome {
        try await store.commit(transaction)
    }
    func grantLease(ttl: Duration) async throws(StoreError) -> LeaseID { try await store.grantLease(ttl: ttl) }
    func renewLease(_ lease: LeaseID) async throws(StoreError) { try await store.renewLease(lease) }
    func revokeLease(_ lease: LeaseID) async throws(StoreError) { try await store.revokeLease(lease) }
    func compact(through revision: Revision) async throws(StoreError) { try await store.compact(through: revision) }
}
