import FoundationEssentials
import GRDB
import Glibc
import Persistence
import Resources
import SQLiteStore
import StoreContract
import Testing
import Waiting

@Suite struct BackupTests {
    @Test func `a store that is closed can be opened, though a child that is being started still has its lock's file`()
        async throws
    {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            // As in a child between fork and exec: a duplicate of the same open file.
            let folder = "/proc/self/fd/"
            let held = try FileManager.default.contentsOfDirectory(atPath: folder).first { name in
                // Descriptors come and go meanwhile.
                (try? FileManager.default.destinationOfSymbolicLink(atPath: folder + name)) == files.path + ".lock"
            }
            let duplicate = dup(try #require(held.flatMap { CInt($0) }))
            defer { close(duplicate) }
            await store.close()
            try await files.open().close()
        }
    }

    @Test func `a backup under concurrent writers is one moment: the revision it names, and nothing later`()
        async throws
    {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let target = files.folder + "/backup.db"
            let revision = try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for index in 0..<100 { try await store.put(StoreKey("w\(writer)/\(index)"), "\(index)") }
                    }
                }
                try await eventually("some are written") { try await store.currentRevision() > Revision(100) }
                let revision = try await store.backup(to: target)
                try await group.waitForAll()
                return revision
            }
            let expected = try await store.list(StoreKey(""), after: nil, limit: 10_000).entries
                .filter { $0.modified <= revision }
            await store.close()
            #expect(revision > Revision(100))

            var copied = files
            copied.name = "backup.db"
            let copy = try await copied.open()
            #expect(try await copy.currentRevision() == revision)
            #expect(try await copy.list(StoreKey(""), after: nil, limit: 10_000).entries == expected)
            let replay = try await take(Int(revision.value), from: copy.watch(StoreKey(""), after: .zero))
            #expect(replay.map(\.revision.value) == Array(1...revision.value))
            await copy.close()
        }
    }

    @Test func `a store can be backed up by its path, open or stopped`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let revision = try await store.put(StoreKey("a"), "1")
            #expect(try await SQLiteStore.backup(of: files.path, to: files.folder + "/open.db") == revision)
            let next = try await store.put(StoreKey("a"), "2")
            await store.close()
            #expect(try await SQLiteStore.backup(of: files.path, to: files.folder + "/stopped.db") == next)
            let attributes = try FileManager.default.attributesOfItem(atPath: files.folder + "/open.db")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let names = try FileManager.default.contentsOfDirectory(atPath: files.folder)
            #expect(Set(names) == ["store.db", "store.db.lock", "open.db", "stopped.db"])
        }
    }

    @Test func `a backup overwrites nothing and needs a store`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let target = files.folder + "/taken"
            try Data("mine".utf8).write(to: URL(filePath: target))
            await expectStoreError(.invalid) { try await store.backup(to: target) }
            #expect(try Data(contentsOf: URL(filePath: target)) == Data("mine".utf8))
            await store.close()
            await expectStoreError(.unavailable) {
                try await SQLiteStore.backup(of: files.folder + "/none.db", to: files.folder + "/b.db")
            }
            await expectStoreError(.corrupt) {
                try await SQLiteStore.backup(of: target, to: files.folder + "/b.db")
            }
            #expect(!FileManager.default.fileExists(atPath: files.folder + "/none.db"))
            #expect(!FileManager.default.fileExists(atPath: files.folder + "/b.db"))
        }
    }

    @Test func `a restore brings back the backup's state at a revision that nobody has seen`() async throws {
        try await TemporaryStore.with { files in
            let target = files.folder + "/backup.db"
            var store = try await files.open()
            let lease = try await store.grantLease(ttl: .seconds(60))
            let kept = try await store.put(StoreKey("kept"), "1", lease: lease)
            let saved = try await store.backup(to: target)
            try await store.put(StoreKey("kept"), "2")
            let lost = try await store.put(StoreKey("lost"), "1")
            await store.close()

            let restored = try await SQLiteStore.restore(from: target, to: files.path)
            #expect(restored.revision > lost)
            #expect(restored.replaced == files.path + ".replaced")
            store = try await files.open()
            #expect(try await store.currentRevision() == restored.revision)
            let entries = try await store.list(StoreKey(""), after: nil, limit: 10).entries
            #expect(
                entries == [
                    StoreEntry(key: StoreKey("kept"), value: bytes("1"), created: kept, modified: kept, lease: lease)
                ])
            try await store.renewLease(lease)
            for seen in [.zero, saved, lost, Revision(lost.value + 5)] where seen != restored.revision {
                await expectStoreError(.compacted(oldest: restored.revision)) {
                    _ = try await take(1, from: store.watch(StoreKey(""), after: seen))
                }
            }
            let next = try await store.put(StoreKey("new"), "1")
            let batches = try await take(1, from: store.watch(StoreKey(""), after: restored.revision))
            #expect(batches.map(\.revision) == [next])
            await store.close()

            var former = files
            former.name = "store.db.replaced"
            let old = try await former.open()
            #expect(try await old.currentRevision() == lost)
            #expect(try await old.value(StoreKey("lost")) == "1")
            await old.close()
        }
    }

    @Test func `without the former store the revision leaps beyond all it can have given out`() async throws {
        try await TemporaryStore.with { files in
            let target = files.folder + "/backup.db"
            let store = try await files.open()
            for index in 0..<10 { try await store.put(StoreKey("a"), "\(index)") }
            let saved = try await store.backup(to: target)
            await store.close()
            // A new, nearly empty store in its place tells nothing about the former one either.
            for name in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: files.path + name) {
                try FileManager.default.removeItem(atPath: files.path + name)
            }
            let empty = try await files.open()
            try await empty.put(StoreKey("accident"), "1")
            await empty.close()
            let restored = try await SQLiteStore.restore(from: target, to: files.path)
            #expect(restored.revision.value == saved.value + 1 << 32)
            let elsewhere = files.folder + "/new.db"
            let fresh = try await SQLiteStore.restore(from: target, to: elsewhere)
            #expect(fresh.revision.value == saved.value + 1 << 32)
            #expect(fresh.replaced == nil)
        }
    }

    @Test func `a restore is refused over a live store, and from what is no good backup`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            for index in 0..<500 {
                _ = try await store.commit(
                    StoreTransaction(
                        changes: [.put(StoreKey("key/\(index)"), Array(repeating: 1, count: 500))], durability: .relaxed
                    ))
            }
            let target = files.folder + "/backup.db"
            try await store.backup(to: target)
            let error = await expectStoreError(.unavailable) {
                _ = try await SQLiteStore.restore(from: target, to: files.path)
            }
            #expect(error?.cause.contains("pid \(ProcessInfo.processInfo.processIdentifier)") == true)
            await store.close()
            let before = try Data(contentsOf: URL(filePath: files.path))

            let damaged = files.folder + "/damaged.db"
            try FileManager.default.copyItem(atPath: target, toPath: damaged)
            try Damage.scribble(damaged, from: 8192, count: 40_000)
            let newer = files.folder + "/newer.db"
            try FileManager.default.copyItem(atPath: target, toPath: newer)
            try await DatabaseQueue(path: newer).write { try $0.execute(sql: "PRAGMA user_version = 99") }
            let foreign = files.folder + "/foreign.db"
            try await DatabaseQueue(path: foreign).write { try $0.execute(sql: "CREATE TABLE t (a)") }
            let cases: [(String, StoreError.Code, String)] = [
                (damaged, .corrupt, "damaged"), (newer, .unavailable, "schema 99"),
                (foreign, .unavailable, "no store"), (files.folder + "/none.db", .unavailable, "No such file"),
            ]
            for (backup, code, word) in cases {
                let error = await expectStoreError(code) {
                    _ = try await SQLiteStore.restore(from: backup, to: files.path)
                }
                #expect(error?.cause.contains(word) == true, "\(String(describing: error))")
            }
            #expect(try Data(contentsOf: URL(filePath: files.path)) == before)
            let names = try FileManager.default.contentsOfDirectory(atPath: files.folder)
            #expect(!names.contains { $0.contains("restoring") || $0.contains("replaced") || $0.contains("none") })
        }
    }

    @Test func `a damaged store is replaced by its backup and kept beside it`() async throws {
        try await TemporaryStore.with { files in
            let target = files.folder + "/backup.db"
            var store = try await files.open()
            for index in 0..<500 {
                try await store.put(StoreKey("key/\(index)"), String(repeating: "v", count: 200))
            }
            try await store.backup(to: target)
            await store.close()
            try Damage.scribble(files.path, from: 4096, count: 60_000)
            let error = await expectStoreError(.corrupt) { _ = try await files.open() }
            #expect(error?.cause.contains("kcd restore") == true)
            let restored = try await SQLiteStore.restore(from: target, to: files.path)
            #expect(restored.replaced != nil)
            store = try await files.open()
            #expect(try await store.list(StoreKey(""), after: nil, limit: 1000).entries.count == 500)
            await store.close()
        }
    }
}

/// Harm done to a file on purpose.
enum Damage {
    static func scribble(_ path: String, from offset: Int, count: Int) throws {
        var data = try Data(contentsOf: URL(filePath: path))
        for index in offset..<min(offset + count, data.count) {
            data[index] = UInt8(truncatingIfNeeded: index * 31 + 7)
        }
        try data.write(to: URL(filePath: path))
    }
}
