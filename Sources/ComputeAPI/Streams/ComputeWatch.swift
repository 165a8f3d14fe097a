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
                try await writer.event("put", id: item.revision, data: item.json(principal.view()))
            }
            try await bookmark(revision, &writer)
            try await writer.flush()
        }
        let pulse = Pulse([signals])
        try await pulse.whileBeating {
            for await _ in pulse.beats {
                let revision = service.cache.revision
                while true {
                    guard let changes = service.cache.changes(from: place) else {
                        return try await writer.event("error", data: Array(#"{"code":"slow-consumer"}"#.utf8))
                    }
                    for change in changes { try await show(change, &writer) }
                    place += UInt64(changes.count)
                    if changes.isEmpty { break }
                }
                if writer.lastWrite.duration(to: .now) >= EventWriter.keepAlive {
                    try await bookmark(revision, &writer)
                }
                try await writer.flush()
            }
        }
    }

    private func show(_ change: ComputeChange, _ writer: inout EventWriter) async throws {
        if let new = change.new, matches(new) {
            try await writer.event("put", id: change.revision, data: new.json(principal.view()))
        } else if let old = change.old, matches(old) {
            var data = JSONWriter()
            data.object { data in
                data.member("id", old.id)
                data.member("name", old.name)
                data.member("project", old.resource.metadata.project)
                data.member("revision", change.revision)
            }
            try await writer.event("delete", id: change.revision, data: data.bytes)
        }
    }

    private func bookmark(_ revision: Revision, _ writer: inout EventWriter) async throws {
        try await writer.event("bookmark", id: revision, data: Array(#"{"revision":\#(revision)}"#.utf8))
    }

    private func matches(_ candidate: ComputeItem) -> Bool {
        guard candidate.kind == kind, candidate.projectID == project?.id else { return false }
        if let item, candidate.id != item { return false }
        let labels = candidate.resource.metadata.labels
        guard principal.may(.read, kind, in: project, labels) else { return false }
        return selector?.matches(labels) ?? true
    }
}
