import NetworkModel
import Persistence
import Resources

/// What a write's plan says about who asks: on the state that the write is committed against, so that nothing can change
/// between the question and the act.
extension ServedKind {
    /// - Throws: in the words for what does not exist where the project may not be known of.
    static func requireMay(_ verb: Verb, _ plan: WritePlan, _ state: CacheState) throws(Problem) {
        let principal = plan.principal
        switch principal {
        case .administrator: return
        // The machine makes itself a host, and nothing else: the join token is used up by it.
        case .joining where tag == .host && verb == .create: return
        case .identity, .joining, .host: break
        }
        let project = plan.projectID.flatMap { state.items[$0] }
        if kind.isInProject {
            guard let project, principal.role(in: project) != nil else {
                throw Problem.noProject(plan.projectID?.description ?? "")
            }
        }
        guard principal.may(verb, tag, in: project) else { throw Problem.forbidden(principal, verb, tag) }
    }

    /// Refuses what may not be known of, in the words for what does not exist.
    static func requireSees(_ item: Item, _ plan: WritePlan, _ state: CacheState) throws(Problem) {
        if case .administrator = plan.principal { return }
        guard plan.principal.sees(item, state) else { throw Problem.nothing(tag, item.name.text, project: nil) }
    }

    /// Refuses labels that the credential's selector does not match.
    static func requireMatches(_ labels: Labels, _ plan: WritePlan) throws(Problem) {
        guard let selector = plan.principal.scope?.selector, !selector.matches(labels) else { return }
        throw Problem(
            .forbidden, "the credential is for resources of other labels: those written must match its selector",
            field: "labels")
    }

    /// The spec that is written when the plan's principal asks for `spec`.
    static func completed(
        _ spec: Spec, over old: Resource<Self>?, _ plan: WritePlan, _ state: CacheState
    ) throws(Problem) -> Spec {
        guard plan.principal.view(of: plan.projectID.flatMap { state.items[$0] }) == .tenant else { return spec }
        if case .joining = plan.principal { return spec }
        try requireTenants(spec)
        if let old { try requireTenants(old.spec) }
        return try completed(plan.action == .restore ? shown(spec) : spec, over: old?.spec)
    }
}

extension Segment {
    static func shown(_ spec: Spec) -> Spec {
        var spec = spec
        spec.vni = nil
        spec.replication = nil
        return spec
    }

    static func completed(_ spec: Spec, over old: Spec?) throws(Problem) -> Spec {
        try Problem.requireUnset("spec.vni", spec.vni, old?.vni)
        try Problem.requireUnset("spec.replication", spec.replication, old?.replication)
        if old == nil { try Problem.requireUnset("spec.prefix", spec.prefix, nil) }
        var spec = spec
        spec.vni = old?.vni
        spec.replication = old?.replication
        return spec
    }
}

extension Attachment {
    static func shown(_ spec: Spec) -> Spec {
        var spec = spec
        spec.host = nil
        return spec
    }

    static func completed(_ spec: Spec, over old: Spec?) throws(Problem) -> Spec {
        try Problem.requireUnset("spec.host", spec.host, old?.host)
        var spec = spec
        spec.host = old?.host
        return spec
    }

    static func requireTenants(_ spec: Spec) throws(Problem) {
        switch spec.port {
        case .tap, .gateway: return
        case .namespace, .external: throw Problem.reachesIntoHost("a port of type 'namespace' or 'external'")
        }
    }
}

extension Gateway {
    static func shown(_ spec: Spec) -> Spec {
        var spec = spec
        spec.host = nil
        spec.uplink = nil
        return spec
    }

    static func requireTenants(_ spec: Spec) throws(Problem) {
        guard spec.type == .attachment else { throw Problem.reachesIntoHost("a managed gateway") }
    }
}

extension Zone {
    static func shown(_ spec: Spec) -> Spec {
        var spec = spec
        spec.projects = []
        spec.secondaries = []
        return spec
    }
}

extension Problem {
    fileprivate static func reachesIntoHost(_ what: String) -> Problem {
        Problem(.forbidden, "\(what) reaches into a host: who has a role over all projects writes it")
    }

    fileprivate static func requireUnset<Value: Equatable>(
        _ field: String, _ value: Value?, _ old: Value?
    ) throws(Problem) {
        guard let value, value != old else { return }
        throw Problem(
            .forbidden, "\(field) is for who has a role over all projects; leave it out", field: field,
            value: "\(value)")
    }
}
