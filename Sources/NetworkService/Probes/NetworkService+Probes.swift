import Diagnosis
import FoundationEssentials
package import NetworkModel
package import Persistence
package import Resources
import Synchronization

extension NetworkService {
    /// Probes that may be open in one project.
    static let maximumProbes = 64

    /// Asks the hosts concerned. The probe and its answers are gone `Probe.grace` seconds after the measuring.
    /// - Returns: the probe as a client reads it, and from which revision on every server shows it.
    /// - Throws: `forbidden` for a question that the principal may not ask.
    package func makeProbe(
        project: String, _ draft: ProbeDraft, by principal: Principal, _ view: View
    ) async throws(Problem) -> (json: [UInt8], revision: Revision) {
        let owner = try await find(.project, project)
        try require(draft.question.isOfProject, .create, for: principal, in: owner)
        let id = ResourceID.random()
        let question: ProbeQuestion
        var conditions: [StoreTransaction.Condition] = [.exists(owner.key)]
        var hosts: [ResourceID]
        switch draft.question {
        case .drops(let text):
            let item = try await find(.attachment, project: project, text)
            guard let bound = Attachment.unwrap(item.resource)?.spec.host?.id else {
                throw Problem(
                    .conflict, "attachment '\(item.name)' is bound to no host, so that no port of it drops anything",
                    field: "attachment", value: item.name.text)
            }
            question = .drops(attachment: item.id)
            hosts = [bound]
            conditions.append(.exists(item.key))
        case .leases(let text), .translation(let text), .gatewayDrops(let text):
            let item = try await find(.gateway, project: project, text)
            guard let carrier = Gateway.unwrap(item.resource)?.spec.host?.id else {
                throw Problem(
                    .conflict, "gateway '\(item.name)' is an attachment, and runs no server of KC's",
                    field: "gateway", value: item.name.text)
            }
            question =
                switch draft.question {
                case .leases: .leases(gateway: item.id)
                case .gatewayDrops: .gatewayDrops(gateway: item.id)
                default: .translation(gateway: item.id)
                }
            hosts = [carrier]
            conditions.append(.exists(item.key))
        case .path(let from, let to, let flow):
            switch try await planPath(project, from: from, to: to, flow: flow) {
            case .ask(let task, let needed):
                question = .path(task)
                hosts = task.isLocal ? [task.from.host] : [task.from.host, task.to.host]
                conditions += needed
            case .refuse(let verdict):
                return (refused(id, view == .full ? verdict : verdict.forProject), cache.revision)
            }
        }
        let open = cache.state.withLock { state in state.probes.values.count { $0.project == owner.id } }
        guard open < Self.maximumProbes else {
            throw Problem(
                .rateLimited, "project '\(owner.name)' has \(open) open probes; delete some, or wait until they end")
        }
        let probe = Probe(
            project: owner.id, question: question, seconds: draft.seconds, hosts: hosts, created: settings.now())
        let written = try await keep(probe, id, conditions: conditions)
        return (render(id, probe, [:], view), written)
    }

    /// Puts a new probe into the store, under a lease of its own.
    /// - Returns: from which revision on every server shows it.
    func keep(
        _ probe: Probe, _ id: ResourceID, conditions: [StoreTransaction.Condition]
    ) async throws(Problem) -> Revision {
        do {
            let lease = try await store.grantLease(ttl: .seconds(probe.seconds + Probe.grace))
            let outcome = try await store.commit(
                StoreTransaction(
                    conditions: conditions, changes: [.put(StoreLayout.probe(id), probe.json, lease: lease)],
                    durability: .relaxed))
            guard case .committed(let revision) = outcome else {
                try await store.revokeLease(lease)
                throw Problem(.conflict, "what the probe asks about was deleted meanwhile")
            }
            await showOwnWrite(revision)
            return revision
        } catch let error as StoreError {
            throw Problem(error)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    /// The probe with what hosts have answered so far.
    package func probe(
        project: String, _ text: String, by principal: Principal, _ view: View
    ) async throws(Problem) -> [UInt8] {
        let (id, probe) = try await findProbe(project: project, text, .read, for: principal)
        return render(id, probe, cache.state.withLock { $0.answers[id, default: [:]] }, view)
    }

    /// Ends a probe before its time.
    package func endProbe(project: String, _ text: String, by principal: Principal) async throws(Problem) {
        try await end(try await findProbe(project: project, text, .delete, for: principal).probe)
    }

    func end(_ probe: Probe) async throws(Problem) {
        guard let lease = probe.lease else { return }
        do { try await store.revokeLease(lease) } catch {
            // It ended by itself in the same moment.
            guard error.code != .leaseNotFound else { return }
            throw Problem(error)
        }
    }

    /// Takes over what a host answers.
    package func answer(_ result: ProbeResult, to id: ResourceID, from host: ResourceID) async throws(Problem) {
        let probe = cache.state.withLock { $0.probes[id] }
        guard let probe, probe.hosts.contains(host), let lease = probe.lease else { throw Problem.noProbe(id) }
        do {
            let outcome = try await timedCommit(
                StoreTransaction(
                    conditions: [.exists(StoreLayout.probe(id))],
                    changes: [.put(StoreLayout.answer(id, host: host), result.json, lease: lease)],
                    durability: .relaxed))
            guard case .committed = outcome else { throw Problem.noProbe(id) }
        } catch let error as StoreError {
            if error.code == .leaseNotFound { throw Problem.noProbe(id) }
            throw Problem(error)
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.unavailable, "the request was given up")
        }
    }

    /// Questions about what the project has are for whoever may change its attachments; not for a credential that is
    /// narrowed to some of them, since an answer speaks of both ends. All others are for roles over all projects.
    private func require(
        _ isOfProject: Bool, _ verb: Verb, for principal: Principal, in owner: Item
    ) throws(Problem) {
        if principal.mayEverywhere(verb) { return }
        guard isOfProject else {
            throw Problem(.forbidden, "questions about hosts and gateways are for operators of all projects")
        }
        guard principal.scope?.selector == nil, principal.may(.update, .attachment, in: owner) else {
            throw Problem(
                .forbidden, "\(principal) may not ask about the project's attachments; who may change them may")
        }
    }

    private func findProbe(
        project: String, _ text: String, _ verb: Verb, for principal: Principal
    ) async throws(Problem) -> (id: ResourceID, probe: Probe) {
        let owner = try await find(.project, project)
        // Before it is looked for: who may ask nothing learns nothing of what is asked.
        try require(true, verb, for: principal, in: owner)
        guard let id = ResourceID(text), let probe = cache.state.withLock({ $0.probes[id] }), probe.project == owner.id
        else {
            throw Problem(.notFound, "there is no probe '\(text.prefix(64))' in project '\(owner.name)', or no longer")
        }
        try require(probe.question.isOfProject, verb, for: principal, in: owner)
        return (id, probe)
    }
}

extension ProbeDraft.Question {
    /// Whether it is about attachments of one project and nothing else.
    fileprivate var isOfProject: Bool {
        switch self {
        case .drops: true
        case .path(let from, let to, _): !from.hasPrefix("host/") && !to.hasPrefix("host/")
        case .leases, .translation, .gatewayDrops: false
        }
    }
}

extension ProbeQuestion {
    fileprivate var isOfProject: Bool {
        switch self {
        case .drops: true
        // Captures have routes of their own.
        case .path(let task): task.segment != nil
        case .leases, .translation, .gatewayDrops, .capture: false
        }
    }
}

extension Problem {
    static func noProbe(_ id: ResourceID) -> Problem {
        Problem(.notFound, "there is no probe \(id) for this host, or no longer")
    }
}
