import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts

/// A look at the whole host that goes on beside the turns, so that no change has to wait for it.
///
/// It takes tens of milliseconds and is of no one moment. Whatever a turn looks at or changes while it lasts is noted
/// here and looked at again when the survey is taken over; what others change meanwhile comes as events.
struct Surveying: Sendable {
    let began: ContinuousClock.Instant
    var links: Set<InterfaceName> = []
    var namespaces: Set<NamespaceName> = []
    var filter = false
    var daemons = false
    /// Another was asked for after this had begun.
    var isOutdated = false
    /// nil while it goes on.
    var result: Result<HostSurvey, NodeError>?

    init(began: ContinuousClock.Instant) { self.began = began }

    mutating func note(_ attention: Attention) {
        links.formUnion(attention.links)
        filter = filter || attention.filter
        daemons = daemons || attention.daemons
    }
}

extension Convergence {
    /// Begins, ends and renews surveys as a turn's attention wants it; what needs the whole host to be seen is put off
    /// until a survey has come.
    /// - Returns: the namespaces that the survey which is to begin now shall look into; nil when none is to begin.
    mutating func survey(for focus: inout Focus, at now: ContinuousClock.Instant) -> Set<NamespaceName>? {
        let isWanted = focus.attention.everything || (state != nil && !hasLooked && !focus.isIdle)
        if focus.attention.everything {
            focus.attention.everything = false
            awaiting.remember(focus)
            surveying?.isOutdated = true
        }
        if let ended = surveying, ended.result != nil, state != nil || !isLoading {
            surveying = nil
            // With nothing desired there is nothing to compare: the next that is desired begins another.
            if state != nil {
                focus.survey = ended
                focus.remember(awaiting)
                awaiting = Focus()
                return ended.isOutdated ? begin(at: now) : nil
            }
        }
        if !hasLooked {
            awaiting.remember(focus)
            surveying?.note(focus.attention)
        }
        return isWanted && surveying == nil ? begin(at: now) : nil
    }

    private mutating func begin(at now: ContinuousClock.Instant) -> Set<NamespaceName> {
        surveying = Surveying(began: now)
        return state?.desired.namespaces ?? []
    }

    /// Takes a survey over: all of it, but for what was looked at or changed while it lasted, or is said to have changed
    /// since; that is looked at again.
    func adopt(_ survey: Surveying, _ focus: Focus, into state: inout PlanningState) async throws(NodeError) {
        guard let seen = try survey.result?.get() else { return }
        state.observe(seen)
        let attention = focus.attention
        try await observer.look(at: survey.links.union(attention.links), of: &state)
        var inside = survey.namespaces
        // What became desired since the survey began.
        for name in state.desired.namespaces
        where state.observed.namespaces.contains(name) && state.observed.inside[name] == nil {
            inside.insert(name)
        }
        for name in inside { await observer.look(inside: name, of: &state) }
        if survey.filter || attention.filter { try await observer.lookAtFilter(of: &state) }
        if survey.daemons || attention.daemons { await observer.lookAtDaemons(of: &state) }
    }
}

extension Focus {
    /// Nothing is to be looked at or planned.
    var isIdle: Bool { attention.isEmpty && scope.isEmpty && unseen.isEmpty }

    /// Keeps why the work of another focus is no repair.
    mutating func remember(_ other: Focus) {
        changed.formUnion(other.changed)
        expected.formUnion(other.expected)
        isFirst = isFirst || other.isFirst
    }
}

extension HostSnapshot {
    /// The namespaces that attachments reach into.
    var namespaces: Set<NamespaceName> { Set(attachments.values.lazy.compactMap(\.namespace)) }
}
