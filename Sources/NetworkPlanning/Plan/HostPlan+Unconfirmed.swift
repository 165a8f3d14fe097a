import NFTables
package import NetworkModel

extension HostPlan {
    /// What may be done of the plan while `desired` is only what the agent's disk kept.
    ///
    /// The disk may be behind: the agent was killed before it wrote what it had just done. So nothing is taken away that
    /// the kept state does not know (a port that was made since, a host that joined since); what it knows is repaired.
    /// The first word of the API then says what is really not wanted any more.
    package func withoutRemovals(beyond desired: HostSnapshot) -> HostPlan {
        HostPlan(
            steps: steps.filter { !$0.isRemoval(beyond: desired) }.compactMap(\.withoutLoss), refusals: refusals)
    }
}

extension Step {
    /// Elements go only when others with the same key take their place, and no address that is known behind a gateway;
    /// nil when nothing else is left to do.
    fileprivate var withoutLoss: Step? {
        switch operation {
        case .filter(.change(let owner, let removed, let added)):
            let kept = Set(added.map { Place($0) })
            let replaced = removed.filter { kept.contains(Place($0)) }
            if replaced.isEmpty, added.isEmpty { return nil }
            return Step(.filter(.change(owner, remove: replaced, add: added)), for: subject)
        case .firewall(.change(_, let added), let namespace):
            if added.isEmpty { return nil }
            return Step(.firewall(.change(remove: [], add: added), in: namespace), for: subject)
        default: return self
        }
    }

    private struct Place: Hashable {
        let set: GuardSet
        let key: ElementKey
        init(_ element: GuardElement) {
            set = element.set
            key = element.element.key
        }
    }

    fileprivate func isRemoval(beyond desired: HostSnapshot) -> Bool {
        switch operation {
        case .link(.removeFlood, in: _): return true
        default: break
        }
        switch subject {
        case .host: return false
        case .segment(let id): return desired.segments[id] == nil
        case .attachment(let id): return desired.attachments[id] == nil
        case .gateway(let id): return desired.gateways[id] == nil
        case .orphan: return true
        }
    }
}
