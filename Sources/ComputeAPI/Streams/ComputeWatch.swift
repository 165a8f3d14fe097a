import ComputeService
import HTTPServing
import Persistence
import Resources

/// Follows the resources of a list, or one resource.
struct ComputeWatch: Sendable {
    let service: ComputeService
    let kind: ComputeKind
    let project: ProjectIdentity?
    /// nil follows the whole list.
    let item: ResourceID?
    let selector: Selector?
    let principal: Principal

    /// - Parameter after: nil begins with what is there now.
    /// - Throws: a `compacted` problem when changes after that revision are forgotten.
    func source(after: Revision?) throws(Problem) -> EventSource {
        // Before the beginning is read: what comes between the two is looked at twice, and never missed.
        let signals = service.cache.signals()
        let start: (items: [ComputeItem], place: UInt64, revision: Revision)
        if let after {
            let found = service.cache.place(after: after)
            guard let place = found.place else {
                throw Problem(
                    .compacted, field: "after", value: after.description,
                    rule: "must be \(found.oldest) or later: older changes are forgotten; list again")
            }
            start = ([], place, after)
        } else {
            start = service.cache.beginning(kind, project: project?.id)
        }
        return { writer in
            try await run(signals, start.items, from: start.place, at: start.revision, isResumed: after != nil, &writer)
        }
    }

    private func run(
        _ signals: AsyncStream<Void>, _ items: [ComputeItem], from start: UInt64, at revision: Revision,
        isResumed: Bool, _ writer: inout EventWriter
    ) async throws {
        var place = start
        if !isResumed {
            for item in items where matches(item) {
                try await writer.put(item.json(principal.view()), at: item.revision)
            }
            try await writer.bookmark(revision)
            try await writer.flush()
        }
        let pulse = Pulse([signals])
        try await pulse.whileBeating {
            for await _ in pulse.beats {
                let revision = service.cache.revision
                while true {
                    guard let changes = service.cache.changes(from: place) else {
                        return try await writer.fellBehind()
                    }
                    for change in changes { try await show(change, &writer) }
                    place += UInt64(changes.count)
                    if changes.isEmpty { break }
                }
                if writer.lastWrite.duration(to: .now) >= EventWriter.keepAlive {
                    try await writer.bookmark(revision)
                }
                try await writer.flush()
            }
        }
    }

    private func show(_ change: ComputeChange, _ writer: inout EventWriter) async throws {
        if let new = change.new, matches(new) {
            try await writer.put(new.json(principal.view()), at: change.revision)
        } else if let old = change.old, matches(old) {
            try await writer.delete(old.resource.metadata, at: change.revision)
        }
    }

    private func matches(_ candidate: ComputeItem) -> Bool {
        guard candidate.kind == kind, candidate.projectID == project?.id else { return false }
        if let item, candidate.id != item { return false }
        let labels = candidate.resource.metadata.labels
        guard principal.may(.read, kind, in: project, labels) else { return false }
        return selector?.matches(labels) ?? true
    }
}
