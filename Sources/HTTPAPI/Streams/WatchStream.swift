import HTTPServing
import NetworkService
import Persistence
import Resources

/// Follows the resources of a list, or one resource.
struct WatchStream: Sendable {
    let service: NetworkService
    let kind: Kind
    let project: ResourceID?
    /// nil follows the whole list.
    let item: ResourceID?
    let selector: Selector?
    let principal: Principal
    let view: View

    /// - Parameter after: nil begins with what is there now.
    /// - Throws: a `compacted` problem when changes after that revision are forgotten.
    func source(after: Revision?) throws(Problem) -> EventSource {
        let follower = ChangeFollower(cache: service.cache)
        let start: (items: [Item], place: UInt64, revision: Revision)
        if let after {
            let found = service.cache.place(after: after)
            guard let place = found.place else {
                follower.close()
                throw Problem(
                    .compacted, field: "after", value: after.description,
                    rule: "must be \(found.oldest) or later: older changes are forgotten; list again")
            }
            start = ([], place, after)
        } else {
            start = service.cache.beginning(kind, project: project)
        }
        return { writer in
            defer { follower.close() }
            try await run(
                follower, start.items, from: start.place, at: start.revision, isResumed: after != nil, &writer)
        }
    }

    private func run(
        _ follower: ChangeFollower, _ items: [Item], from start: UInt64, at revision: Revision, isResumed: Bool,
        _ writer: inout EventWriter
    ) async throws {
        var place = start
        var shown = revision
        if !isResumed {
            for item in items where matches(item) {
                try await writer.put(item.json(view), at: item.revision)
            }
            try await writer.bookmark(shown)
            try await writer.flush()
        }
        try await withTicks(
            every: .seconds(5), { follower.poke() },
            while: {
                for await _ in follower.signal {
                    while true {
                        guard let batch = service.cache.changes(from: place) else {
                            return try await writer.fellBehind()
                        }
                        for change in batch.changes { try await show(change, &writer) }
                        place = batch.next
                        if batch.changes.isEmpty {
                            if batch.revision > shown, writer.lastWrite.duration(to: .now) >= EventWriter.keepAlive {
                                shown = batch.revision
                                try await writer.bookmark(shown)
                            }
                            break
                        }
                    }
                    try await writer.flush()
                    try await writer.keepAlive()
                }
            })
    }

    private func show(_ change: Change, _ writer: inout EventWriter) async throws {
        let old = change.old.flatMap { matches($0) ? $0 : nil }
        if let new = change.new, matches(new) {
            try await writer.put(new.json(view), at: change.revision)
        } else if let old {
            try await writer.delete(old.resource.metadata, at: change.revision)
        }
    }

    private func matches(_ candidate: Item) -> Bool {
        guard candidate.resource.kind == kind, candidate.projectID == project else { return false }
        if let item, candidate.id != item { return false }
        guard service.isShown(candidate, to: principal) else { return false }
        return selector?.matches(candidate.resource.metadata.labels) ?? true
    }
}
