import NetworkModel
import Persistence
import Resources

/// What a project may have at most, counted in the transaction that would add to it.
extension WritePlan {
    /// Refuses what would take the plan's project beyond one of its quotas.
    ///
    /// Every creation in a project moves the project's `w/u/` key; a plan that counted demands that it has not moved since
    /// and that the quota is still the one it knew. So of several that count at the same time one commits, and the
    /// others count again.
    mutating func requireQuota(
        _ kind: Kind, old: AnyResource?, new: AnyResource, _ state: CacheState
    ) throws(Problem) {
        guard let project = projectID.flatMap({ state.items[$0] }),
            let quotas = Project.unwrap(project.resource)?.spec.quotas, quotas.limitsNetwork
        else { return }
        for quota in Project.Quota.allCases {
            let (added, count) = state.counted(quota, in: project.id, kind, old: old, new: new)
            guard added > 0, let name = quota.name, let limit = quotas[name] else { continue }
            guard count + added <= limit else {
                throw Problem.overQuota(project.name, name, count: count, adding: added, limit: limit)
            }
            require(.modified(project.key, project.revision))
            requireStillCounted(project.id, state)
        }
    }

    /// Not through `require`: the plan itself moves the key by referring to its project.
    private mutating func requireStillCounted(_ project: ResourceID, _ state: CacheState) {
        guard counted.insert(project).inserted else { return }
        demand(state.uses[project].map { .modified(StoreLayout.use(project), $0) } ?? .absent(StoreLayout.use(project)))
        put(StoreLayout.use(project), [])
    }
}

extension CacheState {
    /// What one write adds to what a quota counts, and what there is before it.
    fileprivate func counted(
        _ quota: Project.Quota, in project: ResourceID, _ kind: Kind, old: AnyResource?, new: AnyResource
    ) -> (added: Int, count: Int) {
        func things(_ counted: Kind) -> (Int, Int) {
            (kind == counted && old == nil ? 1 : 0, count(counted, in: project))
        }
        return switch quota {
        case .segments: things(.segment)
        case .attachments: things(.attachment)
        case .mappings: things(.mapping)
        case .addresses:
            (new.addressCount - (old?.addressCount ?? 0), relations.addressesOfProject[project, default: 0])
        }
    }

    func count(_ kind: Kind, in project: ResourceID) -> Int {
        collections[Scope(kind: kind, project: project)]?.order.count ?? 0
    }

    /// Keeps the number of a project's addresses in step with one change of one resource.
    mutating func countAddresses(_ old: Item?, _ new: Item?) {
        guard let project = (old ?? new)?.projectID else { return }
        let difference = (new?.resource.addressCount ?? 0) - (old?.resource.addressCount ?? 0)
        guard difference != 0 else { return }
        relations.addressesOfProject[project, default: 0] += difference
        if relations.addressesOfProject[project] == 0 { relations.addressesOfProject[project] = nil }
    }
}

extension AnyResource {
    /// Of an attachment that is no port of a gateway: what it was given and what it was made with.
    fileprivate var addressCount: Int {
        guard case .attachment(let attachment) = self else { return 0 }
        if case .gateway = attachment.spec.port { return 0 }
        return attachment.assigned.addresses.count + (attachment.assigned.ipv4 == nil ? 0 : 1)
    }
}
