import Persistence
import Resources
import Testing
import Waiting

extension StoreContract {
    static let leases: [Clause] = [
        Clause("a lease that is not renewed ends, and its keys go in one transaction") { subject in
            let lease = try await subject.store.grantLease(ttl: .seconds(1))
            let keys = (0..<5).map { subject.key("leased/\($0)") }
            let start = try await subject.store.commit(
                StoreTransaction(changes: keys.map { .put($0, [1], lease: lease) })
            ).committed()
            #expect(try await subject.store.get(keys[0]).entry?.lease == lease)
            try await subject.store.put(subject.key("kept"), "1")
            let batches = try await take(2, from: subject.store.watch(subject.root, after: start))
            // On a busy machine the lease may have ended before the other key was put.
            #expect(batches.contains { Set($0.events) == Set(keys.map { .delete($0) }) }, "\(batches)")
            #expect(
                try await subject.store.list(subject.root, after: nil, limit: 10).entries.map(\.key) == [
                    subject.key("kept")
                ])
            await expectStoreError(.leaseNotFound) { try await subject.store.renewLease(lease) }
            await expectStoreError(.leaseNotFound) { try await subject.store.revokeLease(lease) }
        },
        Clause("renewing keeps the keys and writes nothing") { subject in
            let lease = try await subject.store.grantLease(ttl: .seconds(2))
            let key = subject.key("alive")
            let revision = try await subject.store.put(key, "1", lease: lease)
            let end = ContinuousClock.now + .seconds(4)
            try await eventually("twice its time has gone by") {
                try await subject.store.renewLease(lease)
                return ContinuousClock.now >= end
            }
            #expect(try await subject.store.get(key).entry?.modified == revision)
            #expect(try await subject.store.currentRevision() == revision)
            try await subject.store.revokeLease(lease)
        },
        Clause("revoking deletes the keys before it returns") { subject in
            let lease = try await subject.store.grantLease(ttl: .seconds(60))
            try await subject.store.put(subject.key("a"), "1", lease: lease)
            try await subject.store.revokeLease(lease)
            #expect(try await subject.store.get(subject.key("a")).entry == nil)
        },
        Clause("a put without the lease frees the key from it") { subject in
            let lease = try await subject.store.grantLease(ttl: .seconds(60))
            try await subject.store.put(subject.key("a"), "1", lease: lease)
            try await subject.store.put(subject.key("a"), "2")
            try await subject.store.revokeLease(lease)
            #expect(try await subject.store.value(subject.key("a")) == "2")
        },
        Clause("a put with a lease that is not there is refused whole") { subject in
            let lease = try await subject.store.grantLease(ttl: .seconds(60))
            try await subject.store.revokeLease(lease)
            let before = try await subject.revision()
            await expectStoreError(.leaseNotFound) {
                _ = try await subject.store.commit(
                    StoreTransaction(
                        changes: [.put(subject.key("a"), [1]), .put(subject.key("b"), [1], lease: lease)]))
            }
            #expect(try await subject.revision() == before)
            #expect(try await subject.store.get(subject.key("a")).entry == nil)
        },
    ]
}
