package import APIClient
package import NetworkModel
package import Resources

/// A resource that agents report on.
package struct ReportSubject: Hashable, Sendable {
    package var kind: KindName
    package var id: ResourceID

    package init(_ kind: KindName, _ id: ResourceID) {
        self.kind = kind
        self.id = id
    }
}

extension ResourceReport {
    package var subject: ReportSubject { ReportSubject(kind, id) }

    package init(_ subject: ReportSubject, _ report: Report?) {
        self.init(kind: subject.kind, id: subject.id, report: report)
    }
}

/// What was said, what the API has acknowledged, and what is therefore still to be sent. Pure.
///
/// Only the last word on each resource counts: an older one that was not sent is never sent.
package struct ReportBook: Sendable {
    private struct Entry: Sendable {
        var latest: Report?
        /// nil: nothing acknowledged; .some(nil): the API knows that nothing is left.
        var acknowledged: Report??
    }

    private var entries: [ReportSubject: Entry] = [:]
    /// Subjects that may have something to send, oldest first; checked again when taken.
    private var queue: [ReportSubject] = []
    private var queued: Set<ReportSubject> = []

    package init() {}

    package var isEmpty: Bool { queue.isEmpty }

    /// - Returns: whether there is now something to send that was not before.
    @discardableResult
    package mutating func say(_ report: ResourceReport) -> Bool {
        var entry = entries[report.subject] ?? Entry(latest: nil, acknowledged: nil)
        entry.latest = report.report
        entries[report.subject] = entry
        guard entry.acknowledged != .some(report.report) else { return false }
        return enqueue(report.subject)
    }

    /// The next reports to send, at most `limit`. They stay due until `acknowledge` or `refused`; call `requeue` after
    /// a failure.
    package mutating func take(limit: Int) -> [ResourceReport] {
        var batch: [ResourceReport] = []
        var taken = 0
        while taken < queue.count, batch.count < limit {
            let subject = queue[taken]
            taken += 1
            queued.remove(subject)
            guard let entry = entries[subject], entry.acknowledged != .some(entry.latest) else { continue }
            batch.append(ResourceReport(subject, entry.latest))
        }
        queue.removeFirst(taken)
        return batch
    }

    /// The API has these.
    package mutating func acknowledge(_ batch: [ResourceReport]) {
        for report in batch {
            guard var entry = entries[report.subject] else { continue }
            entry.acknowledged = .some(report.report)
            // Nothing is left and the API knows: the book may forget.
            let isOver = entry.latest == nil && report.report == nil
            entries[report.subject] = isOver ? nil : entry
            // Something else was said while this was on its way, maybe what had been acknowledged before.
            if entry.latest != report.report { enqueue(report.subject) }
        }
    }

    /// They did not arrive: due again, before what was said since.
    package mutating func requeue(_ batch: [ResourceReport]) {
        let again = batch.map(\.subject).filter { entries[$0] != nil && !queued.contains($0) }
        queue.insert(contentsOf: again, at: 0)
        queued.formUnion(again)
    }

    /// Another server, or the same with another store, may not know what was acknowledged: everything is due again.
    package mutating func forgetAcknowledgements() {
        for subject in entries.keys {
            entries[subject]?.acknowledged = nil
            enqueue(subject)
        }
    }

    @discardableResult
    private mutating func enqueue(_ subject: ReportSubject) -> Bool {
        guard queued.insert(subject).inserted else { return false }
        queue.append(subject)
        return true
    }
}
