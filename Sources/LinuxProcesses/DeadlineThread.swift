import Dispatch
import Synchronization

/// Calls of a library that blocks and cannot be cancelled: one after the other, on a thread with a state of its own, each
/// with a deadline.
///
/// A call that does not end in its time is left to its thread, its caller is told, and the next call gets a new thread and
/// a new state: what hangs holds up nobody. Calls that waited behind it never happen.
package final class DeadlineThread<State: ThreadState>: Sendable {
    private let name: String
    private let deadline: Duration
    private let open: @Sendable () -> State
    private let content: Mutex<Content>

    private struct Content {
        var thread: NamespaceThread<State>
        /// Calls that were given up and still hang.
        var hanging = 0
    }

    /// More threads than these are not spent on what hangs: then every call is refused at once.
    private static var maximumHanging: Int { 4 }

    /// - Parameters:
    ///   - name: as ``NamespaceThread`` takes it.
    ///   - deadline: of every call that has none of its own.
    ///   - open: makes the state, on the thread.
    package init(_ name: String, deadline: Duration, open: @escaping @Sendable () -> State) {
        self.name = name
        self.deadline = deadline
        self.open = open
        content = Mutex(Content(thread: NamespaceThread(name, in: nil, open: open)))
    }

    /// Runs `body` on the thread.
    /// - Parameter late: makes what is thrown when the call does not end within that time; what became of it is not known.
    package func call<Value: Sendable, Failure: Error>(
        within limit: Duration? = nil, late: (Duration) -> Failure,
        _ body: @escaping @Sendable (State) throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let limit = limit ?? deadline
        let late = late(limit)
        let thread: NamespaceThread<State>? = content.withLock { content in
            content.hanging < Self.maximumHanging ? content.thread : nil
        }
        guard let thread else { throw late }
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let answer = OneAnswer(continuation)
            thread.enqueue { state in
                guard answer.begin() else { return }
                answer.give(Result { () throws(Failure) -> Value in try body(state) })
                if answer.wasGivenUp { self.content.withLock { $0.hanging -= 1 } }
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(limit / .milliseconds(1)))) {
                self.giveUp(answer, late, on: thread)
            }
        }
        return try result.get()
    }

    private func giveUp<Value, Failure: Error>(
        _ answer: OneAnswer<Value, Failure>, _ late: Failure, on thread: NamespaceThread<State>
    ) {
        content.withLock { content in
            guard let wasRunning = answer.giveUp(late) else { return }
            if wasRunning { content.hanging += 1 }
            if content.thread === thread { content.thread = NamespaceThread(name, in: nil, open: open) }
        }
    }
}

/// The answer to one call, given once: by the call or by its deadline.
private final class OneAnswer<Value: Sendable, Failure: Error>: Sendable {
    typealias Answer = Result<Value, Failure>
    private enum Phase {
        case waiting, running, over
        case givenUp
    }
    private let state: Mutex<Phase> = Mutex(.waiting)
    private let continuation: CheckedContinuation<Answer, Never>

    init(_ continuation: CheckedContinuation<Answer, Never>) { self.continuation = continuation }

    /// Whether the call may begin: nobody has given it up.
    func begin() -> Bool {
        state.withLock { phase in
            guard phase == .waiting else { return false }
            phase = .running
            return true
        }
    }

    func give(_ answer: Answer) {
        let isFirst = state.withLock { phase in
            guard phase == .running else { return false }
            phase = .over
            return true
        }
        if isFirst { continuation.resume(returning: answer) }
    }

    var wasGivenUp: Bool { state.withLock { $0 == .givenUp } }

    /// nil when it was answered in time; else whether the call had begun.
    func giveUp(_ late: Failure) -> Bool? {
        let wasRunning: Bool? = state.withLock { phase in
            guard phase == .waiting || phase == .running else { return nil }
            defer { phase = .givenUp }
            return phase == .running
        }
        if wasRunning != nil { continuation.resume(returning: .failure(late)) }
        return wasRunning
    }
}
