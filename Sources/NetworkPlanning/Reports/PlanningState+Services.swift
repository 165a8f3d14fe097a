package import NetworkModel
package import Resources

extension PlanningState {
    /// What the host says about the services that a gateway of its offers: wired when guests are heard and the consumer
    /// is there. What its proxy says is wrong begins with a service's id, or with `-` for all.
    package func serviceReports(of gateway: ResourceID) -> [ResourceID: Report] {
        guard let gateway = desired.gateways[gateway] else { return [:] }
        let daemon = context.observed.daemons[DaemonInstance.guestProxy(of: gateway.id)]
        let problems = (daemon?.problem ?? "").split(separator: "\n")
        var reports: [ResourceID: Report] = [:]
        for service in gateway.services {
            var report = Report(phase: .wired, generation: service.generation)
            if daemon?.isRunning != true {
                report.phase = .pending
                report.message = "waits for its proxy (kc-proxy)"
            } else if let problem = problems.first(where: { $0.hasPrefix(service.id.description + " ") })
                ?? problems.first(where: { $0.hasPrefix("- ") })
            {
                report.phase = .failed
                report.message = problem.split(separator: " ", maxSplits: 1).last.map(String.init)
            } else if let problem = problems.first(where: { !$0.hasPrefix("- ") && ResourceID($0.prefix(36)) == nil }) {
                // No answer at all.
                report.phase = .pending
                report.message = String(problem)
            }
            reports[service.id] = report
        }
        return reports
    }
}
