import Addressing
import NFTables
package import NetworkModel
import Resources

/// What became of one step.
package enum StepOutcome: Hashable, Sendable {
    case done
    /// With the kernel's or daemon's own words.
    case failed(String)
    /// Not tried, because a step of this subject failed before.
    case skipped(Subject)
}

extension PlanningState {
    /// What the host says about its resources after a plan was carried out and this state observed (or expected).
    ///
    /// - Parameters:
    ///   - plan: what was to be done, with its refusals.
    ///   - outcomes: one for each step, in order; steps without one were not reached.
    ///   - scope: whose reports are wanted, widened as for `plan(_:)`. Everything also has one for the host.
    /// - Returns: one for every desired subject of the scope that this host has a part in. No report for what is gone:
    ///   its failures, if any, are told by the host's.
    package func reports(after plan: HostPlan, outcomes: [StepOutcome], scope: PlanScope = .whole)
        -> [Subject: Report]
    {
        let judge = ReportJudge(context: context, plan: plan, outcomes: outcomes)
        let closed = ClosedScope(scope, in: context)
        var reports: [Subject: Report] = [:]
        for id in closed.segments { reports[.segment(id)] = judge.segment(id) }
        for id in closed.attachments { reports[.attachment(id)] = judge.attachment(id) }
        for id in closed.gateways { reports[.gateway(id)] = judge.gateway(id) }
        if closed.host { reports[.host] = judge.host() }
        return reports
    }
}

/// Judges by what was refused, what failed, and what is there now, in this order.
struct ReportJudge {
    let context: PlanContext
    private var refusals: [Subject: Refusal] = [:]
    private var troubles: [Subject: (phase: Report.Phase, message: String)] = [:]

    init(context: PlanContext, plan: HostPlan, outcomes: [StepOutcome]) {
        self.context = context
        for refusal in plan.refusals where refusals[refusal.subject] == nil { refusals[refusal.subject] = refusal }
        for (index, step) in plan.steps.enumerated() where troubles[step.subject] == nil {
            switch index < outcomes.count ? outcomes[index] : nil {
            case .done: break
            case .failed(let words): troubles[step.subject] = (.failed, words)
            case .skipped(let other) where other != step.subject:
                let reason = troubles[other].map { ": \($0.message)" } ?? ""
                troubles[step.subject] = (.pending, "waits for \(other)\(reason)")
            case .skipped: break
            case nil: troubles[step.subject] = (.pending, "is being set up")
            }
        }
    }

    func segment(_ id: ResourceID) -> Report? {
        guard let segment = context.desired.segments[id], context.isPresent(id) else { return nil }
        let isThere =
            context.seen.marks[.bridge(segment.vni)] == .segment(id)
            && context.seen.marks[.vxlan(segment.vni)] == .segment(id)
        var report = report(
            .segment(id), segment.generation,
            missing: isThere ? nil : "waits for its devices, which are not there yet")
        // During a move of the role: whom the guards let through.
        if segment.gateways.count > 1, report.phase == .wired, hasAdmitted(segment) {
            report.details[DesiredSegment.routersDetail] = segment.routersText
        }
        return report
    }

    /// Whether the guards let through what every router of the segment sends, from elsewhere and from ports here.
    private func hasAdmitted(_ segment: DesiredSegment) -> Bool {
        let content = context.observed.filter.content
        let held = HeldChange(
            from: content.held(on: segment.vni), to: context.desired.bindings[segment.id] ?? [:], on: segment.vni)
        guard held.added.isEmpty,
            Set(context.tunnelElements(of: segment)).isSubset(of: content.tunnel(of: segment.vni))
        else { return false }
        return (context.wanted.attachments[segment.id] ?? []).allSatisfy { id in
            guard let attachment = context.desired.attachments[id], segment.gateways.contains(attachment.mac),
                context.mayForward(attachment), context.observed.filter.ready.contains(attachment.portName)
            else { return true }
            return Set(context.guardElements(of: attachment)).isSubset(of: content[.port(attachment.portName)])
        }
    }

