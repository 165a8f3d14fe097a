import Persistence
import Resources
import Synchronization

/// Hands each committed group to the watches that have caught up with the feed.
final class WatchHub: Sendable {
    private struct Member {
        weak var watcher: Watcher?
    }

    private struct State {
        var published: Revision
        var members: [ObjectIdentifier: Member] = [:]
    }

    private let state: Mutex<State>

    init(published: Revision) { state = Mutex(State(published: published)) }

    /// Adds a watch, which then gets every batch behind the returned revision; what is before it is in the feed.
    func attach(_ watcher: Watcher) -> Revision {
        state.withLock { state in
            state.members[ObjectIdentifier(watcher)] = Member(watcher: watcher)
            return state.published
        }
    }

    func detach(_ watcher: ObjectIdentifier) { state.withLock { state in state.members[watcher] = nil } }

    /// Called by the one writer, in the order of revisions.
    func publish(_ batches: [StoreBatch]) {
        guard let last = batches.last else { return }
        for watcher in members(advancingTo: last.revision) {
            for batch in batches { watcher.offer(batch) }
        }
    }

    /// Ends every watch with `error`.
    func finish(with error: StoreError) {
        for watcher in members(advancingTo: nil) { watcher.fail(error) }
    }

    /// Watches that are attached now.
    var count: Int { state.withLock { $0.members.count } }

    private func members(advancingTo revision: Revision?) -> [Watcher] {
        state.withLock { state in
            if let revision { state.published = revision }
            return state.members.values.compactMap(\.watcher)
        }
    }
}
