import Persistence
import Resources
import Testing

extension StoreContract {
    static let races: [Clause] = [
        Clause("of 64 writers that want one absent key, one gets it, every time") { subject in
            for round in 0..<20 {
                let key = subject.key("round/\(round)")
                let outcomes = try await withThrowingTaskGroup(of: (Int, CommitOutcome).self) { group in
                    for writer in 0..<64 {
                        group.addTask {
                            let outcome = try await subject.store.commit(
                                StoreTransaction(conditions: [.absent(key)], changes: [.put(key, bytes("\(writer)"))]))
                            return (writer, outcome)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let winners = outcomes.filter { $0.1 != .failed(.absent(key)) }
                #expect(winners.count == 1)
                let entry = try await subject.store.get(key).entry
                #expect(entry?.value == winners.first.map { bytes("\($0.0)") })
                #expect(try entry?.modified == winners.first?.1.committed())
            }
        },
        Clause("64 writers that count up one key by comparing lose no step") { subject in
            let key = subject.key("counter")
            try await subject.store.put(key, "0")
            try await within(.seconds(120)) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<64 {
                        group.addTask {
                            var done = 0
                            while done < 3 {
                                guard let entry = try await subject.store.get(key).entry,
                                    let count = Int(String(decoding: entry.value, as: UTF8.self))
                                else { throw Timeout(description: "the counter is gone") }
                                let outcome = try await subject.store.commit(
                                    StoreTransaction(
                                        conditions: [.modified(key, entry.modified)],
                                        changes: [.put(key, bytes("\(count + 1)"))]))
                                if case .committed = outcome { done += 1 }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(try await subject.store.value(key) == "192")
        },
        Clause("64 writers of own keys each get a revision of their own") { subject in
            let revisions = try await withThrowingTaskGroup(of: Revision.self) { group in
                for writer in 0..<64 {
                    group.addTask { try await subject.store.put(subject.key("\(writer)"), "\(writer)") }
                }
                return try await group.reduce(into: [Revision]()) { $0.append($1) }
            }
            #expect(Set(revisions).count == 64)
            let entries = try await subject.store.list(subject.root, after: nil, limit: 100).entries
            #expect(Set(entries.map(\.modified)) == Set(revisions))
        },
    ]
}
