package import Persistence
import Resources
import Synchronization

/// Tokens that were looked up lately, by digest, so that a request costs no read of the store.
///
/// Holds answers only while `run` follows the store's changes of tokens, and forgets all of them at the first change: a
/// token that was taken away is refused from the moment its deletion arrives by watch, milliseconds after the commit
/// (with several servers: as fast as their store tells them). Join tokens are never kept: they work once.
package final class KnownTokens: Sendable {
    private struct State {
        var isFollowing = false
        /// Counts what was forgotten, so that an answer read before a change is not kept after it.
        var epoch = 0
        var principals: [String: Principal] = [:]
    }

    /// Beyond this many all are forgotten: only tokens that exist are kept, one a host.
    static let maximumCount = 10_000

    private let state = Mutex(State())
    private let store: any Store

    package init(store: any Store) { self.store = store }

    /// Follows the changes until the task is cancelled. After an error nothing is kept until it follows again.
    package func run() async {
        while !Task.isCancelled {
            do {
                let revision = try await store.currentRevision()
                forget(isFollowing: true)
                for try await _ in store.watch(TokenAuthenticator.prefix, after: revision) { forget(isFollowing: true) }
            } catch {
                // The store's other users report what ails it; here only the answers' age matters.
            }
            forget(isFollowing: false)
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    /// The principal that `digest` is known to be, or what `look` finds in the store.
    func principal(
        _ digest: String, _ look: () async throws(StoreError) -> Principal?
    ) async throws(StoreError) -> Principal? {
        let (known, epoch) = state.withLock { ($0.principals[digest], $0.epoch) }
        if let known { return known }
        guard let found = try await look() else { return nil }
        state.withLock { state in
            guard state.isFollowing, state.epoch == epoch else { return }
            if state.principals.count >= Self.maximumCount { state.principals = [:] }
            state.principals[digest] = found
        }
        return found
    }

    private func forget(isFollowing: Bool) {
        state.withLock { state in
            state.isFollowing = isFollowing
            state.epoch += 1
            state.principals = [:]
        }
    }
}
