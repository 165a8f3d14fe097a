import APIClient
import Addressing
import HostState
import Logging
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

/// What the agent knows and the turn by which it brings the host closer to what is desired: observe where something may
/// have changed, plan, apply, look again at what was touched, report.
///
/// A failure is data: it is noted for its subject, which is tried again after a wait, and holds up nothing else.
/// Owned by the one loop of `NodeAgent`; never shared.
struct Convergence: Sendable {
    let observer: HostObserver
    let executor: PlanExecutor
    let settings: AgentSettings
    var facts: HostFacts
    let logger: Logger

    /// What is desired and what was last seen, kept up to date change by change; nil before the first desired state.
    var state: PlanningState?
    /// Whether what was seen can be relied on: false before the first look and after one that failed.
    var hasLooked = false
    /// Whether what the disk kept is still being read.
    private(set) var isLoading = true
    /// The look at the whole host that goes on, or has come and waits for something to compare it with.
    var surveying: Surveying?
    /// Much was changed and not looked at again: a survey is to begin.
    var isUnsurveyed = false
    /// Devices that were changed and are said to be so by the kernel's acknowledgement alone.
    var unverified: Set<InterfaceName> = []
    /// Those that were found to be otherwise then.
    var doubtful: Set<InterfaceName> = []
    /// Why what waits for a survey is no repair.
    var awaiting = Focus()
    /// Whether the API has said what is desired since the agent started; until then it is what the disk kept, and
    /// nothing is taken away that it does not know.
    var isConfirmed = false
    /// Whether the snapshot differs from what was last taken for the disk by more than its revision.
    var isUnsaved = false
    var names = NameIndex()
    /// Who holds which address, as this host acts on it; nil before the first desired state.
    var bindings: BindingTable?
    var claims = ClaimCounters()
    /// Answers to guests that wait for the end of the turn.
    var objections: [Objection] = []
    /// Routers whose ports have just begun to forward: they are told of at the end of the turn.
    var announcements: [RouterAnnouncement] = []
    /// Subjects whose steps failed.
    var retries: Backoff<Subject>
    /// What is wrong with a subject.
    var troubles: [Subject: Trouble] = [:]
    /// Subjects that wait for something outside KC: looked at again every `recheck`.
    var waiting: Set<Subject> = []
    var nextRecheck: ContinuousClock.Instant?
    var echoes: EchoFilter
    /// Slow deletions that wait for a turn with nothing else to do.
    var leftovers: Set<Subject> = []
    /// Resources that left the snapshot and of which the last word is still to be said.
    var departed: Set<Subject> = []
    /// Services that something was said of.
    var services: Set<ResourceID> = []
    /// The last word on the host as a whole.
    var hostReport: Report?
    var counters = AgentCounters()
    private(set) var begun: ContinuousClock.Instant?

    /// Why a subject is not as it shall be.
    struct Trouble: Hashable, Sendable {
        /// `failed`: a step went wrong; `unfit`, `pending`: the plan refuses it.
        var phase: Report.Phase
        var message: String
    }

    /// What came of a turn.
    struct Result: Sendable {
        var reports: [ResourceReport] = []
        /// A survey is to begin, which looks into these namespaces beside those of KC's own.
        var survey: Set<NamespaceName>?
        /// When the loop must look by itself, if nothing wakes it earlier.
        var nextWake: ContinuousClock.Instant?
    }

    init(_ ports: HostPorts, settings: AgentSettings, facts: HostFacts, logger: Logger) {
        observer = HostObserver(ports, logger)
        executor = PlanExecutor(ports)
        self.settings = settings
        self.facts = facts
        self.logger = logger
        retries = Backoff(first: settings.firstRetry, limit: settings.longestRetry)
        echoes = EchoFilter(window: settings.echo)
    }

    var snapshot: HostSnapshot? { state?.desired }

    /// Somebody works on the host by hand: it is looked at, and nothing is changed.
    var isPaused: Bool { state?.desired.host.isPaused ?? false }

    /// Whether the first comparison is over, or there is nothing yet to compare with the host.
    var hasBegun: Bool { !isLoading && (state == nil || hasCompared) }

    /// Whether the host was compared with what is desired of it, or could not be.
    var hasCompared: Bool { hasLooked || troubles[.host] != nil }

    /// Begins with what was kept on disk, or what the API says first.
    /// - Parameter begun: when the time to the first synchronisation began to count; nil: with the survey.
    mutating func start(from snapshot: HostSnapshot, begun: ContinuousClock.Instant? = nil) {
        self.begun = begun
        state = PlanningState(desired: snapshot, observed: ObservedHost())
        names = NameIndex(snapshot)
        if bindings == nil { bindings = BindingTable(snapshot, settings: settings.bindings, at: .now) }
    }

