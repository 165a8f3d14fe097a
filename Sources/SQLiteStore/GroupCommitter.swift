import Dispatch
import GRDB
import Logging
import Persistence
import Resources
import Synchronization

/// The one writer. Whatever waits while a commit is on its way to the disk goes into the next one together: 32 writers
/// pay for one flush, a lone writer waits for nobody. A durable commit is answered when it is on the disk; it is news
/// when it is committed.
///
/// Runs on GRDB's writer queue, a thread that may block; callers only append to a list and are answered from there.
final class GroupCommitter: Sendable {
    typealias Answer = @Sendable (Result<CommitOutcome, StoreError>) -> Void

    private struct Waiting: Sendable {
        var work: StoreWork
        var answer: Answer
    }

    private struct Queue {
        var waiting: [Waiting] = []
        /// The writer is at work, or has been called.
        var isDraining = false
        /// Why nothing is written any more.
        var refusal: StoreError?
        /// Wake the writer when so many wait.
        var wakeAt: Int?
    }

    private let queue = Mutex(Queue())
    private let arrivals = DispatchSemaphore(value: 0)
    /// Used on the writer queue alone; the lock is never contended.
    private let engine: Mutex<CommitEngine>
    private let pool: DatabasePool
    private let hub: WatchHub
    private let log: LogFile
    private let groupSize: Int
    private let logger: Logger

    init(
        pool: DatabasePool, engine: CommitEngine, hub: WatchHub, log: LogFile, groupSize: Int, logger: Logger
    ) {
        self.pool = pool
        self.log = log
        self.engine = Mutex(engine)
        self.hub = hub
        self.groupSize = max(1, groupSize)
        self.logger = logger
    }

    /// Adds work to the next group; `answer` is called once it is committed or has failed, on the writer's thread.
    func submit(_ work: StoreWork, answer: @escaping Answer) {
        enum Next {
            case refuse(StoreError)
            case start, wake, nothing
        }
        let next: Next = queue.withLock { queue in
            if let refusal = queue.refusal { return .refuse(refusal) }
            queue.waiting.append(Waiting(work: work, answer: answer))
            if !queue.isDraining {
                queue.isDraining = true
                return .start
            }
            if let count = queue.wakeAt, queue.waiting.count >= count {
                queue.wakeAt = nil
                return .wake
            }
            return .nothing
        }
        switch next {
        case .refuse(let error): answer(.failure(error))
        case .start: pool.asyncWriteWithoutTransaction { [self] db in drain(db) }
        case .wake: arrivals.signal()
        case .nothing: break
        }
    }

    /// `submit`, as a call that waits for the answer. Cannot be cancelled: the outcome would be unknown.
    func perform(_ work: StoreWork) async throws(StoreError) -> CommitOutcome {
        let result = await withCheckedContinuation { continuation in
            submit(work) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// False once all work is refused.
    var isAccepting: Bool { queue.withLock { $0.refusal == nil } }

    /// Refuses all work from now on with `error`; what waits already is still done.
    /// - Returns: false when all work was refused before.
    func refuse(with error: StoreError) -> Bool {
        queue.withLock { queue in
            guard queue.refusal == nil else { return false }
            queue.refusal = error
            return true
        }
    }

    private func drain(_ db: Database) {
        var lastGroup = 0
        var moreToPrune = false
        var patience = Duration.zero
        while true {
            if lastGroup > 1 { awaitOthers(lastGroup, atMost: patience) }
            guard let group = takeGroup(stayIfEmpty: moreToPrune) else { return }
            lastGroup = group.count
            let start = ContinuousClock.now
            if !group.isEmpty { commit(group, db) }
            // A quarter of what the last flush took: enough for those it woke up to come back with more.
            patience = min((ContinuousClock.now - start) / 4, .milliseconds(1))
            moreToPrune = tidy(db)
        }
    }

    /// Waits a moment until as many wait as were just answered: they come back one by one, and a group begun with the
    /// first of them would make all others pay for a second flush.
    private func awaitOthers(_ count: Int, atMost patience: Duration) {
        let mustWait = queue.withLock { queue in
            guard queue.waiting.count < count else { return false }
            queue.wakeAt = count
            return true
        }
        guard mustWait else { return }
        // A signal that comes just after the time is over ends some later wait early, which harms nobody.
        _ = arrivals.wait(timeout: .now() + .nanoseconds(Int(patience.components.attoseconds / 1_000_000_000)))
        queue.withLock { $0.wakeAt = nil }
    }

    /// The next group; nil when nobody waits and the writer may go, empty when it has to stay all the same.
    private func takeGroup(stayIfEmpty: Bool) -> [Waiting]? {
        queue.withLock { queue in
            if queue.waiting.isEmpty {
                if stayIfEmpty { return [] }
                queue.isDraining = false
                return nil
            }
            var count = 0
            var bytes = 0
            for waiting in queue.waiting {
                guard count < groupSize, bytes < CommitEngine.groupBytes else { break }
                count += 1
                bytes += waiting.work.size
            }
            let group = Array(queue.waiting.prefix(count))
            queue.waiting.removeFirst(count)
            return group
        }
    }

    private func commit(_ group: [Waiting], _ db: Database) {
        let outcome: Result<CommitEngine.Committed, any Error> = engine.withLock { engine in
            Result { try engine.commit(group.map(\.work), db) }
        }
        switch outcome {
        case .success(let committed):
            // First the watches: who reads its own write through one finds it there. They do not wait for the disk, as
            // little as those who read: what follows from a change is on the disk after it, in the same log.
            hub.publish(committed.batches)
            answer(group, committed.results, .relaxed)
            guard group.contains(where: { $0.work.durability == .durable }) else { return }
            do throws(StoreError) {
                try log.flush()
                answer(group, committed.results, .durable)
            } catch {
                stop(because: error)
                for waiting in group where waiting.work.durability == .durable { waiting.answer(.failure(error)) }
            }
        case .failure(let error):
            let storeError = StoreError(sqlite: error, operation: "commit")
            if StoreError.stopsWrites(error) { stop(because: storeError) }
            if storeError.code == .full, group.count > 1 {
                // The one that does not fit must not take its neighbours with it.
                for waiting in group { commit([waiting], db) }
            } else {
                for waiting in group { waiting.answer(.failure(storeError)) }
            }
        }
    }

    private func answer(
        _ group: [Waiting], _ results: [Result<CommitOutcome, StoreError>], _ durability: StoreTransaction.Durability
    ) {
        for (waiting, result) in zip(group, results) where waiting.work.durability == durability {
            waiting.answer(result)
        }
    }

    /// True when there is more to remove.
    private func tidy(_ db: Database) -> Bool {
        guard queue.withLock({ $0.refusal == nil }) else { return false }
        do {
            return try engine.withLock { try $0.tidy(db) }
        } catch {
            if StoreError.stopsWrites(error) { stop(because: StoreError(sqlite: error, operation: "checkpoint")) }
            logger.warning("store housekeeping failed", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// After an error of the disk: no further write until the store is opened anew.
    private func stop(because error: StoreError) {
        let refusal = StoreError(
            error.code == .corrupt ? .corrupt : .unavailable, operation: "commit",
            cause: "no more writes since an error of the disk: \(error.cause). Look at the disk, then restart")
        logger.critical("store stops writing", metadata: ["cause": "\(error.cause)"])
        let waiting = queue.withLock { queue in
            queue.refusal = refusal
            defer { queue.waiting = [] }
            return queue.waiting
        }
        for waiting in waiting { waiting.answer(.failure(refusal)) }
    }
}
