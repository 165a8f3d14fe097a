import ComputeModel
import ComputePlanning
import Resources
import SystemService

/// What was said last, so that only news is said again.
struct ReportBook: Sendable {
    private var machines: [ResourceID: VirtualMachineReport] = [:]
    private var host: ComputeHostReport?

    mutating func news(_ standing: MachineStanding) -> VirtualMachineReport? {
        let before = machines[standing.order.id]
        let report = standing.report(after: before, now: .now)
        guard report != before else { return nil }
        machines[standing.order.id] = report
        return report
    }

    mutating func keep(_ vms: Set<ResourceID>) { machines = machines.filter { vms.contains($0.key) } }

    mutating func news(
        _ observed: ObservedComputeHost, _ facts: ComputeAgent.Facts, _ capacity: Capacity, _ message: String
    ) -> ComputeHostReport? {
        let report = ComputeHostReport(
            architecture: facts.architecture, capacity: capacity, hasKVM: facts.hasKVM,
            images: Array(observed.files.images), foreign: observed.foreign, message: message)
        guard report != host else { return nil }
        host = report
        return report
    }

    /// The last report with that message; before the first one only what is known without looking. nil when it was said.
    mutating func trouble(
        _ message: String, _ facts: ComputeAgent.Facts, _ capacity: Capacity
    ) -> ComputeHostReport? {
        let report = ComputeHostReport(
            architecture: facts.architecture, capacity: host?.capacity ?? capacity, hasKVM: facts.hasKVM,
            images: host?.images ?? [], foreign: host?.foreign ?? [], message: message)
        guard report != host else { return nil }
        host = report
        return report
    }
}
