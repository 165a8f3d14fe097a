package import ComputeModel
package import Resources

/// What is known of one VM on its host, from which its report is made. Pure.
package struct MachineStanding: Sendable {
    package var order: MachineOrder
    package var domain: ObservedDomain?
    package var hasDisk: Bool
    package var obstacles: [Obstacle]
    /// What the last step that was tried ended with, until one succeeds.
    package var failure: Obstacle?
    /// Whether steps are being done for it.
    package var isBusy: Bool

    package init(
        order: MachineOrder, domain: ObservedDomain?, hasDisk: Bool, obstacles: [Obstacle] = [],
        failure: Obstacle? = nil, isBusy: Bool = false
    ) {
        self.order = order
        self.domain = domain
        self.hasDisk = hasDisk
        self.obstacles = obstacles
        self.failure = failure
        self.isBusy = isBusy
    }

    private var isOn: Bool { domain.map { !$0.isOff } ?? false }

    private var state: VirtualMachineReport.State {
        if isOn { return order.power == .on ? .running : .stopping }
        if order.power == .off, failure == nil { return .stopped }
        if failure != nil { return .failed }
        if !obstacles.isEmpty { return .waiting }
        return .starting
    }

    /// - Parameters:
    ///   - before: what was said last; what has not changed keeps its time.
    ///   - now: the time of what has.
    package func report(after before: VirtualMachineReport?, now: Timestamp) -> VirtualMachineReport {
        var conditions = [condition(.placed, true, before, now)]
        conditions.append(condition(.diskReady, hasDisk, before, now, standing: "the disk is not made yet"))
        conditions.append(
            condition(
                .attachmentsWired, order.interfaces.allSatisfy(\.isWired), before, now,
                standing: "not all attachments are wired yet"))
        conditions.append(
            condition(
                .defined, domain.map { !$0.definition.isEmpty } ?? false, before, now,
                standing: "the hypervisor does not know it yet"))
        if order.power == .on {
            let reason: String? = if case .off(let reason) = domain?.phase { "it does not run: \(reason)" } else { nil }
            conditions.append(condition(.started, isOn, before, now, standing: reason ?? "it has not been started yet"))
        }
        let state = state
        let since = before.flatMap { $0.state == state ? $0.since : nil } ?? now
        return VirtualMachineReport(state: state, generation: order.generation, since: since, conditions: conditions)
    }

    private func condition(
        _ kind: Condition.Kind, _ holds: Bool, _ before: VirtualMachineReport?, _ now: Timestamp, standing: String = ""
    ) -> Condition {
        // What is wrong with it is said even where it holds for now: a disk that is there and may not be used.
        let trouble = ([failure].compactMap { $0 } + obstacles).first { $0.kind == kind }
        let holds = holds && trouble == nil
        let message = trouble?.message ?? (holds ? "" : standing)
        let new = Condition(kind, holds: holds, since: now, message: message)
        guard let old = before?.conditions.first(where: { $0.kind == kind }), old.holds == new.holds,
            old.message == new.message
        else { return new }
        return old
    }
}
