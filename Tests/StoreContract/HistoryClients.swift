import Glibc
package import Persistence
import Resources
package import SeededRandomness
import Synchronization

/// Writes down what clients do, from any task; also into a file, for those who are killed.
package final class HistoryRecorder: Sendable {
    private let records = Mutex<[History.Record]>([])
    private let descriptor: Int32?

    /// - Parameter path: a file that each beginning and each answer is added to; nil for memory alone.
    package init(path: String? = nil) {
        descriptor = path.map { open($0, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600) }
    }

    deinit { if let descriptor { close(descriptor) } }

    package var history: History { History(records.withLock { $0 }) }

    func begin(_ action: History.Action) -> Int {
        records.withLock { records in
            records.append(History.Record(action, invoked: Self.now))
            note("begin \(records.count - 1) \(Self.now) \(Self.words(action))")
            return records.count - 1
        }
    }

    func end(_ number: Int, _ answer: History.Answer) {
        records.withLock { records in
            let now = Self.now
            records[number].returned = now
            records[number].answer = answer
            switch answer {
            case .done(let revision, let found): note("done \(number) \(now) \(revision) \(found ?? -1)")
            case .refused: note("refused \(number) \(now)")
            case .unknown: break
            }
        }
    }

    private func note(_ line: String) {
        guard let descriptor else { return }
        let bytes = Array((line + "\n").utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { fatalError("the history cannot be written") }
    }

    private static func words(_ action: History.Action) -> String {
        switch action {
        case .add(let key): "add \(key)"
        case .count(let counter, let number): "count \(counter) \(number)"
        case .read(let counter): "read \(counter)"
        }
    }

    /// CLOCK_MONOTONIC (time.h): one for all processes of a machine.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// What one process has noted, with what it never heard an answer to as unknown.
    package static func read(_ text: String) throws -> [History.Record] {
        var records: [Int: History.Record] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 3, let number = Int(words[1]), let time = UInt64(words[2]) else {
                throw Timeout(description: "not a note: \(line)")
            }
            switch (words[0], words.count) {
            case ("begin", 5) where words[3] == "add":
                records[number] = History.Record(.add(String(words[4])), invoked: time)
            case ("begin", 5): records[number] = History.Record(.read(String(words[4])), invoked: time)
            case ("begin", 6):
                records[number] = History.Record(.count(String(words[4]), to: Int(words[5]) ?? 0), invoked: time)
            case ("done", 5):
                records[number]?.returned = time
                let found = Int(words[4]) ?? -1
                records[number]?.answer = .done(Revision(UInt64(words[3]) ?? 0), number: found < 0 ? nil : found)
            case ("refused", 3):
                records[number]?.returned = time
                records[number]?.answer = .refused
            default: throw Timeout(description: "not a note: \(line)")
            }
        }
        return records.sorted { $0.key < $1.key }.map(\.value)
    }
}

/// A client that adds keys, counts and reads until it is told to stop.
package struct HistoryClient: Sendable {
    private let name: String
    private let store: any Store
    private let prefix: String
    private let recorder: HistoryRecorder

    package init(_ name: String, store: any Store, prefix: String, recorder: HistoryRecorder) {
        self.name = name
        self.store = store
        self.prefix = prefix
        self.recorder = recorder
    }

    package static let counters = 4

    package func run(_ random: SeededGenerator, until isOver: @Sendable () -> Bool) async {
        var random = random
        var number = 0
        while !isOver(), !Task.isCancelled {
            number += 1
            let counter = "counter/\(random.next() % UInt64(Self.counters))"
            switch random.next() % 4 {
            case 0, 1: await add("key/\(name)/\(number)")
            case 2: await count(counter)
            default: _ = await read(counter)
            }
        }
    }

    private func key(_ name: String) -> StoreKey { StoreKey(prefix + name) }

    private func add(_ name: String) async {
        let record = recorder.begin(.add(name))
        await commit(
            record,
            StoreTransaction(conditions: [.absent(key(name))], changes: [.put(key(name), bytes(name))]))
    }

    private func count(_ counter: String) async {
        guard let (number, revision) = await read(counter) else { return }
        let record = recorder.begin(.count(counter, to: number + 1))
        let condition: StoreTransaction.Condition =
            revision == .zero ? .absent(key(counter)) : .modified(key(counter), revision)
        await commit(
            record,
            StoreTransaction(conditions: [condition], changes: [.put(key(counter), bytes("\(number + 1)"))]))
    }

    /// The number, and the revision that wrote it.
    private func read(_ counter: String) async -> (Int, Revision)? {
        let record = recorder.begin(.read(counter))
        do {
            let (entry, revision) = try await store.get(key(counter))
            let number = entry.flatMap { Int(String(decoding: $0.value, as: UTF8.self)) } ?? 0
            recorder.end(record, .done(revision, number: number))
            return (number, entry?.modified ?? .zero)
        } catch {
            recorder.end(record, .unknown)
            return nil
        }
    }

    private func commit(_ record: Int, _ transaction: StoreTransaction) async {
        do {
            switch try await store.commit(transaction) {
            case .committed(let revision): recorder.end(record, .done(revision, number: nil))
            case .failed: recorder.end(record, .refused)
            }
        } catch {
            recorder.end(record, .unknown)
        }
    }
}
