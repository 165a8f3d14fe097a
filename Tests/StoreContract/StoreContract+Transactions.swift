import Persistence
import Resources
import Testing

extension StoreContract {
    static let transactions: [Clause] = [
        Clause("a put is read back byte for byte, with its revisions") { subject in
            let store = subject.store
            let value: [UInt8] = [0, 255, 10, 0, 34]
            let before = try await store.currentRevision()
            let first = try await store.commit(StoreTransaction(changes: [.put(subject.key("a"), value)])).committed()
            #expect(first > before)
            let (entry, revision) = try await store.get(subject.key("a"))
            #expect(entry == StoreEntry(key: subject.key("a"), value: value, created: first, modified: first))
            #expect(revision >= first)
            let second = try await store.put(subject.key("a"), "next")
            let again = try await store.get(subject.key("a")).entry
            #expect(again?.created == first)
            #expect(again?.modified == second)
            #expect(second > first)
        },
        Clause("an empty value is a value") { subject in
            try await subject.store.put(subject.key("empty"), "")
            #expect(try await subject.store.get(subject.key("empty")).entry?.value == [])
            let watch = subject.store.watch(subject.root, after: Revision(try await subject.revision() - 1))
            guard case .put(let entry)? = try await take(1, from: watch).first?.events.first else {
                Issue.record("an empty value came as a deletion")
                return
            }
            #expect(entry.value == [])
        },
        Clause("a deleted key is gone, and made anew it has a new beginning") { subject in
            let first = try await subject.store.put(subject.key("a"), "1")
            try await subject.store.delete(subject.key("a"))
            #expect(try await subject.store.get(subject.key("a")).entry == nil)
            let second = try await subject.store.put(subject.key("a"), "2")
            #expect(try await subject.store.get(subject.key("a")).entry?.created == second)
            #expect(second > first)
        },
        Clause("deleting what is not there takes no revision") { subject in
            let before = try await subject.store.put(subject.key("a"), "1")
            let outcome = try await subject.store.commit(
                StoreTransaction(changes: [.delete(subject.key("none"))]))
            #expect(outcome == .committed(before))
            #expect(try await subject.store.currentRevision() == before)
        },
        Clause("all changes of a transaction have one revision") { subject in
            let (a, b, c) = (subject.key("a"), subject.key("b"), subject.key("c"))
            try await subject.store.put(a, "old")
            let revision = try await subject.store.commit(
                StoreTransaction(changes: [.delete(a), .put(b, bytes("1")), .put(c, bytes("2"))])
            ).committed()
            let page = try await subject.store.list(subject.root, after: nil, limit: 10)
            #expect(page.entries.map(\.key) == [b, c])
            #expect(page.entries.allSatisfy { $0.modified == revision })
        },
        Clause("a condition that does not hold is named, and nothing is written") { subject in
            let (a, b) = (subject.key("a"), subject.key("b"))
            let first = try await subject.store.put(a, "1")
            let cases: [(StoreTransaction.Condition, Bool)] = [
                (.absent(a), false), (.absent(b), true), (.exists(a), true), (.exists(b), false),
                (.modified(a, first), true), (.modified(a, Revision(first.value + 1)), false),
                (.modified(b, first), false),
            ]
            for (index, (condition, holds)) in cases.enumerated() {
                let probe = subject.key("probe-\(index)")
                let outcome = try await subject.store.commit(
                    StoreTransaction(conditions: [condition], changes: [.put(probe, [1])]))
                if holds {
                    #expect(throws: Never.self) { try outcome.committed() }
                } else {
                    #expect(outcome == .failed(condition))
                }
                #expect(try await (subject.store.get(probe).entry != nil) == holds)
            }
        },
        Clause("the first of several conditions that fail is the one named") { subject in
            let (a, b) = (subject.key("a"), subject.key("b"))
            try await subject.store.put(a, "1")
            let outcome = try await subject.store.commit(
                StoreTransaction(
                    conditions: [.exists(a), .exists(b), .absent(a)], changes: [.put(subject.key("c"), [1])]))
            #expect(outcome == .failed(.exists(b)))
        },
        Clause("of many new keys one that is there already is named, and none is written") { subject in
            let keys = (0..<100).map { subject.key("many/\($0)") }
            let missing = subject.key("missing")
            let before = try await subject.store.put(keys[60], "mine")
            func attempt(_ more: [StoreTransaction.Condition]) async throws -> CommitOutcome {
                try await subject.store.commit(
                    StoreTransaction(
                        conditions: keys.map { .absent($0) } + more,
                        changes: keys.enumerated().map { index, key in
                            index % 2 == 0 ? .put(key, bytes("\(index)")) : .record(key, bytes("\(index)"))
                        }))
            }
            #expect(try await attempt([]) == .failed(.absent(keys[60])))
            // In the order of the conditions, whichever is found out first.
            #expect(try await attempt([.exists(missing)]) == .failed(.absent(keys[60])))
            let page = try await subject.store.list(subject.root, after: nil, limit: 200)
            #expect(page.entries.map(\.key) == [keys[60]])
            #expect(page.entries.first?.modified == before)
            _ = try await subject.store.commit(StoreTransaction(changes: [.delete(keys[60])])).committed()
            #expect(try await attempt([.exists(missing)]) == .failed(.exists(missing)))
            let revision = try await attempt([]).committed()
            let entries = try await subject.store.list(subject.root, after: nil, limit: 200).entries
            #expect(entries.count == 100)
            #expect(entries.allSatisfy { $0.created == revision && $0.modified == revision })
        },
        Clause("keys that Unicode takes for equal are two keys") { subject in
            let composed = subject.key("caf\u{E9}")
            let decomposed = subject.key("cafe\u{301}")
            try await subject.store.put(composed, "composed")
            try await subject.store.put(decomposed, "decomposed")
            #expect(try await subject.store.value(composed) == "composed")
            #expect(try await subject.store.value(decomposed) == "decomposed")
        },
        Clause("relaxed transactions are seen by every reader at once") { subject in
            for index in 0..<20 {
                let revision = try await subject.store.commit(
                    StoreTransaction(changes: [.put(subject.key("r"), bytes("\(index)"))], durability: .relaxed)
                ).committed()
                #expect(try await subject.store.value(subject.key("r")) == "\(index)")
                #expect(try await subject.store.currentRevision() >= revision)
            }
        },
    ]

