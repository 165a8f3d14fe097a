package import Persistence
package import Resources
package import Testing

/// For tests alone. What every `Store` promises, as clauses that any implementation is held to. A test target runs them with
/// `@Test(arguments: StoreContract.clauses)`, one fresh subject each.
package enum StoreContract {
    /// A store to look at. Other keys and earlier revisions may be there: clauses stay under `prefix` and assume no
    /// revision. Its watches must buffer at most `watchBufferBytes`.
    package struct Subject: Sendable {
        package var store: any Store
        package var prefix: String
        package var watchBufferBytes: Int

        package init(store: any Store, prefix: String, watchBufferBytes: Int) {
            self.store = store
            self.prefix = prefix
            self.watchBufferBytes = watchBufferBytes
        }

        func key(_ name: String) -> StoreKey { StoreKey(prefix + name) }
        var root: StoreKey { StoreKey(prefix) }
    }

    package struct Clause: Sendable, CustomTestStringConvertible {
        package var promise: String
        package var body: @Sendable (Subject) async throws -> Void

        init(_ promise: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
            self.promise = promise
            self.body = body
        }

        package var testDescription: String { promise }
    }

    package static let clauses = transactions + refusals + pages + watches + watchEnds + leases + races
}

/// The bytes of a text, for values.
package func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Store {
    /// Puts one key, unconditionally.
    @discardableResult
    package func put(_ key: StoreKey, _ value: String, lease: LeaseID? = nil) async throws -> Revision {
        try await commit(StoreTransaction(changes: [.put(key, bytes(value), lease: lease)])).committed()
    }

    @discardableResult
    package func delete(_ key: StoreKey) async throws -> Revision {
        try await commit(StoreTransaction(changes: [.delete(key)])).committed()
    }

    package func value(_ key: StoreKey) async throws -> String? {
        try await get(key).entry.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

extension CommitOutcome {
    package struct NotCommitted: Error { package var outcome: CommitOutcome }

    package func committed() throws -> Revision {
        guard case .committed(let revision) = self else { throw NotCommitted(outcome: self) }
        return revision
    }
}

/// Expects `body` to throw a `StoreError`, and returns it.
@discardableResult
package func expectStoreError(
    _ code: StoreError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async -> StoreError? {
    do {
        try await body()
        Issue.record("expected \(code), nothing was thrown", sourceLocation: sourceLocation)
        return nil
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error
    } catch {
        Issue.record("expected \(code), not \(error)", sourceLocation: sourceLocation)
        return nil
    }
}

package struct Timeout: Error, CustomStringConvertible {
    package var description: String
    package init(description: String) { self.description = description }
}

/// Runs `body`, and throws when it takes longer than `limit`.
package func within<T: Sendable>(
    _ limit: Duration = .seconds(60), _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
    try await withThrowingTaskGroup(of: T.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw Timeout(description: "took longer than \(limit)")
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw Timeout(description: "nothing ran") }
        return first
    }
}

/// The next `count` batches of a watch.
package func take(
    _ count: Int, from watch: AsyncThrowingStream<StoreBatch, any Error>
) async throws -> [StoreBatch] {
    try await within {
        var batches: [StoreBatch] = []
        for try await batch in watch {
            batches.append(batch)
            if batches.count == count { break }
        }
        return batches
    }
}
