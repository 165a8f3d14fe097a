package import NetworkModel

extension HostPlan {
    /// What may be done of the plan while `desired` is only what the agent's disk kept.
    ///
    /// The disk may be behind: the agent was killed before it wrote what it had just done. So nothing is taken away that
    /// the kept state does not know (a port that was made since, a host that joined since); what it knows is repaired.
    /// The first word of the API then says what is really not wanted any more.
    package func withoutRemovals(beyond desired: HostSnapshot) -> HostPlan {
        HostPlan(steps: steps.filter { !$0.isRemoval(beyond: desired) }, refusals: refusals)
    }
}

extension Step {
    fileprivate func isRemoval(beyond desired: HostSnapshot) -> Bool {
        switch operation {
        case .filter(.removeVTEP), .link(.removeFlood, in: _): return true
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
