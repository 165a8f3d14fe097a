import CLinux
import Glibc
package import NetworkModel
package import NodePorts
import Synchronization

/// What a ``NamespaceThread`` looks after: made, used and dropped on that thread alone, so it needs no lock and is not
/// Sendable.
package protocol ThreadState: AnyObject, SendableMetatype {
    /// Descriptors that poll(2) watches for reading between jobs.
    var watched: [Int32] { get }
    /// One of `watched` can be read, has ended or has an error.
    func isReady(_ descriptor: Int32)
    /// When `deadlineIsOver` is to be called; nil for never.
    var deadline: ContinuousClock.Instant? { get }
    func deadlineIsOver()
}

/// A thread that lives inside one network namespace and runs jobs in the order they were given.
///
/// setns(2) is per thread, and netlink calls and child processes block: neither belongs on the cooperative pool. The
/// state is opened by the first job; when that fails the job gets the error and the next one tries again. The thread
/// ends after this object is gone and the jobs given before are done.
package final class NamespaceThread<State: ThreadState>: Sendable {
    private let inbox: Inbox<State>
    /// errno of pthread_create, or 0.
    private let startFailure: Int32

    /// - Parameters:
    ///   - name: what `ps -L` shows; at most 15 bytes are kept.
    ///   - namespace: under /run/netns; nil stays in the namespace of the process.
    ///   - open: makes the state, on the thread, inside the namespace.
    package init(
        _ name: String, in namespace: NamespaceName?, open: @escaping @Sendable () throws(NodeError) -> State
    ) {
        let inbox = Inbox<State>()
        self.inbox = inbox
        startFailure = startThread {
            clinux_name_this_thread(name)
            var loop = ThreadLoop(inbox: inbox, namespace: namespace, open: open)
            loop.run()
        }
    }

    deinit { inbox.end() }

    /// Runs the job on the thread; the caller's task waits without blocking a thread of the pool.
    package func run<Value: Sendable>(
        _ job: @escaping @Sendable (State) throws(NodeError) -> Value
    ) async throws(NodeError) -> Value {
        guard startFailure == 0 else {
            throw NodeError(.errno(startFailure), operation: "start", subject: "thread")
        }
        let result: Result<Value, NodeError> = await withCheckedContinuation { continuation in
            inbox.add { opened in
                continuation.resume(
                    returning: opened.flatMap { state in
                        Result { () throws(NodeError) -> Value in try job(state) }
                    })
            }
        }
        return try result.get()
    }

    /// Runs the job some time later; for a caller that cannot wait. Nothing happens when the state cannot be opened.
    package func enqueue(_ job: @escaping @Sendable (State) -> Void) {
        inbox.add { opened in
            if case .success(let state) = opened { job(state) }
        }
    }
}

/// Jobs on their way to a thread, and the descriptor that wakes it.
final class Inbox<State>: Sendable {
    typealias Job = @Sendable (Result<State, NodeError>) -> Void

    private struct Content {
        var jobs: [Job] = []
        var isEnded = false
    }

    private let content = Mutex(Content())
    /// -1 when eventfd(2) failed: then nothing wakes the thread, and it looks by itself every 10 ms.
    let wake = clinux_eventfd()

    deinit { if wake >= 0 { close(wake) } }

    func add(_ job: @escaping Job) {
        content.withLock { $0.jobs.append(job) }
        signal()
    }

    func end() {
        content.withLock { $0.isEnded = true }
        signal()
    }

    /// The waiting jobs, and whether no more will come.
    func take() -> (jobs: [Job], isEnded: Bool) {
        if wake >= 0 {
            var count: UInt64 = 0
            _ = read(wake, &count, 8)  // EAGAIN when nothing was signalled: jobs are looked for all the same
        }
        return content.withLock { content in
            defer { content.jobs = [] }
            return (content.jobs, content.isEnded)
        }
    }

    private func signal() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)  // can only fail when the counter is full, and then the thread is awake
    }
}

/// Starts a detached thread with all signals blocked: they belong to the program's main thread.
/// - Returns: 0 or an errno.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Int32 {
    final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)  // inherited by the thread, so that it never runs with any unblocked
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Body(body))
    let failure = pthread_create(
        &thread, &attributes,
        { context in
            guard let context else { return nil }
            Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
            return nil
        }, context.toOpaque())
    if failure != 0 { context.release() }
    return failure
}
