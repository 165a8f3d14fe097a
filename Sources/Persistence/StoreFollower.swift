package import Logging
package import Resources

/// Keeps something in memory equal to what the store has under one prefix: lists, then watches, and lists again whenever
/// the watch breaks, after 50 ms at first and at most 5 s, or ends because its store wants a comparison.
package struct StoreFollower: Sendable {
    private let store: any Store
    private let prefix: StoreKey
    private let logger: Logger

    package init(store: any Store, prefix: StoreKey, logger: Logger) {
        self.store = store
        self.prefix = prefix
        self.logger = logger
    }

    /// Ends by cancellation.
    ///
    /// - Parameters:
    ///   - takeList: everything there is; what is not in it is gone. Its pages may be of different revisions, of which
    ///     the first is the oldest: the watch begins there, and what it repeats is recognised by its revision.
    ///   - take: the changes of one transaction.
    ///   - broken: nothing is followed any more, until the next list.
    package func run(
        takeList: (_ entries: [StoreEntry], _ first: Revision, _ last: Revision) -> Void,
        take: (StoreBatch) -> Void, broken: () -> Void
    ) async {
        var delay = Duration.milliseconds(50)
        while !Task.isCancelled {
            do {
                let revision = try await list(takeList)
                delay = .milliseconds(50)
                for try await batch in store.watch(prefix, after: revision) { take(batch) }
                if !Task.isCancelled {
                    // The store asks for a comparison; what is in memory stays good meanwhile.
                    try await Task.sleep(for: delay)
                    continue
                }
            } catch {
                if Task.isCancelled { break }
                logger.warning("the cache lists again", metadata: ["reason": "\(error)"])
            }
            broken()
            // Sleeping ends early only by cancellation, which ends the loop too.
            try? await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(5))
        }
    }

    /// The revision to watch from: that of the first page, since later pages may be newer.
    private func list(_ takeList: ([StoreEntry], Revision, Revision) -> Void) async throws -> Revision {
        var first: Revision?
        var entries: [StoreEntry] = []
        while true {
            let page = try await store.list(prefix, after: entries.last?.key, limit: 10_000)
            first = first ?? page.revision
            entries.append(contentsOf: page.entries)
            guard page.hasMore else {
                let revision = first ?? page.revision
                takeList(entries, revision, page.revision)
                return revision
            }
        }
    }
}