    /// What a turn did.
    struct Work: Sendable {
        var scope: PlanScope
        var plan: HostPlan
        /// Steps that were not tried, because their subjects wait after failures.
        var withheld: [Step] = []
        /// Slow removals left to a later turn.
        var deferred: [Step] = []
        /// Of gateways' daemons that run and are told something else, since what was seen of a way out or of another daemon
        /// has changed: no repairs.
        var adapting: Set<Step> = []
        var outcome = PlanOutcome()
    }

    /// - Parameter begun: when the agent began.
    mutating func turn(
        _ content: Inbox.Content, begun: ContinuousClock.Instant, since start: ContinuousClock.Instant = .now
    ) async -> Result {
        var focus = Focus()
        if let kept = content.kept {
            isLoading = false
            if let snapshot = kept.snapshot {
                self.start(from: snapshot, begun: begun)
                focus.attention.subjects.insert(.host)
            }
        }
        if let result = content.survey { surveying?.result = result }
        if isUnsurveyed {
            isUnsurveyed = false
            focus.attention.everything = true
        }
        if !doubtful.isEmpty {
            focus.attention.links.formUnion(doubtful)
            doubtful = []
        }
        for update in content.updates { take(update, into: &focus) }
        tendBindings(content, into: &focus, at: start)
        focus.attention.merge(content.demands)
        focus.attention.merge(echoes.sift(content.events, at: start))
        focus.attention.merge(echoes.takeDue(at: start))
        focus.expected.formUnion(retries.due(at: start))
        if let due = nextRecheck, due <= start {
            let recheckable = recheckable
            focus.expected.formUnion(waiting.intersection(recheckable))
            focus.attention.subjects.formUnion(recheckable)
            nextRecheck = start + settings.recheck
        }
        focus.attention.subjects.formUnion(focus.expected)
        if let capabilities = content.capabilities {
            facts.capabilities = capabilities
            focus.attention.subjects.insert(.host)
        }
        let survey = self.survey(for: &focus, at: start)
        guard hasLooked || focus.survey != nil else { return Result(survey: survey, nextWake: nextWake(after: start)) }
        if focus.isIdle, focus.survey == nil, !leftovers.isEmpty {
            focus.isTidying = true
            focus.attention.subjects = Set(leftovers.prefix(settings.slowDeletions))
            leftovers.subtract(focus.attention.subjects)
        }
        guard state != nil, !focus.isIdle || focus.survey != nil else {
            return Result(survey: survey, nextWake: nextWake(after: start))
        }
        counters.turns += 1
        guard let scope = await look(&focus), var plan = state?.plan(scope) else {
            return Result(reports: unseenHost(), survey: survey, nextWake: nextWake(after: start))
        }
        if !isConfirmed, let snapshot { plan = plan.withoutRemovals(beyond: snapshot) }
        let work = await carryOut(plan, scope, focus, at: start)
        await lookAgain(after: work.outcome)
        judge(work, focus, since: start)
        noteOpened(work.outcome)
        noteAnswered(content.claims, at: .now)
        let reports = reports(after: work)
        if nextRecheck == nil, !recheckable.isEmpty { nextRecheck = start + settings.recheck }
        return Result(reports: reports, survey: survey, nextWake: nextWake(after: .now))
    }

    private func carryOut(
        _ plan: HostPlan, _ scope: PlanScope, _ focus: Focus, at now: ContinuousClock.Instant
    ) async -> Work {
        var work = Work(scope: scope, plan: plan)
        guard !plan.isEmpty, let state else { return work }
        let desired = state.desired
        work.adapting = Set(plan.steps.filter { state.isRunning($0.operation) })
        guard !isPaused else {
            work.withheld = plan.steps
            return work
        }
        var steps = admissible(plan, focus, at: now)
        if steps.count < plan.steps.count {
            let admitted = Set(steps)
            work.withheld = plan.steps.filter { !admitted.contains($0) }
        }
        if !focus.isTidying {
            let schedule = PlanSchedule(steps)
            steps = schedule.now
            work.deferred = schedule.later
        }
        work.outcome = await executor.apply(steps, desired: desired)
        return work
    }

    /// What is looked at every `recheck`: what waits for something outside KC, and gateways, whose namespaces send no
    /// events here; unless there are so many that the full comparison must do.
    var recheckable: Set<Subject> {
        var subjects = waiting.count <= 256 ? waiting : []
        if let gateways = state?.desired.gateways, gateways.count <= 16 {
            subjects.formUnion(gateways.keys.map(Subject.gateway))
        }
        return subjects
    }

    private func nextWake(after now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard (leftovers.isEmpty && !isUnsurveyed) || !hasLooked else { return now }
        return [retries.nextDue(after: now), echoes.due, nextRecheck].compactMap { $0 }.min()
    }
}