    func attachment(_ id: ResourceID) -> Report? {
        guard let attachment = context.desired.attachments[id] else { return nil }
        let missing: String? =
            if !context.isSafe(attachment) {
                "waits for its port, which is not as it shall be yet"
            } else if context.isHeldBack(attachment) {
                nil
            } else if !context.observed.filter.ready.contains(attachment.portName) {
                "waits for its port to be let through"
            } else {
                nil
            }
        var report = report(.attachment(id), attachment.generation, missing: missing)
        if context.isSafe(attachment) { report.interface = attachment.portName }
        return report
    }

    /// Wired when all its ports are, with the state of its daemon.
    func gateway(_ id: ResourceID) -> Report? {
        guard let gateway = context.desired.gateways[id] else { return nil }
        if gateway.role.isOver { return formerGateway(gateway) }
        var missing: String?
        for (segment, port) in gateway.ports.sorted(by: { $0.key < $1.key }) where missing == nil {
            guard let report = attachment(port), report.phase == .wired else {
                missing = "waits for its port \(port) on segment \(segment)"
                continue
            }
        }
        var details: [String: String] = [:]
        let instance = DaemonInstance.radvd(of: id)
        if let daemon = context.observed.daemons[instance] {
            details["radvd"] = daemon.isRunning ? "running" : "not running"
            details["radvdRestarts"] = "\(daemon.restarts)"
            if !daemon.isRunning, missing == nil { missing = notRunning("radvd", daemon) }
        } else if missing == nil, isAdvertised(gateway) {
            missing = "waits for radvd"
        }
        if let daemon = context.observed.daemons[DaemonInstance.resolver(of: id)] {
            details["unbound"] = daemon.isRunning ? "running" : "not running"
            details["unboundRestarts"] = "\(daemon.restarts)"
            if !daemon.isRunning, missing == nil { missing = notRunning("unbound", daemon) }
            if let problem = daemon.problem, missing == nil { missing = "its resolver (unbound) \(problem)" }
            if let resolver = gateway.resolver, !resolver.zones.isEmpty, resolver.servers.isEmpty {
                details["cloudNames"] =
                    "not resolved for guests: no host with the role dns has a service address "
                    + "(`kcnet host update HOST --service-address ADDRESS`)"
            }
        } else if gateway.resolver != nil, missing == nil {
            missing = "waits for unbound"
        }
        if let problem = dhcp(DaemonInstance.keaDHCP6(of: id), "DHCPv6", isWanted: hasDHCP(gateway), &details) {
            missing = missing ?? problem
        }
        if let problem = dhcp(DaemonInstance.keaDHCP4(of: id), "DHCPv4", isWanted: hasIPv4(gateway), &details) {
            missing = missing ?? problem
        }
        if gateway.nat64 != nil {
            let isThere = context.observed.inside[.gateway(id)]?.translator != nil
            let tayga = context.observed.daemons[DaemonInstance.tayga(in: .gateway(id))]
            details["translator"] = tayga != nil ? "tayga" : isThere ? "kernel" : "missing"
            if let tayga {
                details["taygaRestarts"] = "\(tayga.restarts)"
                if !tayga.isRunning, missing == nil { missing = notRunning("tayga", tayga) }
            }
            if !isThere, missing == nil { missing = "waits for its translator between IPv6 and IPv4" }
        }
        if let daemon = context.observed.daemons[DaemonInstance.guestProxy(of: id)] {
            details["kc-proxy"] = daemon.isRunning ? "running" : "not running"
            details["kc-proxyRestarts"] = "\(daemon.restarts)"
        }
        let obstacle = context.obstacleOutside(of: gateway)
        details["wayOut"] = obstacle.map { "no: \($0)" } ?? "yes"
        details["routerLifetime"] = obstacle == nil ? "\(PlanDraft.routerLifetimeSeconds)" : "0"
        if gateway.role == .next, gateway.uplink != nil, let obstacle, missing == nil {
            missing = "it has no way out: \(obstacle)"
        }
        details.merge(roleDetails(gateway)) { $1 }
        var report = report(.gateway(id), gateway.generation, missing: missing)
        report.details = details
        return report
    }

