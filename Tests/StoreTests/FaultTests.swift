import FoundationEssentials
import GRDB
import Glibc
import Persistence
import Resources
import SQLiteStore
import StoreContract
import Testing
import Waiting

@Suite struct FaultTests {
    @Test func `on a full disk a commit fails whole, reads go on, and space makes it work again`() async throws {
        try await TemporaryStore.with { files in
            try SmallDisk.mount(at: files.folder, bytes: 4 << 20)
            defer { SmallDisk.unmount(files.folder) }
            let store = try await files.open()
            for index in 0..<50 { try await store.put(StoreKey("kept/\(index)"), "\(index)") }
            let before = try await store.list(StoreKey(""), after: nil, limit: 1000)
            let ballast = files.folder + "/ballast"
            try SmallDisk.fill(ballast)

            let big = [UInt8](repeating: 1, count: 200_000)
            await expectStoreError(.full) {
                _ = try await store.commit(
                    StoreTransaction(changes: [.put(StoreKey("kept/0"), [1]), .put(StoreKey("big"), big)]))
            }
            let during = try await store.list(StoreKey(""), after: nil, limit: 1000)
            #expect(during.entries == before.entries)
            #expect(during.revision == before.revision)

            #expect(unlink(ballast) == 0)
            let revision = try await store.commit(StoreTransaction(changes: [.put(StoreKey("big"), big)])).committed()
            #expect(revision.value == before.revision.value + 1)
            await store.close()
            let again = try await files.open()
            #expect(try await again.list(StoreKey("kept/"), after: nil, limit: 1000).entries == before.entries)
            #expect(try await again.get(StoreKey("big")).entry?.value == big)
            await again.close()
        }
    }

