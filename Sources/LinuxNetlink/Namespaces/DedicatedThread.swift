import CMnl
import Dispatch
import Glibc
import Synchronization

/// A thread of our own that does jobs one after the other, so that blocking calls stay off the cooperative pool.
///
/// Ends when `end` was called and what was asked of it before is done.
final class DedicatedThread: Sendable {
    typealias Job = @Sendable () -> Void

    private struct Queue {
        var jobs: [Job] = []
        var isEnded = false
    }

    private let queue = Mutex(Queue())
    private let signal = DispatchSemaphore(value: 0)

    /// Call it only from a thread that is in the home namespace: the new one is born where its maker is.
    init() throws(KernelError) {
        try startThread { self.run() }
    }

    /// Queues a job; false when the thread was ended, and the job will not be done.
    func enqueue(_ job: @escaping Job) -> Bool {
        let taken = queue.withLock { queue in
            if !queue.isEnded { queue.jobs.append(job) }
            return !queue.isEnded
        }
        if taken { signal.signal() }
        return taken
    }

    func end() {
        queue.withLock { $0.isEnded = true }
        signal.signal()
    }

    private func run() {
        while true {
            signal.wait()
            let (jobs, isEnded) = queue.withLock { queue in
                let jobs = queue.jobs
                queue.jobs = []
                return (jobs, queue.isEnded)
            }
            for job in jobs { job() }
            if isEnded { return }
        }
    }
}

/// Starts a detached thread with all signals blocked: they belong to the program's own handlers.
func startThread(_ body: @escaping @Sendable () -> Void) throws(KernelError) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 1 << 20)
    let box = Unmanaged.passRetained(Box(body))
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard result == 0 else {
        box.release()
        throw KernelError(errno: result, message: "pthread_create")
    }
}
