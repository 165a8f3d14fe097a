import Addressing
import FoundationEssentials
import Logging
package import NetworkModel
package import Persistence
package import Resources
import Synchronization

/// Captures: probes whose frames come in chunks that every server reads from the store.
extension NetworkService {
    /// Captures that may be open in one project.
    static let maximumCaptures = 4
    /// Chunks in one answer.
    private static let page = 4

    /// Asks the attachment's host for its frames. Who may, the route has asked; where, is asked here.
    /// - Throws: `forbidden` for a point that the principal may not see.
    package func makeCapture(
        project: String, attachment: String, _ draft: CaptureDraft, by principal: Principal, _ view: View
    ) async throws(Problem) -> (json: [UInt8], revision: Revision) {
        let owner = try await find(.project, project)
        let item = try await find(.attachment, project: project, attachment)
        guard let host = Attachment.unwrap(item.resource)?.spec.host?.id else {
            throw Problem(.conflict, "attachment '\(item.name)' is bound to no host, so that it has no frames")
        }
        let allowed = principal.capturePoints
        let points = CapturePoint.allCases.filter { (draft.points ?? allowed).contains($0) }
        try requireAllowed(draft.points ?? [], for: principal)
        let task = CaptureTask(
            attachment: item.id, points: points, flow: draft.flow, peer: draft.peer, snapLength: draft.snapLength,
            pace: draft.pace, bytes: draft.bytes,
            by: String(decoding: "\(principal)".utf8.prefix(CaptureTask.maximumByBytes), as: UTF8.self))
        do { try task.requireBounded("") } catch { throw Problem(error) }
        let open = cache.state.withLock { state in
            state.probes.values.count { $0.project == owner.id && $0.captureTask != nil }
        }
        guard open < Self.maximumCaptures else {
            throw Problem(
                .rateLimited,
                "project '\(owner.name)' has \(open) open captures; end one, or wait until they end")
        }
        let id = ResourceID.random()
        let probe = Probe(
            project: owner.id, question: .capture(task), seconds: draft.seconds, hosts: [host], created: settings.now())
        let written = try await keep(probe, id, conditions: [.exists(owner.key), .exists(item.key)])
        logger.notice(
            "a capture is asked for",
            metadata: [
                "capture": "\(id)", "by": "\(principal)", "project": "\(owner.name)", "attachment": "\(item.name)",
                "points": "\(points.map(\.rawValue).joined(separator: ","))", "seconds": "\(draft.seconds)",
                "flow": "\(draft.flow?.description ?? "all")", "peer": "\(draft.peer?.description ?? "all")",
            ])
        return (render(id, probe, task, view, chunks: [], next: 0), written)
    }

    /// The capture with the chunks from a number on, as many as one answer takes.
    package func capture(
        project: String, attachment: String, _ text: String, from number: Int, by principal: Principal, _ view: View
    ) async throws(Problem) -> [UInt8] {
        let (id, probe, task) = try await findCapture(project, attachment, text, for: principal)
        // Before the chunks: of a capture that is done all are there.
        let answer = cache.state.withLock { $0.answers[id, default: [:]] }
        let page: StorePage
        do {
            page = try await store.list(
                StoreLayout.captured(id), after: number > 0 ? StoreLayout.captured(id, number - 1) : nil,
                limit: Self.page)
        } catch { throw Problem(error) }
        return render(
            id, probe, task, view, answer: answer.values.first, chunks: page.entries.map(\.value),
            next: number + page.entries.count)
    }

    /// Ends a capture before its time; its frames are gone.
    package func endCapture(
        project: String, attachment: String, _ text: String, by principal: Principal
    ) async throws(Problem) {
        try await end(try await findCapture(project, attachment, text, for: principal).1)
    }

