import FoundationEssentials
import Glibc
import Persistence
import Resources
import SQLiteStore
import SeededRandomness
import StoreContract
import Testing

/// What clients were told while the process that serves them is killed; and that the checker sees what is wrong.
@Suite struct HistoryTests {
    @Test func `a history over kill -9 of the embedded store's process has nothing that cannot be true`() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let rounds = ProcessInfo.processInfo.environment["KC_LONG"] == "1" ? 100 : 5
        try await TemporaryStore.with { files in
            var records: [History.Record] = []
            for round in 0..<rounds {
                let (path, notes) = (files.path, files.folder + "/history-\(round)")
                let (life, seed) = (100 + random.next() % 500, random.next())
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        path = path as String, notes = notes as String, round = round as Int, life = life as UInt64,
                        seed = seed as UInt64
                    ] in
                    let store = try await SQLiteStore.open(at: path, logger: quiet)
                    let recorder = HistoryRecorder(path: notes)
                    await withTaskGroup(of: Void.self) { group in
                        for client in 0..<8 {
                            group.addTask {
                                await HistoryClient(
                                    "r\(round)c\(client)", store: store, prefix: "h/", recorder: recorder
                                )
                                .run(SeededGenerator(seed: seed &+ UInt64(client))) { false }
                            }
                        }
                        group.addTask {
                            do { try await Task.sleep(for: .milliseconds(life)) } catch {}
                            kill(getpid(), SIGKILL)
                        }
                        await group.waitForAll()
                    }
                }
                let text = String(decoding: try Data(contentsOf: URL(filePath: notes)), as: UTF8.self)
                records += try HistoryRecorder.read(text)
            }
            let store = try await files.open()
            let violations = History(records).violations(end: try await store.everything("h/"))
            #expect(violations.isEmpty, "seed \(seed): \(violations.prefix(5))")
            print("\(records.count) operations in \(rounds) lives")
            #expect(records.count > rounds * 10)
            await store.close()
        }
    }

    @Test func `each kind of untruth is found`() {
        func entry(_ value: String, _ revision: UInt64) -> StoreEntry {
            StoreEntry(
                key: StoreKey("k"), value: bytes(value), created: Revision(revision), modified: Revision(revision))
        }
        let add = History.Record(.add("a"), invoked: 1, returned: 2, answer: .done(Revision(5), number: nil))
        let one = History.Record(.count("c", to: 1), invoked: 3, returned: 4, answer: .done(Revision(6), number: nil))
        let two = History.Record(.count("c", to: 2), invoked: 5, returned: 6, answer: .done(Revision(7), number: nil))
        let end = ["a": entry("a", 5), "c": entry("2", 7)]
        #expect(History([add, one, two]).violations(end: end, watchers: [end]).isEmpty)
        #expect(History([add]).violations(end: [:]).count == 1)
        #expect(History([add]).violations(end: ["a": entry("a", 6)]).count == 1)
        var refused = add
        refused.answer = .refused
        #expect(History([refused]).violations(end: end).count == 1)
        var again = two
        again.action = .count("c", to: 1)
        #expect(History([one, again]).violations(end: ["c": entry("1", 7)]).contains { $0.contains("lost") })
        #expect(History([one, two]).violations(end: ["c": entry("1", 6)]).count == 1)
        #expect(History([one]).violations(end: ["c": entry("2", 6)]).count == 1)
        var early = two
        early.answer = .done(Revision(3), number: nil)
        #expect(History([add, early]).violations(end: ["a": entry("a", 5), "c": entry("2", 3)]).count >= 1)
        let stale = History.Record(.read("c"), invoked: 7, returned: 8, answer: .done(Revision(9), number: 1))
        #expect(History([one, two, stale]).violations(end: ["c": entry("2", 7)]).count == 1)
        #expect(History([add, one, two]).violations(end: end, watchers: [["a": entry("a", 5)]]).count == 1)
    }
}
