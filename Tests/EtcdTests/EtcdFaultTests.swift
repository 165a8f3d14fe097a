import EtcdStore
import Foundation
import Glibc
import Persistence
import Resources
import SeededRandomness
import StoreContract
import Synchronization
import Testing
import Waiting

/// Faults of a cluster of three while clients write and watchers follow: nothing acknowledged is lost, nothing is done twice,
/// and every watcher ends with the truth.
@Suite struct EtcdFaultTests {
    enum Fault: CaseIterable, CustomTestStringConvertible {
        case killLeader, cutOffLeader, cutOffFollower, pauseLeader, pauseFollower, restartAll, compact

        var testDescription: String { "\(self)" }
    }

    @Test func `what clients were told stays true through faults of every kind`() async throws {
        let isLong = ProcessInfo.processInfo.environment["KC_LONG"] == "1"
        var random = SeededGenerator(printedFor: "etcd faults")
        try await TestCluster.with { cluster in
            let isOver = Flag()
            let recorder = HistoryRecorder()
            let stores = try (0..<3).map { number in
                try cluster.etcd.store { options in
                    // Each server begins at another member, and compares often.
                    options.endpoints = (0..<3).map { options.endpoints[($0 + number) % 3] }
                    options.comparison = .seconds(7)
                }
            }
            let watchers = stores.map { HistoryWatcher($0, prefix: "h/") }
            var faults = 0
            try await withThrowingTaskGroup(of: Void.self) { group in
                for watcher in watchers { group.addTask { await watcher.run() } }
                let seeds = (0..<12).map { _ in random.next() }
                async let clients: Void = withTaskGroup(of: Void.self) { group in
                    for (number, seed) in seeds.enumerated() {
                        group.addTask {
                            await HistoryClient(
                                "c\(number)", store: stores[number % 3], prefix: "h/", recorder: recorder
                            ).run(SeededGenerator(seed: seed)) { isOver.isSet }
                        }
                    }
                }
                let end = ContinuousClock.now + (.seconds(isLong ? 620 : 60))
                while ContinuousClock.now < end {
                    for fault in Fault.allCases.shuffled(using: &random) where ContinuousClock.now < end {
                        print("fault \(fault)")
                        try await commit(fault, cluster, stores[0], &random)
                        faults += 1
                    }
                }
                isOver.set()
                await clients
                let truth = try await stores[0].everything("h/")
                try await eventually("every watcher has the truth", within: .seconds(30)) {
                    watchers.allSatisfy { $0.seen == truth }
                }
                group.cancelAll()
            }
            let truth = try await stores[1].everything("h/")
            let violations = recorder.history.violations(end: truth, watchers: watchers.map(\.seen))
            #expect(violations.isEmpty, "\(violations.prefix(5))")
            for watcher in watchers { #expect(watcher.faults.isEmpty, "\(watcher.faults.prefix(3))") }
            let records = recorder.history.records
            let unknown = records.count { $0.answer == .unknown }
            print("\(records.count) operations, \(unknown) with an unknown end, \(faults) faults")
            #expect(records.count > 100)
        }
    }

    /// Does the fault, lets the clients go on under it for a while, and mends it.
    private func commit(
        _ fault: Fault, _ cluster: TestCluster, _ store: EtcdStore, _ random: inout SeededGenerator
    ) async throws {
        let leader = try await cluster.leader()
        let follower = (leader + 1 + Int(random.next() % 2)) % 3
        // How long a fault lasts, not a wait for anything.
        let length = Duration.milliseconds(Int(1200 + random.next() % 1500))
        switch fault {
        case .killLeader:
            cluster.etcd.kill9(leader)
            try await Task.sleep(for: length)
            try cluster.etcd.start(leader)
        case .cutOffLeader, .cutOffFollower:
            let member = fault == .cutOffLeader ? leader : follower
            try cluster.plug(member, false)
            try await Task.sleep(for: length)
            try cluster.plug(member, true)
        case .pauseLeader, .pauseFollower:
            let member = fault == .pauseLeader ? leader : follower
            cluster.etcd.signal(member, SIGSTOP)
            try await Task.sleep(for: length)
            cluster.etcd.signal(member, SIGCONT)
        case .restartAll:
            for member in 0..<3 { cluster.etcd.kill9(member) }
            for member in 0..<3 { try cluster.etcd.start(member) }
        case .compact:
            // Under the watchers, however far they are.
            let revision = try await store.currentRevision()
            try await store.compact(through: revision)
        }
        try await eventually("the cluster takes writes", cluster.etcd.logs, within: .seconds(30)) {
            // A write that is refused is tried again.
            do { return try await store.put(StoreKey("probe"), "1") > .zero } catch { return false }
        }
    }

    @Test func `a full quota is told as such, reads go on, and it is over when there is room`() async throws {
        try await TestEtcd.with(extra: ["--quota-backend-bytes", "6000000"]) { etcd in
            let store = try etcd.store()
            let value = [UInt8](repeating: 7, count: 500_000)
            var written = 0
            let error = await expectStoreError(.full) {
                for index in 0..<100 {
                    _ = try await store.commit(
                        StoreTransaction(changes: [.put(StoreKey("big/\(index % 3)"), value)])
                    ).committed()
                    written += 1
                }
            }
            #expect(error?.cause.contains("quota") == true)
            #expect(written > 3)
            #expect(try await store.list(StoreKey("big/"), after: nil, limit: 10).entries.count == 3)
            // What an operator does, as the guide says.
            try await store.compact(through: try await store.currentRevision())
            try etcd.control("defrag")
            try etcd.control("alarm", "disarm")
            try await eventually("there is room") {
                do { return try await store.put(StoreKey("small"), "1") > .zero } catch { return false }
            }
        }
    }

    @Test func `a store whose etcd is down says so, and serves when it comes`() async throws {
        try await TestEtcd.with(isStarted: false) { etcd in
            let store = try etcd.store { $0.patience = .milliseconds(300) }
            await expectStoreError(.unavailable) { _ = try await store.currentRevision() }
            await expectStoreError(.unavailable) { try await store.put(StoreKey("a"), "1") }
            await expectStoreError(.unavailable) {
                for try await _ in store.watch(StoreKey("a"), after: .zero) {}
            }
            try etcd.start(0)
            try await etcd.answers()
            let revision = try await store.put(StoreKey("a"), "1")
            #expect(try await store.get(StoreKey("a")).entry?.modified == revision)
            #expect(try await store.takesLargeTransactions())
        }
    }

    @Test func `a member with etcd's own limits refuses a large transaction by the option's name`() async throws {
        try await TestEtcd.with(extra: ["--max-txn-ops", "128", "--max-request-bytes", "1572864"]) { etcd in
            let store = try etcd.store()
            #expect(try await !store.takesLargeTransactions())
            let many = (0..<200).map { StoreTransaction.Change.put(StoreKey("k\($0)"), [1]) }
            let count = await expectStoreError(.invalid) { _ = try await store.commit(StoreTransaction(changes: many)) }
            #expect(count?.cause.contains("--max-txn-ops") == true)
            let big = (0..<2).map {
                StoreTransaction.Change.put(StoreKey("b\($0)"), [UInt8](repeating: 1, count: 1 << 20))
            }
            let size = await expectStoreError(.invalid) { _ = try await store.commit(StoreTransaction(changes: big)) }
            #expect(size?.cause.contains("--max-request-bytes") == true)
        }
    }
}

final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}
