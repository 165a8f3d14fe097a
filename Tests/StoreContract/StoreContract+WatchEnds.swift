import Persistence
import Resources
import Testing

extension StoreContract {
    static let watchEnds: [Clause] = [
        Clause("a watch from before a compaction fails and names where one can begin; entries stay") { subject in
            let first = try await subject.store.put(subject.key("a"), "1")
            let second = try await subject.store.put(subject.key("b"), "2")
            let third = try await subject.store.put(subject.key("c"), "3")
            try await subject.store.compact(through: second)
            let error = await expectStoreError(.compacted(oldest: second)) {
                _ = try await take(1, from: subject.store.watch(subject.root, after: first))
            }
            #expect(error != nil)
            let batches = try await take(1, from: subject.store.watch(subject.root, after: second))
            #expect(batches.map(\.revision) == [third])
            #expect(try await subject.store.list(subject.root, after: nil, limit: 10).entries.count == 3)
        },
        Clause("a watch that is under way outlives a compaction") { subject in
            let start = try await subject.store.put(subject.key("a"), "1")
            try await within {
                var iterator = subject.store.watch(subject.root, after: Revision(start.value - 1)).makeAsyncIterator()
                #expect(try await iterator.next()?.revision == start)
                let next = try await subject.store.put(subject.key("a"), "2")
                #expect(try await iterator.next()?.revision == next)
                try await subject.store.compact(through: next)
                let last = try await subject.store.put(subject.key("a"), "3")
                #expect(try await iterator.next()?.revision == last)
            }
        },
        Clause("compacting the future is refused, compacting again is nothing") { subject in
            let revision = try await subject.store.put(subject.key("a"), "1")
            await expectStoreError(.invalid) { try await subject.store.compact(through: Revision(revision.value + 10)) }
            try await subject.store.compact(through: revision)
            try await subject.store.compact(through: Revision(revision.value - 1))
            let next = try await subject.store.put(subject.key("a"), "2")
            let batches = try await take(1, from: subject.store.watch(subject.root, after: revision))
            #expect(batches.map(\.revision) == [next])
        },
        Clause("a watch from a revision that never was fails as compacted") { subject in
            let revision = try await subject.store.put(subject.key("a"), "1")
            do {
                _ = try await take(1, from: subject.store.watch(subject.root, after: Revision(revision.value + 1000)))
                Issue.record("a watch from the future gave something")
            } catch let error as StoreError {
                guard case .compacted(let oldest) = error.code else {
                    Issue.record("not compacted: \(error)")
                    return
                }
                #expect(oldest <= revision)
            }
        },
        Clause("a consumer that falls behind is cut off, and nobody else with it") { subject in
            let start = try await subject.store.put(subject.key("a"), "1")
            let value = String(repeating: "v", count: 10_000)
            let writes = subject.watchBufferBytes / 10_000 + 20
            try await within {
                var slow = subject.store.watch(subject.root, after: Revision(start.value - 1)).makeAsyncIterator()
                #expect(try await slow.next()?.revision == start)
                // Once it waits for what comes, it is no longer the log that serves it.
                let live = try await subject.store.put(subject.key("a"), "2")
                #expect(try await slow.next()?.revision == live)
                for index in 0..<writes { try await subject.store.put(subject.key("k\(index % 7)"), value) }
                let fast = subject.store.watch(subject.root, after: live)
                #expect(try await take(writes, from: fast).count == writes)
                var expected = live.value + 1
                do {
                    while let batch = try await slow.next() {
                        #expect(batch.revision.value == expected)
                        expected += 1
                    }
                    Issue.record("the slow watch ended without an error")
                } catch let error as StoreError {
                    #expect(error.code == .slowConsumer, "\(error)")
                    #expect(expected <= live.value + UInt64(writes))
                }
            }
        },
        Clause("a cancelled consumer ends without an error") { subject in
            let start = try await subject.store.put(subject.key("a"), "1")
            try await within {
                let consumer = Task {
                    var count = 0
                    for try await _ in subject.store.watch(subject.root, after: Revision(start.value - 1)) {
                        count += 1
                    }
                    return count
                }
                try await subject.store.put(subject.key("b"), "2")
                consumer.cancel()
                #expect(try await consumer.value <= 2)
            }
        },
    ]
}
