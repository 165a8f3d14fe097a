import Addressing
package import NetworkModel
package import NetworkPlanning
package import NodePorts

/// What became of the steps that were tried.
package struct PlanOutcome: Sendable {
    package struct Failure: Hashable, Sendable {
        package var step: Step
        package var error: NodeError
    }

    /// In the order they were done.
    package var done: [Step] = []
    package var failures: [Failure] = []
    /// Not tried, because a step of the named subject had failed that they stand on.
    package var skipped: [(step: Step, waitsFor: Subject)] = []
}

/// Does a plan's steps through the ports, in order, going on after failures: one subject's failure holds up only that
/// subject, and a guard that could not be installed holds up whatever would forward without it.
package struct PlanExecutor: Sendable {
    private let ports: HostPorts

    package init(_ ports: HostPorts) { self.ports = ports }

    /// - Parameter desired: what the plan was made for: which step stands on which; nil when it only removes, and each
    ///   step stands for itself.
    package func apply(_ steps: [Step], desired: HostSnapshot?) async -> PlanOutcome {
        var run = Run(failed: desired.map(FailedSteps.init))
        var index = 0
        while index < steps.count {
            if let obstacle = run.obstacle(to: steps[index]) {
                run.outcome.skipped.append((steps[index], obstacle))
                index += 1
                continue
            }
            var batch = [steps[index]]
            index += 1
            while index < steps.count, Self.batches(batch[0], with: steps[index]), run.obstacle(to: steps[index]) == nil
            {
                batch.append(steps[index])
                index += 1
            }
            var opening: [Step] = []
            while batch.count > Self.stretch, batch[0].operation.isHosts, index < steps.count,
                steps[index].operation.opensPort
            {
                opening.append(steps[index])
                index += 1
            }
            if opening.isEmpty {
                await apply(batch, in: &run)
            } else {
                await apply(batch, opening: opening, in: &run)
            }
        }
        ports.filter.meet(Set(run.outcome.done.compactMap(\.operation.portMade)))
        return run.outcome
    }

    /// Whether the two may go to a port in one call.
    private static func batches(_ first: Step, with next: Step) -> Bool {
        switch (first.operation, next.operation) {
        case (.link(_, let a), .link(_, let b)): a == b
        case (.filter(let a), .filter(let b)): a.isElement && b.isElement
        default: false
        }
    }

    private func apply(_ batch: [Step], in run: inout Run) async {
        switch batch[0].operation {
        case .link: run.note(await linked(batch))
        case .filter: run.note(await filtered(batch))
        default:
            for step in batch { run.note(step, await single(step.operation)) }
        }
    }

    /// Operations on devices of one namespace, in one call.
    func linked(_ batch: [Step]) async -> [(Step, OperationOutcome)] {
        guard case .link(_, let namespace) = batch.first?.operation else { return [] }
        let operations = batch.compactMap { if case .link(let operation, _) = $0.operation { operation } else { nil } }
        return Array(zip(batch, await ports.links.apply(operations, in: namespace)))
    }

    /// Operations on the packet filter: all or nothing, and when it is nothing, one by one, which tells which of them is
    /// at fault and lets the others through.
    func filtered(_ batch: [Step]) async -> [(Step, OperationOutcome)] {
        if batch.isEmpty { return [] }
        let operations = batch.compactMap { if case .filter(let operation) = $0.operation { operation } else { nil } }
        do throws(NodeError) {
            try await ports.filter.apply(operations)
            return batch.map { ($0, .success(())) }
        } catch {
            if batch.count == 1 { return [(batch[0], .failure(error))] }
            var outcomes: [(Step, OperationOutcome)] = []
            for step in batch { outcomes += await filtered([step]) }
            return outcomes
        }
    }

    private func single(_ operation: Operation) async -> OperationOutcome {
        do throws(NodeError) {
            switch operation {
            case .createNamespace(let name): try await ports.namespaces.create(name)
            case .deleteNamespace(let name): try await ports.namespaces.delete(name)
            case .setForwarding(let on, let name): try await ports.namespaces.setForwarding(on, in: name)
            case .firewall(let operation, let name): try await ports.firewalls.apply(operation, in: name)
            case .export(let route): try await ports.export.export(route)
            case .withdraw(let route): try await ports.export.withdraw(route)
            case .ensureDaemon(let spec): try await ports.daemons.ensure(spec)
            case .stopDaemon(let instance, let withdraw):
                try await ports.daemons.stop(instance: instance, withdraw: withdraw)
            case .ensureTranslator(let spec, let name): try await ports.translators.ensure(spec, in: name)
            case .removeTranslator(let name): try await ports.translators.remove(in: name)
            case .link, .filter: preconditionFailure("links and filters go in batches")
            }
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    /// What a run has met so far.
    struct Run {
        var outcome = PlanOutcome()
        var failed: FailedSteps?
        private var guardIsMissing = false

        init(failed: FailedSteps?) { self.failed = failed }

        func obstacle(to step: Step) -> Subject? {
            if guardIsMissing, step.operation.opensAWay { return .host }
            return failed?.obstacle(to: step)
        }

        mutating func note(_ outcomes: [(Step, OperationOutcome)]) {
            for (step, outcome) in outcomes { note(step, outcome) }
        }

        mutating func note(_ step: Step, _ result: OperationOutcome) {
            switch result {
            case .success: outcome.done.append(step)
            case .failure(let error):
                outcome.failures.append(PlanOutcome.Failure(step: step, error: error))
                failed?.insert(step)
                if case .filter(.install) = step.operation { guardIsMissing = true }
            }
        }
    }
}

extension FilterOperation {
    var isElement: Bool {
        switch self {
        case .close, .change: true
        case .install, .uninstall: false
        }
    }
}

extension Operation {
    /// The port of the host that may be another device after it.
    var portMade: InterfaceName? {
        switch self {
        case .link(.create(let new), in: nil) where new.name.isPort: new.name
        case .link(.change(let name, let change), in: nil) where name.isPort && change.master != nil: name
        case .link(.move(_, to: nil, as: let name), _) where name.isPort: name
        default: nil
        }
    }

    /// Frames could pass after it that did not before: never without the guard.
    var opensAWay: Bool {
        switch self {
        case .link(.create, _), .link(.change, _), .link(.addFlood, _): true
        case .filter(.change(_, remove: _, let added)): !added.isEmpty
        default: false
        }
    }
}