    /// Clear when nothing of it is left.
    private func formerGateway(_ gateway: DesiredGateway) -> Report {
        let id = gateway.id
        let isClear =
            context.seen.gateways[id]?.isEmpty ?? true && context.seen.owned[.gateway(id)]?.isEmpty ?? true
            && DaemonInstance.all(of: id).allSatisfy { context.observed.daemons[$0] == nil }
        var report = report(
            .gateway(id), gateway.generation, missing: isClear ? nil : "gives up what it had of the gateway")
        report.details = roleDetails(gateway)
        return report
    }

    private func roleDetails(_ gateway: DesiredGateway) -> [String: String] {
        guard gateway.term != 0 || gateway.role != .active else { return [:] }
        return [DesiredGateway.roleDetail: gateway.role.rawValue, DesiredGateway.termDetail: "\(gateway.term)"]
    }

    private func isAdvertised(_ gateway: DesiredGateway) -> Bool {
        gateway.ports.keys.contains { context.desired.segments[$0]?.ipam == .automatic }
    }

    /// - Parameter daemon: with its last words for a problem.
    private func notRunning(_ name: String, _ daemon: ObservedDaemon) -> String {
        "\(name) is not running; it is started again" + (daemon.problem.map { "; it said: \($0)" } ?? "")
    }

    /// The state of a DHCP server among the details.
    /// - Returns: what is missing.
    private func dhcp(_ instance: String, _ name: String, isWanted: Bool, _ details: inout [String: String]) -> String?
    {
        guard let daemon = context.observed.daemons[instance] else {
            return isWanted ? "waits for the \(name) server (Kea)" : nil
        }
        let key = name == "DHCPv6" ? "dhcp6" : "dhcp4"
        details[key] = daemon.isRunning ? daemon.problem ?? "running" : "not running"
        details[key + "Restarts"] = "\(daemon.restarts)"
        guard daemon.isRunning else { return notRunning("the \(name) server (Kea)", daemon) }
        return daemon.problem.map { "the \(name) server (Kea) does not serve all segments: \($0)" }
    }

    private func hasIPv4(_ gateway: DesiredGateway) -> Bool {
        gateway.ports.keys.contains { context.desired.segments[$0]?.ipv4 != nil }
    }

    private func hasDHCP(_ gateway: DesiredGateway) -> Bool {
        gateway.ports.keys.contains { id in
            context.desired.segments[id].map { $0.ipam == .automatic && $0.dhcp != .none } ?? false
        }
    }

    /// Unfit when its underlay is; its own troubles, and those of what nobody else tells of any more.
    func host() -> Report {
        let host = context.desired.host
        if let problem = context.fitness.problem {
            return Report(phase: .unfit, generation: host.generation, message: problem)
        }
        let homeless = troubles.filter { !isTold($0.key) }.sorted { $0.value.message < $1.value.message }
        if let trouble = (homeless.first { $0.value.phase == .failed } ?? homeless.first)?.value {
            return Report(phase: trouble.phase, generation: host.generation, message: trouble.message)
        }
        return Report(phase: .wired, generation: host.generation, interface: host.interface)
    }

    private func isTold(_ subject: Subject) -> Bool {
        switch subject {
        case .host, .orphan: false
        case .segment(let id): context.isPresent(id)
        case .attachment(let id): context.desired.attachments[id] != nil
        case .gateway(let id): context.desired.gateways[id] != nil
        }
    }

    private func report(_ subject: Subject, _ generation: UInt64, missing: String?) -> Report {
        if let refusal = refusals[subject] {
            return Report(phase: refusal.phase, generation: generation, message: refusal.message)
        }
        if let trouble = troubles[subject] {
            return Report(phase: trouble.phase, generation: generation, message: trouble.message)
        }
        if let missing { return Report(phase: .pending, generation: generation, message: missing) }
        return Report(phase: .wired, generation: generation)
    }
}
