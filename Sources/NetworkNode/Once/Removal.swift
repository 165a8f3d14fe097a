package import Logging
import NetworkModel
package import NetworkPlanning
package import NodePorts

/// Takes everything of KC away from a host, and nothing else: `kcd node --remove`.
package struct Removal: Sendable {
    private let ports: HostPorts

    private let logger: Logger

    package init(_ ports: HostPorts, logger: Logger) {
        self.ports = ports
        self.logger = logger
    }

    package struct Report: Sendable {
        /// In the order they were done.
        package var done: [Step] = []
        /// What is still there, and why.
        package var left: [PlanOutcome.Failure] = []
    }

    /// Looks, removes, and looks again, until nothing of KC is seen or nothing more can be removed.
    package func run() async throws(NodeError) -> Report {
        let observer = HostObserver(ports, logger)
        let executor = PlanExecutor(ports)
        var report = Report()
        // What one device hides shows when it is gone; a third look that still finds something finds what failed.
        for _ in 0..<3 {
            let plan = HostPlanner.removal(observed: try await observer.everything(wanted: []))
            guard !plan.isEmpty else {
                report.left = []
                break
            }
            let outcome = await executor.apply(plan.steps, desired: nil)
            report.done += outcome.done
            report.left = outcome.failures
        }
        // The name server has ended with the other daemons; what it kept, its keys too, goes.
        try await ports.names?.keep([], keysOf: [])
        return report
    }
}
