import Persistence
import Resources

extension ComputePlan {
    /// Refuses what would take the plan's project beyond one of its quotas; what takes nothing more is never refused.
    ///
    /// Whatever gives a project more moves the project's `w/u/` key; a plan that counted demands that it has not moved
    /// since. So of several that count at the same time one commits, and the others count again.
    mutating func requireQuota(
        from old: ComputeUsage, to new: ComputeUsage, _ state: ComputeState
    ) throws(Problem) {
        guard let project, new.exceeds(old) else { return }
        let key = ComputeLayout.use(project.id)
        let (present, added) = (state.usage[project.id] ?? .none, new - old)
        var isCounted = false
        for quota in ComputeQuota.allCases {
            guard added[quota] > 0, let name = quota.name, let limit = project.quotas[name] else { continue }
            guard present[quota] + added[quota] <= limit else {
                throw Problem.overQuota(
                    project.name, name, count: present[quota], adding: added[quota], limit: limit)
            }
            isCounted = true
        }
        if isCounted { require(state.uses[project.id].map { .modified(key, $0) } ?? .absent(key)) }
        put(key, [])
    }

    /// Takes the mark of a project away with the last thing that it had, if it got nothing since `state`: that there is
    /// no mark means nothing else, so that nobody who counted earlier takes it for no change.
    mutating func unmarkEmpty(without old: ComputeItem, _ state: ComputeState) {
        guard let project = old.projectID, state.usage[project] == ComputeUsage(of: old.resource) else { return }
        requireUnreferred(project, state)
    }
}

extension ComputeService {
    /// Runs a write that may give its project more, alone if that has a quota.
    func counted<Outcome: Sendable>(
        in project: ProjectIdentity?, _ body: () async throws(Problem) -> Outcome
    ) async throws(Problem) -> Outcome {
        guard let project, ComputeQuota.allCases.contains(where: { $0.name.flatMap { project.quotas[$0] } != nil })
        else { return try await body() }
        return try await quotaGates.alone(in: project.id, body)
    }
}

extension ComputeState {
    /// Keeps what a project has in step with one of its resources.
    mutating func charge(_ item: ComputeItem, isAdded: Bool) {
        guard let project = item.projectID else { return }
        let (present, one) = (usage[project] ?? .none, ComputeUsage(of: item.resource))
        let sum = isAdded ? present + one : present - one
        usage[project] = sum == .none ? nil : sum
    }
}
