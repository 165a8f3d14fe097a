import Persistence
import Resources
import SeededRandomness
import Testing
import Waiting

extension StoreContract {
    static let watches: [Clause] = [
        Clause("a watch gives every change after its revision, one batch a transaction, past and coming") { subject in
            let (a, b, other) = (subject.key("in/a"), subject.key("in/b"), subject.key("out/c"))
            let start = try await subject.store.currentRevision()
            let first = try await subject.store.put(a, "1")
            try await subject.store.put(other, "not seen")
            let second = try await subject.store.commit(
                StoreTransaction(changes: [.put(b, bytes("2")), .put(other, bytes("no")), .delete(a)])
            ).committed()
            let watch = subject.store.watch(subject.key("in/"), after: start)
            let batches = try await within {
                var batches: [StoreBatch] = []
                for try await batch in watch {
                    batches.append(batch)
                    if batches.count == 2 { _ = try await subject.store.put(a, "3") }
                    if batches.count == 3 { break }
                }
                return batches
            }
            let third = try await subject.store.get(a).entry?.modified ?? .zero
            #expect(
                batches == [
                    StoreBatch(
                        revision: first,
                        events: [.put(StoreEntry(key: a, value: bytes("1"), created: first, modified: first))]),
                    StoreBatch(
                        revision: second,
                        events: [
                            .put(StoreEntry(key: b, value: bytes("2"), created: second, modified: second)), .delete(a),
                        ]),
                    StoreBatch(
                        revision: third,
                        events: [.put(StoreEntry(key: a, value: bytes("3"), created: third, modified: third))]),
                ])
        },
        Clause("a watch from the revision of a list continues it without a gap") { subject in
            for index in 0..<10 { try await subject.store.put(subject.key("\(index)"), "old") }
            let page = try await subject.store.list(subject.root, after: nil, limit: 100)
            let next = try await subject.store.put(subject.key("x"), "new")
            let batches = try await take(1, from: subject.store.watch(subject.root, after: page.revision))
            #expect(batches.map(\.revision) == [next])
        },
        Clause("watches that start anywhere among concurrent writers see each revision once and in order") { subject in
            let seed = UInt64.random(in: 0 ... .max)
            print("seed \(seed)")
            var random = SeededGenerator(seed: seed)
            let writers = 8
            let writes = 60
            let plans = (0..<writers).map { writer in
                (0..<writes).map { index in
                    (
                        key: subject.key("k\(random.next() % 12)"), value: "\(writer)/\(index)",
                        isDelete: random.next() % 6 == 0
                    )
                }
            }
            let pauses = (0..<6).map { _ in Int(random.next() % 300) }
            let start = try await subject.store.currentRevision()
            let done = subject.key("zz-done")
            try await within(.seconds(120)) {
                try await withThrowingTaskGroup(of: [StoreBatch].self) { group in
                    for pause in [0] + pauses {
                        group.addTask {
                            // Starts late: part of it is replayed, part comes live.
                            try await eventually("\(pause) writes") {
                                try await subject.store.currentRevision().value >= start.value + UInt64(pause)
                            }
                            var batches: [StoreBatch] = []
                            for try await batch in subject.store.watch(subject.root, after: start) {
                                batches.append(batch)
                                if batch.events.contains(where: { $0.touches(done) }) { break }
                            }
                            return batches
                        }
                    }
                    try await withThrowingTaskGroup(of: Void.self) { inner in
                        for plan in plans {
                            inner.addTask {
                                for write in plan {
                                    let change: StoreTransaction.Change =
                                        write.isDelete ? .delete(write.key) : .put(write.key, bytes(write.value))
                                    _ = try await subject.store.commit(StoreTransaction(changes: [change])).committed()
                                }
                            }
                        }
                        try await inner.waitForAll()
                    }
                    let last = try await subject.store.put(done, "done")
                    var first: [StoreBatch]?
                    for try await batches in group {
                        // Nobody else writes here, and each revision touches the prefix: none may be missing.
                        #expect(batches.map(\.revision.value) == Array((start.value + 1)...last.value))
                        #expect(first == nil || first == batches)
                        first = batches
                    }
                    var state: [StoreKey: StoreEntry] = [:]
                    for event in (first ?? []).flatMap(\.events) {
                        switch event {
                        case .put(let entry): state[entry.key] = entry
                        case .delete(let key): #expect(state.removeValue(forKey: key) != nil)
                        }
                    }
                    let page = try await subject.store.list(subject.root, after: nil, limit: 1000)
                    #expect(page.entries == state.values.sorted { $0.key < $1.key })
                }
            }
        },
    ]
}

extension StoreBatch.Event {
    func touches(_ key: StoreKey) -> Bool {
        switch self {
        case .put(let entry): entry.key == key
        case .delete(let deleted): deleted == key
        }
    }
}
