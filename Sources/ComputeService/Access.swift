package import Persistence
package import Resources

/// How much of a resource somebody is shown.
package enum ComputeView: Hashable, Sendable {
    case full
    /// Without what concerns hosts.
    case tenant
}

/// What may be known, and what may be done, with compute resources: the one place that says so.
///
/// | | machine types | compute hosts | a project's VMs and images |
/// |---|---|---|---|
/// | read | whoever has a role | a role over all projects | a role in the project |
/// | write | admin over all projects | admin over all projects | `operator` and `admin` of the project |
///
/// Hosts and holders of join tokens have no part in it. A credential's scope narrows all of it.
extension Principal {
    /// - Parameter labels: nil before they are known: then the answer is whether it may be for some.
    package func may(
        _ verb: Verb, _ kind: ComputeKind, in project: ProjectIdentity?, _ labels: Labels? = Labels()
    ) -> Bool {
        switch self {
        case .administrator: return true
        case .host, .joining: return false
        case .identity(let identity):
            if let scope = identity.scope {
                if let verbs = scope.verbs, !verbs.contains(verb) { return false }
                if let kinds = scope.kinds, !kinds.contains(kind.name.singular) { return false }
                if let selector = scope.selector, let labels, !selector.matches(labels) { return false }
            }
            return identity.grants.allow(verb, kind, in: project)
        }
    }

    package func view() -> ComputeView {
        switch self {
        case .administrator: .full
        case .identity(let identity): identity.grants.everywhere == nil ? .tenant : .full
        case .host, .joining: .tenant
        }
    }

    /// Whether that one may offer images to all projects.
    var mayShare: Bool {
        switch self {
        case .administrator: true
        case .identity(let identity): [.operator, .admin].contains(identity.grants.everywhere)
        case .host, .joining: false
        }
    }

    func requireMay(_ verb: Verb, _ kind: ComputeKind, in project: ProjectIdentity?, _ labels: Labels?) throws(Problem)
    {
        guard !may(verb, kind, in: project, labels) else { return }
        let place = project.map { " in project '\($0.name)'" } ?? ""
        throw Problem(.forbidden, "\(self) may not \(verb.rawValue) \(kind.name.plural)\(place)")
    }
}

extension Grants {
    fileprivate func allow(_ verb: Verb, _ kind: ComputeKind, in project: ProjectIdentity?) -> Bool {
        switch (kind, verb) {
        case (.machineType, .read): everywhere != nil || !projects.isEmpty
        case (.computeHost, .read): everywhere != nil
        case (.machineType, _), (.computeHost, _): everywhere == .admin
        case (.vm, _), (.image, _):
            switch project.flatMap({ role(inProject: $0.name, $0.id) }) {
            case .admin, .operator: true
            case .viewer, .consumer: verb == .read
            case nil: false
            }
        }
    }
}
