import Dispatch
import Synchronization

/// Checks that block, and those who wait for theirs: on threads of their own, so that they hold up nothing else.
///
/// Concurrency: called from any task at any time. Who waits holds no thread.
final class CheckerLine: Sendable {
    private struct State {
        var atWork = 0
        /// No more than there are places.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let most: Int
    private let queue: DispatchQueue
    private let places = CheckerPlaces()
    private let state = Mutex(State())

    /// - Parameter most: how many are at work at the same time.
    init(_ label: String, atOnce most: Int) {
        self.most = most
        queue = DispatchQueue(label: label, attributes: .concurrent)
    }

    /// What `body` gives, on a thread that may block; nil when there is no place for the network.
    func run<Value: Sendable>(for network: String, _ body: @escaping @Sendable () -> Value) async -> Value? {
        await places.hold(for: network) {
            await start()
            defer { end() }
            return await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: body()) }
            }
        }
    }

    /// Waits for its turn: first come, first served.
    private func start() async {
        await withCheckedContinuation { continuation in
            let mayStart = state.withLock { state in
                guard state.atWork < most else {
                    state.waiting.append(continuation)
                    return false
                }
                state.atWork += 1
                return true
            }
            if mayStart { continuation.resume() }
        }
    }

    /// The place at work goes on to who waits longest.
    private func end() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.atWork -= 1
            return nil
        }
        next?.resume()
    }
}
