import Persistence
import Resources
import Synchronization

/// What a watch has brought and its consumer has not taken yet.
final class WatchBuffer: Sendable {
    private enum End {
        case open
        case finished
        case failed(StoreError)
    }

    private struct State {
        var batches: ArraySlice<StoreBatch> = []
        var bytes = 0
        var end = End.open
        var isCancelled = false
        var consumer: CheckedContinuation<Void, Never>?
        /// Waits for room.
        var producer: CheckedContinuation<Void, Never>?
    }

    private enum Step {
        case give(StoreBatch)
        case wait
        case end(StoreError?)
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    // MARK: The consumer's side

    func next() async throws(StoreError) -> StoreBatch? {
        while true {
            switch step() {
            case .give(let batch): return batch
            case .end(let error):
                if let error { throw error }
                return nil
            case .wait: await waitForBatch()
            }
        }
    }

    func cancel() {
        let waiting = state.withLock { state in
            state.isCancelled = true
            state.batches = []
            return (state.consumer.take(), state.producer.take())
        }
        waiting.0?.resume()
        waiting.1?.resume()
    }

    private func step() -> Step {
        let (step, producer) = state.withLock { state -> (Step, CheckedContinuation<Void, Never>?) in
            if state.isCancelled { return (.end(nil), nil) }
            if let batch = state.batches.popFirst() {
                state.bytes -= batch.size
                return (.give(batch), state.bytes < limit ? state.producer.take() : nil)
            }
            switch state.end {
            case .open: return (.wait, nil)
            case .finished: return (.end(nil), nil)
            case .failed(let error): return (.end(error), nil)
            }
        }
        producer?.resume()
        return step
    }

    private func waitForBatch() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.batches.isEmpty, case .open = state.end, !state.isCancelled else { return true }
                state.consumer = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    // MARK: The producer's side

    /// Adds a batch that happened before the watch was there: those are read at the consumer's pace.
    func wait(toAdd batch: StoreBatch) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                guard !state.batches.isEmpty, state.bytes + batch.size > limit, !state.isCancelled else { return true }
                state.producer = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        put(batch, mayExceed: true)
    }

    /// Adds a batch that has just happened, or ends the watch when too much waits already.
    func add(_ batch: StoreBatch) { put(batch, mayExceed: false) }

    private func put(_ batch: StoreBatch, mayExceed: Bool) {
        let consumer = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard case .open = state.end, !state.isCancelled else { return nil }
            if mayExceed || state.batches.isEmpty || state.bytes + batch.size <= limit {
                state.batches.append(batch)
                state.bytes += batch.size
            } else {
                state.end = .failed(
                    StoreError(
                        .slowConsumer, operation: "watch",
                        cause: "\(state.batches.count) batches of \(state.bytes) bytes waited, at most \(limit) may"))
                state.batches = []
            }
            return state.consumer.take()
        }
        consumer?.resume()
    }

    /// The end behind what waits: nil for one that asks the consumer to list again.
    func finish(_ error: StoreError?) {
        let consumer = state.withLock { state in
            if case .open = state.end { state.end = error.map(End.failed) ?? .finished }
            return state.consumer.take()
        }
        consumer?.resume()
    }

    /// Nobody takes anything any more.
    var isOver: Bool {
        state.withLock { state in
            if case .open = state.end { state.isCancelled } else { true }
        }
    }
}

extension StoreBatch {
    /// Bytes that it roughly takes in memory.
    var size: Int {
        events.reduce(0) { sum, event in
            switch event {
            case .put(let entry): sum + 96 + entry.key.text.utf8.count + entry.value.count
            case .delete(let key): sum + 96 + key.text.utf8.count
            }
        }
    }
}
