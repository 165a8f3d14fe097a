import APIClient
import HostState
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// What the agent says after a turn. It says what it has to say about everything that was looked at; `ReportBook` sends
/// only what is news.
extension Convergence {
    mutating func reports(after work: Work) -> [ResourceReport] {
        guard let state else { return [] }
        var reports: [ResourceReport] = []
        for (subject, var report) in state.reports(after: work.plan, outcomes: outcomes(of: work), scope: work.scope) {
            if case .attachment(let id) = subject {
                report.details["learnedAddresses"] = bindings?.shortage(of: id)
            }
            if subject == .host {
                hostReport = report
                if isPaused { hostReport?.note(pausedWith: work.withheld.count) }
            } else if let subject = ReportSubject(subject) {
                reports.append(ResourceReport(subject, report))
            }
            guard case .gateway(let id) = subject else { continue }
            for (service, report) in state.serviceReports(of: id) {
                services.insert(service)
                reports.append(ResourceReport(kind: GuestService.kind, id: service, report: report))
            }
        }
        if !services.isEmpty {
            let wanted = Set(state.desired.gateways.values.flatMap(\.services).map(\.id))
            for service in services.subtracting(wanted) {
                reports.append(ResourceReport(kind: GuestService.kind, id: service, report: nil))
            }
            services.formIntersection(wanted)
        }
        // A segment without an attachment here has no devices here, and nothing is said of it any more.
        let said = Set(reports.map(\.id))
        for id in work.scope.segments where state.desired.segments[id] != nil && !said.contains(id) {
            reports.append(ResourceReport(kind: Segment.kind, id: id, report: nil))
        }
        for subject in departed where work.scope.covers(subject) && !isLeaving(subject) {
            departed.remove(subject)
            if let subject = ReportSubject(subject) { reports.append(ResourceReport(subject, nil)) }
        }
        return reports + host(state.desired.host)
    }

    /// When the host cannot be looked at, that is all there is to say.
    mutating func unseenHost() -> [ResourceReport] {
        guard let host = state?.desired.host else { return [] }
        hostReport = Report(
            phase: .failed, generation: host.generation, message: troubles[.host]?.message)
        return self.host(host)
    }

    private func host(_ host: HostIdentity) -> [ResourceReport] {
        guard var report = hostReport else { return [] }
        report.details.merge(facts.details) { judged, _ in judged }
        return [ResourceReport(kind: Host.kind, id: host.id, report: report)]
    }

    /// Whether something of a removed resource may still be there.
    private func isLeaving(_ subject: Subject) -> Bool {
        leftovers.contains(subject) || retries.failures(of: subject) > 0
    }

    /// One outcome for each step of the plan, in its order.
    private func outcomes(of work: Work) -> [StepOutcome] {
        guard !work.plan.isEmpty else { return [] }
        var outcomes: [Step: StepOutcome] = [:]
        outcomes.reserveCapacity(work.plan.steps.count)
        for step in work.outcome.done { outcomes[step] = .done }
        for failure in work.outcome.failures { outcomes[failure.step] = .failed(failure.error.description) }
        for skip in work.outcome.skipped { outcomes[skip.step] = .skipped(skip.waitsFor) }
        // Not tried again yet; it still is what it was.
        let reason = isPaused ? Report.paused : "waits to be tried again"
        for step in work.withheld { outcomes[step] = .failed(troubles[step.subject]?.message ?? reason) }
        // Nothing is wrong with what merely has not come to its turn.
        for step in work.deferred { outcomes[step] = .done }
        return work.plan.steps.map { outcomes[$0] ?? .skipped($0.subject) }
    }
}

extension ReportSubject {
    /// nil for what is no resource of its own.
    init?(_ subject: Subject) {
        switch subject {
        case .segment(let id): self.init(Segment.kind, id)
        case .attachment(let id): self.init(Attachment.kind, id)
        case .gateway(let id): self.init(Gateway.kind, id)
        case .host, .orphan: return nil
        }
    }
}

extension Report {
    /// Why a step is not done.
    fileprivate static let paused = "waits: the host is paused (`kcnet host update HOST --no-paused` lets it go on)"

    fileprivate mutating func note(pausedWith steps: Int) {
        phase = steps == 0 ? phase : .pending
        message = steps == 0 ? "paused" : "paused: \(steps) changes wait"
    }
}
