import AsyncHTTPClient
import NIOCore
import Persistence
import Resources
import Synchronization

/// Follows etcd for one watch: from member to member, each from where the one before had come to.
///
/// A stream that is silent says nothing about its member. So a member is asked, by a read for which it needs the others,
/// whether it is still one of them; its answer also shows a store that went back. What a member that answers does not say
/// on the stream is found by the comparison (`EtcdOptions.comparison`).
struct WatchFollowing: Sendable {
    let prefix: StoreKey
    let after: Revision
    let keys: KeySpace
    let gateway: Gateway
    let buffer: WatchBuffer

    /// When something was heard, and what the watch has come to.
    private struct Progress: Sendable {
        var heard = ContinuousClock.now
        var reached: Revision
        /// What the member had applied when it was asked, and when that was: what it has to say of that is said soon.
        var confirmed: (revision: Revision, at: ContinuousClock.Instant)?
    }

    private final class Shared: Sendable {
        let state: Mutex<Progress>
        init(_ progress: Progress) { state = Mutex(progress) }
    }

    func run() async {
        let shared = Shared(Progress(reached: after))
        let end = ContinuousClock.now + gateway.options.comparison * Double.random(in: 0.8...1.2)
        do {
            try await requirePast()
            while true {
                let (index, endpoint) = gateway.current
                do throws(WatchEnd) {
                    try await follow(endpoint, shared, until: end)
                } catch {
                    switch error {
                    case .over(let end): return buffer.finish(end)
                    case .member(let failure):
                        // A member that was restored waits with an old token for what it will never have.
                        gateway.forget(gateway.token)
                        let isOfToken = if case .token = failure.meaning { true } else { false }
                        if !isOfToken { gateway.passOver(index) }
                        let silent = ContinuousClock.now - shared.state.withLock(\.heard)
                        if case .refused = failure.meaning { throw failure.storeError("watch", endpoint) }
                        guard silent < gateway.options.staleness else {
                            throw StoreError(
                                .unavailable, operation: "watch",
                                cause: "no member of etcd followed for \(silent): \(endpoint): \(failure.text)")
                        }
                    }
                }
                guard !buffer.isOver, !Task.isCancelled else { return }
                try await Task.sleep(for: .milliseconds(Int.random(in: 10...100)))
            }
        } catch let error as StoreError {
            buffer.finish(error)
        } catch {
            buffer.finish(StoreError(.unavailable, operation: "watch", cause: "\(error)"))
        }
    }

    /// A watch after a revision that etcd never had would wait for it, and then take another history for its own.
    private func requirePast() async throws(StoreError) {
        let question = EtcdStore.revisionQuestion(keys)
        let latest = keys.headerRevision(try await gateway.ask("kv/range", operation: "watch") { _ in question })
        guard after <= latest, keys.era.numberOfEtcd(after) != nil else { throw wentBack(to: latest, from: after) }
    }

    private func wentBack(to latest: Revision, from revision: Revision) -> StoreError {
        StoreError(
            .compacted(oldest: latest), operation: "watch",
            cause: "after \(revision), but etcd is at \(latest)")
    }

    private enum WatchEnd: Error {
        /// For the consumer: nil to list again.
        case over(StoreError?)
        /// For the next member.
        case member(EtcdFailure)
    }

    private func follow(
        _ endpoint: EtcdEndpoint, _ shared: Shared, until end: ContinuousClock.Instant
    ) async throws(WatchEnd) {
        do {
            let from = shared.state.withLock(\.reached)
            let body = try await gateway.stream("watch", question(after: from), at: endpoint)
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask { try await read(body, after: from, shared) }
                group.addTask { try await check(endpoint, shared, until: end) }
                try await group.next()
            }
        } catch let end as WatchEnd {
            throw end
        } catch let failure as EtcdFailure {
            throw .member(failure)
        } catch {
            throw .member(EtcdFailure(.lost, "\(error)"))
        }
    }

    /// From `revision` itself, not from the one behind it: etcd refuses what is older than a compaction, and the revision of
    /// a compaction itself counts as known there, but not here.
    private func question(after revision: Revision) -> [UInt8] {
        JSONWriter.document { writer in
            writer.name("create_request")
            writer.object { writer in
                writer.bytes("key", keys.bytes(prefix))
                writer.bytes("range_end", keys.end(prefix))
                writer.number("start_revision", max(1, keys.era.numberOfEtcd(revision) ?? 0))
                writer.name("fragment")
                writer.bool(true)
            }
        }
    }

    private func read(_ body: HTTPClientResponse.Body, after revision: Revision, _ shared: Shared) async throws {
        var reader = WatchReader(keys: keys, prefix: prefix, after: revision)
        var created = Revision.zero
        for try await bytes in body {
            shared.state.withLock { $0.heard = .now }
            for news in try reader.take(bytes) {
                switch news {
                case .created(let at): created = at
                case .batch(let batch):
                    if batch.revision <= created { await buffer.wait(toAdd: batch) } else { buffer.add(batch) }
                    shared.state.withLock { $0.reached = max($0.reached, batch.revision) }
                    if buffer.isOver { throw WatchEnd.over(nil) }
                case .compacted(let oldest):
                    throw WatchEnd.over(
                        StoreError(
                            .compacted(oldest: oldest), operation: "watch",
                            cause: "after \(revision), but etcd knows changes after \(oldest)"))
                case .ended(let failure): throw WatchEnd.member(failure)
                }
            }
        }
        throw WatchEnd.member(EtcdFailure(.lost, "the member closed the watch"))
    }

    private func check(_ endpoint: EtcdEndpoint, _ shared: Shared, until end: ContinuousClock.Instant) async throws {
        let silence = gateway.options.silence
        let question = EtcdStore.revisionQuestion(keys)
        while true {
            let now = ContinuousClock.now
            guard now < end else { throw WatchEnd.over(nil) }
            let due = shared.state.withLock(\.heard) + silence
            guard now >= due else {
                try await Task.sleep(until: min(due, end), clock: .continuous)
                continue
            }
            let latest = keys.headerRevision(
                try await gateway.attempt("kv/range", question, at: endpoint, within: silence))
            let wasAt = shared.state.withLock { state in
                state.heard = .now
                // Long silent since it had this: nothing of it concerns the watch, which need not begin there again.
                if let confirmed = state.confirmed, now - confirmed.at > silence * 4 {
                    state.reached = max(state.reached, confirmed.revision)
                    state.confirmed = (latest, now)
                }
                if state.confirmed == nil { state.confirmed = (latest, now) }
                return state.reached
            }
            guard latest >= wasAt else { throw WatchEnd.over(wentBack(to: latest, from: wasAt)) }
        }
    }
}
