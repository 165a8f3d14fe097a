import FoundationEssentials
import GRDB
import Persistence
import Resources
import SQLiteStore
import StoreContract
import Testing
import Waiting

@Suite struct SQLiteStoreTests {
    @Test func `a reopened store goes on where it was`() async throws {
        try await TemporaryStore.with { files in
            var store = try await files.open()
            try await store.put(StoreKey("a"), "1")
            let last = try await store.put(StoreKey("b"), "2")
            let before = try await store.list(StoreKey(""), after: nil, limit: 10).entries
            await store.close()
            store = try await files.open()
            #expect(try await store.currentRevision() == last)
            #expect(try await store.list(StoreKey(""), after: nil, limit: 10).entries == before)
            #expect(try await store.put(StoreKey("c"), "3").value == last.value + 1)
            let replay = try await take(3, from: store.watch(StoreKey(""), after: .zero))
            #expect(replay.map(\.revision.value) == [1, 2, 3])
            await store.close()
        }
    }

    @Test func `after a restart a lease has its full time again, and then ends`() async throws {
        try await TemporaryStore.with { files in
            var store = try await files.open()
            let ttl = Duration.milliseconds(1500)
            let renewed = try await store.grantLease(ttl: ttl)
            let silent = try await store.grantLease(ttl: ttl)
            try await store.put(StoreKey("renewed"), "1", lease: renewed)
            try await store.put(StoreKey("silent"), "1", lease: silent)
            await store.close()
            // Away for longer than the lease lasts.
            let closed = ContinuousClock.now
            try await eventually("2 s are over") { ContinuousClock.now - closed > .seconds(2) }
            let reopened = ContinuousClock.now
            store = try await files.open()
            #expect(try await store.value(StoreKey("silent")) == "1")
            try await eventually("the silent one ends") {
                try await store.renewLease(renewed)
                return try await store.value(StoreKey("silent")) == nil
            }
            #expect(ContinuousClock.now - reopened >= ttl)
            #expect(try await store.value(StoreKey("renewed")) == "1")
            await expectStoreError(.leaseNotFound) { try await store.renewLease(silent) }
            await store.close()
            // The end of a lease is durable too.
            store = try await files.open()
            await expectStoreError(.leaseNotFound) { try await store.renewLease(silent) }
            try await store.renewLease(renewed)
            await store.close()
        }
    }

    @Test func `renewing a lease changes no byte on disk`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let lease = try await store.grantLease(ttl: .seconds(60))
            try await store.put(StoreKey("a"), "1", lease: lease)
            func bytesOnDisk() throws -> [Data] {
                try ["", "-wal"].map { try Data(contentsOf: URL(filePath: files.path + $0)) }
            }
            let before = try bytesOnDisk()
            for _ in 0..<1000 { try await store.renewLease(lease) }
            #expect(try bytesOnDisk() == before)
            await store.close()
        }
    }

    @Test func `the feed keeps the last revisions by itself, and the rest is gone from the file`() async throws {
        try await TemporaryStore.with { files in
            var files = files
            files.options.keptRevisions = 100
            let store = try await files.open()
            for index in 0..<1000 {
                _ = try await store.commit(
                    StoreTransaction(changes: [.put(StoreKey("k\(index % 3)"), [1])], durability: .relaxed))
            }
            let path = files.path
            try await eventually("the feed is short") {
                try await DatabaseQueue(path: path).read { db in
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM change") ?? 0
                } <= 102
            }
            let recent = try await take(100, from: store.watch(StoreKey(""), after: Revision(900)))
            #expect(recent.map(\.revision.value) == Array(901...1000))
            do {
                _ = try await take(1, from: store.watch(StoreKey(""), after: Revision(800)))
                Issue.record("revision 801 is still known")
            } catch let error as StoreError {
                guard case .compacted(let oldest) = error.code else {
                    Issue.record("\(error)")
                    return
                }
                #expect((Revision(898)...Revision(900)).contains(oldest))
            }
            await store.close()
        }
    }

    @Test func `a compaction of many rows is done in steps, also over a restart, while writers go on`() async throws {
        try await TemporaryStore.with { files in
            var store = try await files.open()
            for index in 0..<40 {
                let changes = (0..<200).map { StoreTransaction.Change.put(StoreKey("k\($0)"), bytes("\(index)")) }
                _ = try await store.commit(StoreTransaction(changes: changes, durability: .relaxed))
            }
            for index in 0..<5000 {
                _ = try await store.commit(
                    StoreTransaction(changes: [.put(StoreKey("x"), bytes("\(index)"))], durability: .relaxed))
            }
            let target = try await store.currentRevision()
            try await store.compact(through: target)
            let next = try await store.put(StoreKey("y"), "1")
            await store.close()
            store = try await files.open()
            #expect(try await take(1, from: store.watch(StoreKey(""), after: target)).map(\.revision) == [next])
            try await store.put(StoreKey("y"), "2")
            let path = files.path
            try await eventually("all rows are gone") {
                try await DatabaseQueue(path: path).read { db in
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM change") ?? 0
                } == 2
            }
            #expect(try await store.list(StoreKey(""), after: nil, limit: 1000).entries.count == 202)
            await store.close()
        }
    }

    @Test func `the write-ahead log does not grow without end`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let value = [UInt8](repeating: 1, count: 100_000)
            for index in 0..<1000 {
                _ = try await store.commit(
                    StoreTransaction(changes: [.put(StoreKey("k\(index % 5)"), value)], durability: .relaxed))
            }
            // 1000 values, each in two tables: 200 MB went through it.
            let attributes = try FileManager.default.attributesOfItem(atPath: files.path + "-wal")
            #expect(
                (attributes[.size] as? Int).map { $0 < 64 << 20 } == true, "\(String(describing: attributes[.size]))")
            await store.close()
        }
    }

    @Test func `a consumer that is cancelled or dropped frees its watch`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let revision = try await store.put(StoreKey("a"), "1")
            let consumers = (0..<10).map { _ in
                Task { for try await _ in store.watch(StoreKey(""), after: revision) {} }
            }
            try await eventually("all are live") { store.liveWatches == 10 }
            for consumer in consumers { consumer.cancel() }
            for consumer in consumers { try await consumer.value }
            try await eventually("all are gone") { store.liveWatches == 0 }

            // Dropped in the middle, without cancellation.
            for _ in 0..<10 { _ = try await take(1, from: store.watch(StoreKey(""), after: .zero)) }
            try await eventually("none is left") { store.liveWatches == 0 }
            await store.close()
        }
    }

    @Test func `a store that is dropped without being closed can be opened again`() async throws {
        try await TemporaryStore.with { files in
            for index in 0..<3 {
                let revision = try await files.open().put(StoreKey("a"), "\(index)")
                #expect(revision.value == UInt64(index + 1))
                try await eventually("the lock is free") {
                    do {
                        await (try await files.open()).close()
                        return true
                    } catch let error as StoreError where error.code == .unavailable {
                        return false
                    }
                }
            }
        }
    }
}
