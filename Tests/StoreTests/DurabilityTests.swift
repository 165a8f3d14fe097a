import FoundationEssentials
import Glibc
import Persistence
import Resources
import SQLiteStore
import SeededRandomness
import StoreContract
import Testing

@Suite struct DurabilityTests {
    /// Writers in a process of their own note each acknowledged transaction in a file, and the process kills itself at a
    /// random moment. Each transaction puts a pair of keys with the same value: a torn one would show.
    @Test func `what was acknowledged survives kill -9 at any moment, and nothing is torn`() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let rounds = ProcessInfo.processInfo.environment["KC_LONG"] == "1" ? 100 : 6
        try await TemporaryStore.with { files in
            let notes = files.folder + "/acknowledged"
            var total = 0
            for round in 0..<rounds {
                let path = files.path
                let microseconds = UInt32(random.next() % 400_000)
                await #expect(processExitsWith: .signal(SIGKILL)) {
                    [
                        path = path as String, notes = notes as String, round = round as Int,
                        microseconds = microseconds as UInt32
                    ] in
                    try await Victim.run(path: path, notes: notes, round: round, dyingAfter: microseconds)
                }
                let acknowledged = try Victim.readNotes(notes)
                let store = try await files.open()
                let entries = try await everything(in: store)
                let found = Dictionary(uniqueKeysWithValues: entries.map { ($0.key.text, $0) })
                for note in acknowledged {
                    let (left, right) = (found["\(note.name)/left"], found["\(note.name)/right"])
                    #expect(left?.modified == note.revision && right?.modified == note.revision, "\(note) is lost")
                    #expect(left?.value == right?.value)
                }
                // Also what was not acknowledged is there whole or not at all, and the feed agrees with the entries.
                #expect(entries.count % 2 == 0)
                let revision = try await store.currentRevision()
                #expect(entries.count == 2 * Int(revision.value))
                if revision > .zero {
                    // Long runs write more than the feed keeps.
                    let oldest = try await oldestWatchable(in: store)
                    let count = Int(revision.value - oldest.value)
                    let feed = try await take(count, from: store.watch(StoreKey(""), after: oldest))
                    #expect(feed.map(\.revision.value) == Array((oldest.value + 1)...revision.value))
                    #expect(feed.allSatisfy { $0.events.count == 2 })
                }
                total = acknowledged.count
                await store.close()
            }
            print("\(total) acknowledged in \(rounds) rounds")
            #expect(total > rounds)
        }
    }

    /// The revision after which the feed is whole: 0 as long as nothing was forgotten. The store has one revision at least.
    private func oldestWatchable(in store: SQLiteStore) async throws -> Revision {
        do {
            _ = try await take(1, from: store.watch(StoreKey(""), after: .zero))
            return .zero
        } catch let error as StoreError {
            guard case .compacted(let oldest) = error.code else { throw error }
            return oldest
        }
    }

    /// Page after page: long runs write more than one holds.
    private func everything(in store: SQLiteStore) async throws -> [StoreEntry] {
        var entries: [StoreEntry] = []
        while true {
            let page = try await store.list(StoreKey(""), after: entries.last?.key, limit: 100_000)
            entries += page.entries
            if !page.hasMore { return entries }
        }
    }
}

/// The process that dies.
enum Victim {
    struct Note: Sendable {
        var name: String
        var revision: Revision
    }

    static func run(path: String, notes: String, round: Int, dyingAfter microseconds: UInt32) async throws {
        let store = try await SQLiteStore.open(at: path, logger: quiet)
        let descriptor = open(notes, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { exit(1) }
        let time = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
        time.initialize(to: microseconds)
        var thread = pthread_t()
        // A thread of its own: the moment of death must not depend on the writers.
        let started = pthread_create(
            &thread, nil,
            { argument in
                if let time = argument?.assumingMemoryBound(to: UInt32.self) { usleep(time.pointee) }
                kill(getpid(), SIGKILL)
                return nil
            }, time)
        guard started == 0 else { exit(1) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<16 {
                group.addTask {
                    for index in 0..<1_000_000 {
                        let name = "r\(round)/w\(writer)/\(index)"
                        let value = bytes(name + String(repeating: "x", count: index % 700))
                        let revision = try await store.commit(
                            StoreTransaction(
                                conditions: [.absent(StoreKey(name + "/left"))],
                                changes: [
                                    .put(StoreKey(name + "/left"), value), .put(StoreKey(name + "/right"), value),
                                ],
                                durability: index % 3 == 0 ? .relaxed : .durable)
                        ).committed()
                        let line = Array("\(name) \(revision)\n".utf8)
                        guard write(descriptor, line, line.count) == line.count else { exit(1) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    static func readNotes(_ path: String) throws -> [Note] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let text = String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        return try text.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let revision = UInt64(words[1]) else {
                throw Timeout(description: "not a note: \(line)")
            }
            return Note(name: String(words[0]), revision: Revision(revision))
        }
    }
}
