import CMnl
import Glibc
import NodePorts

/// The network namespace that the process itself runs in, held open so that a thread can come back to it.
///
/// A thread that is away must never wake a task: the runtime may start a new thread of its pool from the waking
/// thread, and that would be born in the wrong namespace. So every job goes, works, comes back, and only then answers.
final class HomeNamespace: Sendable {
    let descriptor: Int32

    /// Call it on a thread that is at home.
    init() throws(NodeError) {
        descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw KernelError.last("open").error("open", "/proc/thread-self/ns/net")
        }
    }

    deinit { close(descriptor) }

    func enter() {
        if setns(descriptor, Int32(CMNL_CLONE_NEWNET)) != 0 {
            // Going on would let tasks of the whole process run in a namespace they do not know of. It cannot fail for a
            // thread that could leave; if it does, the process must not live.
            fatalError("cannot return to the home network namespace: errno \(errno)")
        }
    }
}