    /// Takes over frames that a host has captured, as far as the capture's own limit allows.
    /// - Throws: `too-large` beyond the limit; `conflict` for a chunk before whose predecessor has come.
    package func take(
        _ chunk: CaptureChunk, number: Int, of id: ResourceID, from host: ResourceID
    ) async throws(Problem) {
        let probe = cache.state.withLock { $0.probes[id] }
        guard let probe, let task = probe.captureTask, probe.hosts.contains(host), let lease = probe.lease else {
            throw Problem.noProbe(id)
        }
        let (key, weight) = (StoreLayout.tally(id), CaptureTally.weight(chunk))
        do {
            // A host sends one chunk after the other; one that does not is its own rival.
            for _ in 1...settings.attempts {
                let entry = try await store.get(key).entry
                var tally =
                    try entry.map { try CaptureTally(json: try JSONParser.parse(kept: $0.value), path: "") } ?? .init()
                switch tally.take(number, weight: weight, limit: task.bytes) {
                case .taken: break
                case .known: return
                case .early: throw Problem(.conflict, "chunk \(tally.chunks) has to come before chunk \(number)")
                case .full:
                    throw Problem(
                        .tooLarge, "the capture takes \(task.bytes) bytes of frames, and \(tally.bytes) are here")
                }
                let outcome = try await timedCommit(
                    StoreTransaction(
                        conditions: [
                            .exists(StoreLayout.probe(id)), entry.map { .modified(key, $0.modified) } ?? .absent(key),
                        ],
                        changes: [
                            .put(StoreLayout.captured(id, number), chunk.json, lease: lease),
                            .put(key, tally.json, lease: lease),
                        ], durability: .relaxed))
                switch outcome {
                case .committed: return
                case .failed(.exists): throw Problem.noProbe(id)
                case .failed: continue
                }
            }
            throw Problem(.conflict, "other chunks of this capture come at the same time")
        } catch let error as StoreError {
            throw error.code == .leaseNotFound ? Problem.noProbe(id) : Problem(error)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    private func requireAllowed(_ points: [CapturePoint], for principal: Principal) throws(Problem) {
        guard let first = points.first(where: { !principal.capturePoints.contains($0) }) else { return }
        throw Problem(
            .forbidden,
            "'\(first.rawValue)' is for operators of all projects: it may show more than the attachment's own frames")
    }

    /// Another project's capture, or another attachment's, is none; nor is one that shows more than may be seen.
    private func findCapture(
        _ project: String, _ attachment: String, _ text: String, for principal: Principal
    ) async throws(Problem) -> (ResourceID, Probe, CaptureTask) {
        let owner = try await find(.project, project)
        let item = try await find(.attachment, project: project, attachment)
        guard let id = ResourceID(text), let probe = cache.state.withLock({ $0.probes[id] }), probe.project == owner.id,
            let task = probe.captureTask, task.attachment == item.id
        else {
            throw Problem(
                .notFound, "attachment '\(item.name)' has no capture '\(text.prefix(64))', or no longer")
        }
        try requireAllowed(task.points, for: principal)
        return (id, probe, task)
    }

    private func render(
        _ id: ResourceID, _ probe: Probe, _ task: CaptureTask, _ view: View, answer: ProbeResult? = nil,
        chunks: [[UInt8]], next: Int
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id)
            writer.member("attachment", cache.item(.attachment, task.attachment)?.name)
            if view == .full { writer.member("host", probe.hosts.first.flatMap { cache.item(.host, $0)?.name }) }
            writer.member("points", task.points)
            writer.member("flow", task.flow)
            writer.member("peer", task.peer)
            writer.member("snapLength", task.snapLength)
            writer.member("pace", task.pace)
            writer.member("bytes", task.bytes)
            writer.member("seconds", probe.seconds)
            if view == .full { writer.member("by", task.by) }
            writer.member("created", probe.created)
            writer.member("phase", answer?.phase)
            if let message = answer?.message {
                writer.member("message", view == .full ? message : "the host cannot capture there")
            }
            writer.member("report", view == .full ? answer?.capture : answer?.capture?.forProject)
            writer.name("chunks")
            writer.array { writer in for chunk in chunks { writer.raw(chunk) } }
            writer.member("next", next)
        }
        return writer.bytes
    }
}

extension Probe {
    /// nil for a probe of another kind.
    var captureTask: CaptureTask? { if case .capture(let task) = question { task } else { nil } }
}
