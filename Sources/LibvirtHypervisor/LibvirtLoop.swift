import CLibvirt
import LinuxProcesses
import NodePorts

/// The thread on which libvirt hears its daemons: one a process, for good, as libvirt's default event loop is one.
/// Without it a connection has neither events nor keep-alives.
enum LibvirtLoop {
    private final class Nothing: ThreadState {
        var watched: [Int32] { [] }
        func isReady(_ descriptor: Int32) {}
        var deadline: ContinuousClock.Instant? { nil }
        func deadlineIsOver() {}
    }

    private static let thread: NamespaceThread<Nothing> = {
        virInitialize()
        clibvirt_silence()
        virEventRegisterDefaultImpl()
        let thread = NamespaceThread<Nothing>("libvirt-events", in: nil) { () throws(NodeError) in Nothing() }
        thread.enqueue { _ in
            // An error of one round says nothing of the next.
            while true { virEventRunDefaultImpl() }
        }
        return thread
    }()

    /// Before the first connection.
    static func begin() { _ = thread }
}
