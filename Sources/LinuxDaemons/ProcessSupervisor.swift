package import DaemonConfigs
import LinuxProcesses
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// Runs standard daemons as child processes, each in the network namespace its spec names.
///
/// A daemon does not need the agent: it has its own session and a log that never blocks it, and its files in the run
/// directory let the next agent take it up as it is. It is checked every two seconds that each process is there and
/// not stopped; the daemon itself is not asked, because radvd has no question that costs its guests nothing (a router
/// solicitation would be heard on the segment).
package final class ProcessSupervisor: DaemonSupervisor {
    private let thread: NamespaceThread<SupervisorState>
    private let hints: Hints

    /// - Parameters:
    ///   - runDirectory: where each instance has a directory; made when it is missing. It must not outlive a boot.
    ///   - binaries: in place of Debian's paths.
    ///   - log: each line a daemon writes, and what the supervisor does about it; called on the supervisor's thread,
    ///     must not block.
    package init(
        runDirectory: String = "/run/kc/daemons", binaries: [DaemonSpec.Program: String] = [:],
        log: @escaping @Sendable (_ instance: String, _ line: String) -> Void
    ) {
        let hints = Hints()
        self.hints = hints
        thread = NamespaceThread("kc-daemons", in: nil) { () throws(NodeError) -> SupervisorState in
            try SupervisorState(root: runDirectory, binaries: binaries, log: log, changed: hints.tell)
        }
    }

    /// What runs, also what an earlier agent left. Empty when the run directory cannot be read; `ensure` tells why.
    package func observe() async -> [String: ObservedDaemon] {
        do throws(NodeError) {
            return try await thread.run { state throws(NodeError) in state.observe() }
        } catch {
            return [:]
        }
    }

    package func ensure(_ spec: DaemonSpec) async throws(NodeError) {
        try await thread.run { state throws(NodeError) in try state.ensure(spec) }
    }

    package func stop(instance: String, withdraw: Bool) async throws(NodeError) {
        try await thread.run { state throws(NodeError) in try state.stop(instance, withdraw: withdraw) }
    }

    package func leases(instance: String) async throws(NodeError) -> [Lease] {
        try await thread.run { state throws(NodeError) in try state.leases(of: instance) }
    }

    package func events() -> AsyncStream<Void> {
        let stream = hints.listen()
        thread.enqueue { _ in }  // takes up what is there, so that its end is heard
        return stream
    }
}
