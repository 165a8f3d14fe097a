import APIClient
import HostState
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources
import SystemService

/// What is made of a turn's outcome: retries, troubles, counters, and words for people.
extension Convergence {
    /// The steps that may be tried now: those of a subject that failed wait, unless what is desired of it changed. What
    /// would forward without a guard waits for the guard.
    func admissible(_ plan: HostPlan, _ focus: Focus, at now: ContinuousClock.Instant) -> [Step] {
        guard !retries.isEmpty else { return plan.steps }
        var guardWaits = false
        return plan.steps.filter { step in
            if guardWaits, step.operation.opensAWay { return false }
            let waits = retries.isWaiting(step.subject, at: now) && !focus.changed.contains(step.subject)
            if waits, case .filter(.install) = step.operation { guardWaits = true }
            return !waits
        }
    }

    mutating func judge(_ work: Work, _ focus: Focus, since start: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        var failed: [Subject: PlanOutcome.Failure] = [:]
        for failure in work.outcome.failures where failed[failure.step.subject] == nil {
            failed[failure.step.subject] = failure
        }
        for (subject, failure) in failed {
            retries.failed(subject, at: now, jitter: .random(in: 0...1))
            trouble(subject, Trouble(phase: .failed, message: failure.error.description))
        }
        var refused: [Subject: Refusal] = [:]
        for refusal in work.plan.refusals where refused[refusal.subject] == nil {
            refused[refusal.subject] = refusal
        }
        for (subject, refusal) in refused where failed[subject] == nil {
            retries.succeeded(subject)
            trouble(subject, Trouble(phase: refusal.phase, message: refusal.message))
        }
        // Whoever was looked at and has nothing left to be done, nor is refused, is well.
        let undone = Set(work.withheld.map(\.subject) + work.outcome.skipped.map(\.step.subject)).union(failed.keys)
        for subject in Array(troubles.keys)
        where work.scope.covers(subject) && !undone.contains(subject) && refused[subject] == nil {
            troubles[subject] = nil
            retries.succeeded(subject)
            logger.notice("is well again", metadata: ["subject": "\(subject)"])
        }
        // A step that could not be tried for the failure of another's is tried again with it; on a paused host none is.
        for subject in undone where !isPaused && failed[subject] == nil && retries.failures(of: subject) == 0 {
            retries.failed(subject, at: now, jitter: .random(in: 0...1))
        }
        waiting = []
        for (subject, trouble) in troubles where trouble.phase != .failed || retries.failures(of: subject) == 0 {
            waiting.insert(subject)
        }
        leftovers.formUnion(work.deferred.map(\.subject))
        nextRecheck = recheckable.isEmpty ? nil : now + settings.recheck
        let began = focus.survey?.began ?? start
        count(work, focus, took: now - (counters.firstSync == nil ? begun ?? began : began))
    }

    private mutating func trouble(_ subject: Subject, _ trouble: Trouble) {
        // A subject that fails in the same way again and again is told of once.
        guard troubles.updateValue(trouble, forKey: subject) != trouble else { return }
        let metadata: Logger.Metadata = [
            "subject": "\(subject)", "phase": "\(trouble.phase.rawValue)", "reason": "\(trouble.message)",
        ]
        logger.notice("is not as it shall be", metadata: metadata)
    }

    private mutating func count(_ work: Work, _ focus: Focus, took: Duration) {
        counters.operations += work.outcome.done.count
        counters.failedOperations += work.outcome.failures.count
        counters.isInSync =
            work.withheld.isEmpty && retries.isEmpty && leftovers.isEmpty
            && !troubles.values.contains { $0.phase == .failed }
        if focus.survey != nil {
            counters.lastSync = took
            counters.lastFullComparison = .now
        }
        let metadata: Logger.Metadata = [
            "operations": "\(work.outcome.done.count)", "failed": "\(work.outcome.failures.count)",
            "milliseconds": "\(took.milliseconds)",
        ]
        if focus.survey != nil, counters.firstSync == nil {
            counters.firstSync = took
            logger.notice("in sync, \(work.outcome.done.count) operations", metadata: metadata)
            return
        }
        let repairs = work.outcome.done.filter { isRepair($0, work, focus) }
        if !repairs.isEmpty {
            counters.driftRepairs += repairs.count
            counters.rulesetRebuilds += repairs.count(where: \.operation.installsFilter)
            let subjects = Set(repairs.map(\.subject.description)).sorted()
            logger.notice(
                "repaired what somebody had changed",
                metadata: [
                    "operations": "\(repairs.count)", "subjects": "\(subjects.prefix(5).joined(separator: ","))",
                    "milliseconds": "\(took.milliseconds)",
                ])
        } else if !work.outcome.done.isEmpty {
            logger.info("applied", metadata: metadata)
        }
    }

    /// Whether nothing that is known to the agent called for the step.
    private func isRepair(_ step: Step, _ work: Work, _ focus: Focus) -> Bool {
        guard !focus.isFirst, !focus.isTidying, !work.adapting.contains(step) else { return false }
        switch step.subject {
        // A change of any resource can move what is the host's or nobody's.
        case .host, .orphan: return focus.changed.isEmpty && focus.expected.isEmpty
        default:
            return !focus.changed.contains(step.subject) && !focus.expected.contains(step.subject)
                && !related(step.subject, to: focus)
        }
    }

    /// An attachment's first comes with its segment's devices and its last takes them away; a gateway knows the addresses
    /// of its segments' attachments, here and elsewhere.
    private func related(_ subject: Subject, to focus: Focus) -> Bool {
        switch subject {
        case .segment: focus.changed.contains { if case .attachment = $0 { true } else { false } }
        case .attachment: focus.changed.contains { if case .gateway = $0 { true } else { false } }
        case .gateway:
            focus.changed.contains {
                switch $0 {
                case .gateway, .segment, .attachment: true
                case .host, .orphan: false
                }
            }
        case .host, .orphan: false
        }
    }
}

extension PlanScope {
    /// Whether a plan of this scope says everything about the subject.
    func covers(_ subject: Subject) -> Bool {
        if isWhole { return true }
        switch subject {
        case .host, .orphan: return host
        case .segment(let id): return segments.contains(id)
        case .attachment(let id): return attachments.contains(id)
        case .gateway(let id): return gateways.contains(id)
        }
    }
}

extension Operation {
    /// The whole ruleset is made anew.
    fileprivate var installsFilter: Bool { if case .filter(.install) = self { true } else { false } }
}
