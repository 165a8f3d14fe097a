import CLibvirt
package import ComputePorts
import LinuxProcesses
import Resources

/// Layer 5. Domains of one libvirtd. Must not know what a VM is for.
///
/// libvirt's calls block: they run on a thread of their own, one after the other. A call that does not end within its
/// deadline is left to that thread, its caller gets `timedOut`, and the next one a new thread with a connection of its own:
/// a daemon that hangs holds up nobody. Calls that waited behind it never happen.
package final class LibvirtHypervisor: Hypervisor {
    private let hints: LibvirtHints
    private let thread: DeadlineThread<LibvirtConnection>

    /// - Parameters:
    ///   - uri: as libvirt takes it, from the operator.
    ///   - deadline: of every call.
    package init(uri: String, deadline: Duration = .seconds(20)) {
        LibvirtLoop.begin()
        let hints = LibvirtHints()
        self.hints = hints
        thread = DeadlineThread("libvirt", deadline: deadline) {
            LibvirtConnection(uri: uri, listener: hints.listener)
        }
    }

    package func events() -> AsyncStream<HypervisorEvent> { hints.listen() }

    /// Runs `body` on the thread.
    func call<Value: Sendable>(
        _ operation: String, _ subject: String,
        _ body: @escaping @Sendable (LibvirtConnection) throws(HypervisorError) -> Value
    ) async throws(HypervisorError) -> Value {
        try await thread.call(
            late: { limit in
                HypervisorError(
                    .timedOut, operation: operation, subject: subject,
                    cause: "libvirt has not answered within \(limit); it hangs, or is overloaded")
            }, body)
    }
}
