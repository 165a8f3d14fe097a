import FoundationEssentials
import GRDB
import Persistence
import Resources
import SQLiteStore
import StoreContract
import Testing

@Suite struct ValueSumTests {
    /// Changes something in the file behind the store's back, in a way that leaves SQLite's own structure whole.
    private func tamper(_ path: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.write { db in
            try db.execute(sql: sql)
            #expect(db.changesCount == 1, "\(sql)")
        }
        try queue.close()
    }

    @Test(arguments: [
        "UPDATE entry SET value = CAST('one thousand and twp' AS BLOB) WHERE key = CAST('b' AS BLOB)",
        "UPDATE entry SET modified = modified - 1 WHERE key = CAST('b' AS BLOB)",
        "UPDATE entry SET sum = NULL WHERE key = CAST('b' AS BLOB)",
        "UPDATE entry SET key = CAST('bb' AS BLOB) WHERE key = CAST('b' AS BLOB)",
    ])
    func `a value that is not the one that was written is never given out, and the error names its key`(sql: String)
        async throws
    {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            for (key, value) in [("a", "1"), ("b", "one thousand and two"), ("c", "")] {
                try await store.put(StoreKey(key), value)
            }
            await store.close()
            try tamper(files.path, sql)
            let again = try await files.open()
            let key = sql.contains("'bb'") ? "bb" : "b"
            for read in [
                { _ = try await again.get(StoreKey(key)) },
                { _ = try await again.list(StoreKey(""), after: nil, limit: 10) },
                { _ = try await again.backup(to: files.folder + "/copy.db") },
            ] as [() async throws -> Void] {
                let error = await expectStoreError(.corrupt) { try await read() }
                #expect(error?.cause.contains("'\(key)'") == true, "\(String(describing: error))")
                #expect(error?.cause.contains("kcd restore") == true)
            }
            #expect(try await again.value(StoreKey("a")) == "1")
            #expect(try await again.value(StoreKey("c")) == "")
            await again.close()
        }
    }

    @Test func `a flipped bit in the feed ends the watch that meets it`() async throws {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            try await store.put(StoreKey("a"), "abc")
            try await store.put(StoreKey("b"), "abc")
            await store.close()
            try tamper(files.path, "UPDATE change SET value = CAST('abb' AS BLOB) WHERE key = CAST('b' AS BLOB)")
            let again = try await files.open()
            let error = await expectStoreError(.corrupt) {
                _ = try await take(2, from: again.watch(StoreKey(""), after: .zero))
            }
            #expect(error?.cause.contains("'b'") == true)
            #expect(try await again.value(StoreKey("b")) == "abc")
            await again.close()
        }
    }

    @Test func `a file without checksums gets them when it is opened, and so does a backup when it is restored`()
        async throws
    {
        try await TemporaryStore.with { files in
            let store = try await files.open()
            for index in 0..<50 { try await store.put(StoreKey("k\(index)"), "value \(index)") }
            let before = try await store.list(StoreKey(""), after: nil, limit: 100)
            await store.close()
            // As the first version of the schema was.
            let queue = try DatabaseQueue(path: files.path)
            try await queue.writeWithoutTransaction { db in
                try db.execute(
                    sql: """
                        PRAGMA journal_mode = DELETE;
                        ALTER TABLE entry DROP COLUMN sum;
                        ALTER TABLE change DROP COLUMN sum;
                        PRAGMA user_version = 1;
                        """)
            }
            try queue.close()
            try FileManager.default.copyItem(atPath: files.path, toPath: files.folder + "/old.db")
            let again = try await files.open()
            #expect(try await again.list(StoreKey(""), after: nil, limit: 100).entries == before.entries)
            #expect(try await take(50, from: again.watch(StoreKey(""), after: .zero)).count == 50)
            await again.close()
            _ = try await SQLiteStore.restore(from: files.folder + "/old.db", to: files.path)
            let restored = try await files.open()
            #expect(try await restored.list(StoreKey(""), after: nil, limit: 100).entries == before.entries)
            await restored.close()
        }
    }
}