    @Test func `writers on a disk that fills up lose nothing acknowledged, and a small write still fits`() async throws
    {
        try await TemporaryStore.with { files in
            try SmallDisk.mount(at: files.folder, bytes: 8 << 20)
            defer { SmallDisk.unmount(files.folder) }
            let store = try await files.open()
            let acknowledged = try await withThrowingTaskGroup(of: [StoreKey: Int].self) { group in
                for writer in 0..<16 {
                    group.addTask {
                        var done: [StoreKey: Int] = [:]
                        for index in 0..<100 {
                            let key = StoreKey("w\(writer)/\(index)")
                            let value = [UInt8](repeating: UInt8(index), count: 30_000)
                            do {
                                _ = try await store.commit(StoreTransaction(changes: [.put(key, value)])).committed()
                                done[key] = index
                            } catch let error as StoreError where error.code == .full {}
                        }
                        return done
                    }
                }
                return try await group.reduce(into: [:]) { $0.merge($1) { _, new in new } }
            }
            #expect((1..<1600).contains(acknowledged.count))
            await store.close()
            let again = try await files.open()
            let entries = try await again.list(StoreKey(""), after: nil, limit: 10_000).entries
            #expect(Set(entries.map(\.key)) == Set(acknowledged.keys))
            #expect(
                entries.allSatisfy { entry in
                    entry.value.count == 30_000 && entry.value.allSatisfy { Int($0) == acknowledged[entry.key] }
                })
            await again.close()
        }
    }

    @Test func `after an error of the disk nothing is written any more, reads go on, and opening anew heals`()
        async throws
    {
        try await TemporaryStore.with { files in
            let path = files.path
            // A limit on the size of files, which counts for the whole process: so in one of its own.
            await #expect(processExitsWith: .success) { [path = path as String] in
                signal(SIGXFSZ, SIG_IGN)
                let store = try await SQLiteStore.open(at: path, logger: quiet)
                let before = try await store.put(StoreKey("a"), "1")
                var limit = rlimit(rlim_cur: 60_000, rlim_max: rlim_t(bitPattern: -1))
                try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
                let big = [UInt8](repeating: 1, count: 100_000)
                await expectStoreError(.unavailable) {
                    _ = try await store.commit(StoreTransaction(changes: [.put(StoreKey("big"), big)]))
                }
                limit.rlim_cur = rlim_t(bitPattern: -1)
                try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
                let error = await expectStoreError(.unavailable) { try await store.put(StoreKey("b"), "2") }
                try #require(error?.cause.contains("restart") == true)
                try #require(try await store.value(StoreKey("a")) == "1")
                await store.close()
                let again = try await SQLiteStore.open(at: path, logger: quiet)
                try #require(try await again.value(StoreKey("a")) == "1")
                try #require(try await again.put(StoreKey("b"), "2") > before)
                await again.close()
            }
        }
    }

    @Test func `a damaged page, a foreign file and a newer schema are refused and left as they are`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            for index in 0..<300 {
                try await store.put(StoreKey("key/\(index)"), String(repeating: "v", count: 300))
            }
            await store.close()
            let good = try Data(contentsOf: URL(filePath: files.path))
            #expect(good.count > 20 * 4096)

            func refused(
                _ data: Data, _ code: StoreError.Code, _ word: String,
                sourceLocation: SourceLocation = #_sourceLocation
            ) async throws {
                try data.write(to: URL(filePath: files.path))
                let error = await expectStoreError(code, sourceLocation: sourceLocation) { _ = try await files.open() }
                #expect(
                    error?.cause.contains(word) == true, "\(String(describing: error))", sourceLocation: sourceLocation)
                #expect(try Data(contentsOf: URL(filePath: files.path)) == data, sourceLocation: sourceLocation)
            }
            for page in [1, 3, 10, 20] {
                var data = good
                for index in (page * 4096)..<(page * 4096 + 2000) { data[index] = UInt8(truncatingIfNeeded: index * 7) }
                try await refused(data, .corrupt, "kcd restore")
            }
            try await refused(Data(good.prefix(good.count / 2)), .corrupt, "kcd restore")
            try await refused(
                Data("this is a text file, and rather more than a hundred bytes long: ".utf8)
                    + Data(repeating: 65, count: 100), .corrupt, "no SQLite header")
            try FileManager.default.removeItem(atPath: files.path)
            try await DatabaseQueue(path: files.path).write { try $0.execute(sql: "CREATE TABLE t (a)") }
            try await refused(try Data(contentsOf: URL(filePath: files.path)), .unavailable, "no store")
            try good.write(to: URL(filePath: files.path))
            try await DatabaseQueue(path: files.path).writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA journal_mode = DELETE; PRAGMA user_version = 3")
            }
            try await refused(try Data(contentsOf: URL(filePath: files.path)), .unavailable, "newer version (schema 3")
        }
    }

    @Test func `a second opener is refused with the pid of the first, and let in when that one is gone`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            try await store.put(StoreKey("a"), "1")
            let path = files.path
            let pid = getpid()
            await #expect(processExitsWith: .success) { [path = path as String, pid = pid as Int32] in
                let error = await expectStoreError(.unavailable) {
                    _ = try await SQLiteStore.open(at: path, logger: quiet)
                }
                try #require(error?.cause.contains("pid \(pid)") == true)
            }
            try await store.put(StoreKey("a"), "2")
            await store.close()
            let next = try await files.open()
            #expect(try await next.value(StoreKey("a")) == "2")
            await next.close()
        }
    }

    @Test func `a closed store refuses everything and ends its watches`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            let revision = try await store.put(StoreKey("a"), "1")
            let watch = store.watch(StoreKey(""), after: revision)
            let consumer = Task { for try await _ in watch {} }
            try await eventually("the watch is live") { store.liveWatches == 1 }
            await store.close()
            await expectStoreError(.unavailable) { try await consumer.value }
            await expectStoreError(.unavailable) { try await store.put(StoreKey("a"), "2") }
            await expectStoreError(.unavailable) { _ = try await store.get(StoreKey("a")) }
            await expectStoreError(.unavailable) {
                _ = try await take(1, from: store.watch(StoreKey(""), after: .zero))
            }
            await store.close()
        }
    }

    @Test func `a folder that is not there is named`() async throws {
        try await TemporaryStore.with { files in
            var files = files
            files.name = "none/store.db"
            let missing = files
            let error = await expectStoreError(.unavailable) { _ = try await missing.open() }
            #expect(error?.cause.contains("none/store.db") == true)
        }
    }
}

/// A disk of a few megabytes: a tmpfs on a test's folder.
enum SmallDisk {
    struct Failed: Error { var text: String }

    static func mount(at folder: String, bytes: Int) throws {
        guard Glibc.mount("kc-small-disk", folder, "tmpfs", 0, "size=\(bytes)") == 0 else {
            throw Failed(text: "mount \(folder): \(String(cString: strerror(errno)))")
        }
    }

    static func unmount(_ folder: String) {
        // Lazily: SQLite's own descriptors may still be closing.
        umount2(folder, CInt(MNT_DETACH))
    }

    /// Writes until there is no space left.
    static func fill(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failed(text: "open \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        guard errno == ENOSPC else { throw Failed(text: "write \(path): \(String(cString: strerror(errno)))") }
    }
}
