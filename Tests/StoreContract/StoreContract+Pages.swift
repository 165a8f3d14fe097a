import Persistence
import Resources
import Testing

extension StoreContract {
    static let pages: [Clause] = [
        Clause("a list is in the order of bytes and holds the prefix alone") { subject in
            let names = ["b", "a/2", "a/10", "a/1", "a", "a0", "ä", "A", "a/\u{7F}", "a/é"]
            for name in names { try await subject.store.put(subject.key(name), name) }
            let all = try await subject.store.list(subject.root, after: nil, limit: 100).entries
            #expect(all.map(\.key) == names.map(subject.key).sorted())
            let inner = try await subject.store.list(subject.key("a/"), after: nil, limit: 100).entries
            #expect(inner.map(\.key) == ["a/1", "a/10", "a/2", "a/\u{7F}", "a/é"].map(subject.key))
        },
        Clause("pages join to the whole, whatever their size") { subject in
            let names = (0..<57).map { "item/\($0)" }
            for name in names { try await subject.store.put(subject.key(name), name) }
            let expected = names.map(subject.key).sorted()
            for limit in [1, 7, 56, 57, 58] {
                var found: [StoreKey] = []
                var after: StoreKey?
                while true {
                    let page = try await subject.store.list(subject.root, after: after, limit: limit)
                    #expect(page.entries.count <= limit)
                    found += page.entries.map(\.key)
                    guard page.hasMore else { break }
                    #expect(page.entries.count == limit)
                    after = page.entries.last?.key
                }
                #expect(found == expected)
            }
        },
        Clause("a page shows one state: both halves of each transaction or none") { subject in
            let (left, right) = (subject.key("left"), subject.key("right"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for index in 0..<200 {
                        _ = try await subject.store.commit(
                            StoreTransaction(
                                changes: [.put(left, bytes("\(index)")), .put(right, bytes("\(index)"))],
                                durability: .relaxed)
                        ).committed()
                    }
                }
                group.addTask {
                    for _ in 0..<200 {
                        let page = try await subject.store.list(subject.root, after: nil, limit: 10)
                        #expect(Set(page.entries.map(\.value)).count <= 1)
                        #expect(page.entries.allSatisfy { $0.modified <= page.revision })
                    }
                }
                try await group.waitForAll()
            }
        },
    ]
}
