import Persistence
import Resources
import Testing

/// What every `Store` promises, as clauses that any implementation is held to. A test target runs them with
/// `@Test(arguments: StoreContract.clauses)`, one fresh subject each.
enum StoreContract {
    /// A store to look at. Other keys and earlier revisions may be there: clauses stay under `prefix` and assume no
    /// revision. Its watches must buffer at most `watchBufferBytes`.
    struct Subject: Sendable {
        var store: any Store
        var prefix: String
        var watchBufferBytes: Int

        func key(_ name: String) -> StoreKey { StoreKey(prefix + name) }
        var root: StoreKey { StoreKey(prefix) }
    }

    struct Clause: Sendable, CustomTestStringConvertible {
        var promise: String
        var body: @Sendable (Subject) async throws -> Void

        init(_ promise: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
            self.promise = promise
            self.body = body
        }

        var testDescription: String { promise }
    }

    static let clauses = transactions + refusals + pages + watches + watchEnds + leases + races
}

/// The bytes of a text, for values.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension Store {
    /// Puts one key, unconditionally.
    @discardableResult
    func put(_ key: StoreKey, _ value: String, lease: LeaseID? = nil) async throws -> Revision {
        try await commit(StoreTransaction(changes: [.put(key, bytes(value), lease: lease)])).committed()
    }

    @discardableResult
    func delete(_ key: StoreKey) async throws -> Revision {
        try await commit(StoreTransaction(changes: [.delete(key)])).committed()
    }

    func value(_ key: StoreKey) async throws -> String? {
        try await get(key).entry.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

extension CommitOutcome {
    struct NotCommitted: Error { var outcome: CommitOutcome }

    func committed() throws -> Revision {
        guard case .committed(let revision) = self else { throw NotCommitted(outcome: self) }
        return revision
    }
}

/// Expects `body` to throw a `StoreError`, and returns it.
@discardableResult
func expectStoreError(
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

struct Timeout: Error, CustomStringConvertible {
    var description: String
}

/// Runs `body`, and throws when it takes longer than `limit`.
func within<T: Sendable>(
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
func take(
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