    /// Each limit is told, and a refused transaction leaves no trace.
    static let refusals: [Clause] = [
        Clause("what is beyond a limit is refused with the limit's name") { subject in
            let key = subject.key("a")
            let longKey = StoreKey(String(repeating: "k", count: StoreKey.maximumLength + 1))
            let many = (0...StoreLimits.changes).map { subject.key("many/\($0)") }
            let big = [UInt8](repeating: 7, count: StoreLimits.valueBytes)
            let cases: [(StoreTransaction, String)] = [
                (StoreTransaction(changes: [.put(longKey, [1])]), "512"),
                (StoreTransaction(changes: [.put(StoreKey(""), [1])]), "1 to 512"),
                (StoreTransaction(conditions: [.absent(longKey)], changes: [.put(key, [1])]), "512"),
                (StoreTransaction(changes: [.put(key, big + [1])]), "1048576"),
                (StoreTransaction(changes: many.map { .put($0, [1]) }), "16384 changes"),
                (
                    StoreTransaction(conditions: many.map { .absent($0) }, changes: [.put(key, [1])]),
                    "16384 conditions"
                ),
                (StoreTransaction(changes: [.put(key, [1]), .delete(key)]), "twice"),
                (StoreTransaction(changes: many.prefix(33).map { .put($0, big) }), "33554432"),
            ]
            let before = try await subject.revision()
            for (transaction, word) in cases {
                let error = await expectStoreError(.invalid) { _ = try await subject.store.commit(transaction) }
                #expect(error?.cause.contains(word) == true, "\(String(describing: error))")
            }
            #expect(try await subject.revision() == before)
            #expect(try await subject.store.list(subject.root, after: nil, limit: 10).entries.isEmpty)
        },
        Clause("a record is stored like a put, and counts as a write, but need not be news") { subject in
            let (key, record) = (subject.key("a"), subject.key("record"))
            let start = try await subject.store.currentRevision()
            let first = try await subject.store.commit(
                StoreTransaction(conditions: [.absent(record)], changes: [.record(record, [1]), .put(key, [1])])
            ).committed()
            let second = try await subject.store.commit(StoreTransaction(changes: [.record(record, [2])])).committed()
            #expect(second > first)
            #expect(try await subject.store.get(record).entry?.value == [2])
            #expect(
                try await subject.store.commit(
                    StoreTransaction(conditions: [.modified(record, first)], changes: [.put(key, [2])]))
                    == .failed(.modified(record, first)))
            try await subject.store.put(key, "3")
            let watch = subject.store.watch(subject.root, after: start)
            var puts: [StoreKey] = []
            for try await batch in watch {
                for case .put(let entry) in batch.events where entry.key != record { puts.append(entry.key) }
                if puts.count == 2 { break }
            }
            #expect(puts == [key, key])
        },
        Clause("the largest key, value and transaction are taken") { subject in
            let padding = String(repeating: "k", count: StoreKey.maximumLength - subject.prefix.utf8.count)
            let big = [UInt8](repeating: 7, count: StoreLimits.valueBytes)
            try await subject.store.put(subject.key(padding), "1")
            _ = try await subject.store.commit(StoreTransaction(changes: [.put(subject.key("big"), big)])).committed()
            #expect(try await subject.store.get(subject.key("big")).entry?.value == big)
            let changes = (0..<StoreLimits.changes).map {
                StoreTransaction.Change.put(subject.key("many/\($0)"), [1])
            }
            _ = try await subject.store.commit(StoreTransaction(changes: changes)).committed()
            let page = try await subject.store.list(subject.key("many/"), after: nil, limit: 100_000)
            #expect(page.entries.count == StoreLimits.changes)
        },
        Clause("a page limit or a lease time out of range is refused") { subject in
            for limit in [0, -1, 100_001] {
                await expectStoreError(.invalid) {
                    _ = try await subject.store.list(subject.root, after: nil, limit: limit)
                }
            }
            for ttl in [Duration.zero, .seconds(-1), .seconds(86_401)] {
                await expectStoreError(.invalid) { _ = try await subject.store.grantLease(ttl: ttl) }
            }
        },
    ]
}

extension StoreContract.Subject {
    func revision() async throws -> UInt64 { try await store.currentRevision().value }
}
