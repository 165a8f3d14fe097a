import Logging
package import Persistence
import Resources
import Synchronization

/// Follows what clients write, as a server's memory does.
package final class HistoryWatcher: Sendable {
    private struct State {
        var entries: [StoreKey: StoreEntry] = [:]
        var reached = Revision.zero
        var faults: [String] = []
    }

    private let follower: StoreFollower
    private let prefix: String
    private let state = Mutex(State())

    package init(_ store: any Store, prefix: String) {
        self.prefix = prefix
        follower = StoreFollower(
            store: store, prefix: StoreKey(prefix), logger: Logger(label: "watcher") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Ends by cancellation.
    package func run() async {
        await follower.run(
            takeList: { entries, _, last in
                state.withLock { state in
                    state.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.key, $0) })
                    if last < state.reached { state.faults.append("listed at \(last) after \(state.reached)") }
                    state.reached = max(state.reached, last)
                }
            },
            take: { batch in
                state.withLock { state in
                    for event in batch.events {
                        switch event {
                        case .put(let entry):
                            if let known = state.entries[entry.key], known.modified > entry.modified { continue }
                            state.entries[entry.key] = entry
                        case .delete(let key): state.entries[key] = nil
                        }
                    }
                    state.reached = max(state.reached, batch.revision)
                }
            }, broken: {})
    }

    /// By keys without the prefix.
    package var seen: [String: StoreEntry] {
        state.withLock { state in
            Dictionary(
                uniqueKeysWithValues: state.entries.map { (String($0.key.text.dropFirst(prefix.count)), $0.value) })
        }
    }

    package var faults: [String] { state.withLock(\.faults) }
}

extension Store {
    /// Everything under a prefix, by keys without it, page after page.
    package func everything(_ prefix: String) async throws -> [String: StoreEntry] {
        var entries: [String: StoreEntry] = [:]
        var after: StoreKey?
        while true {
            let page = try await list(StoreKey(prefix), after: after, limit: 10_000)
            for entry in page.entries { entries[String(entry.key.text.dropFirst(prefix.count))] = entry }
            after = page.entries.last?.key
            if !page.hasMore { return entries }
        }
    }
}
