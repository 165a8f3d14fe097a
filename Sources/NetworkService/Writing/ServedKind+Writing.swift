import NetworkModel
import Persistence
import Resources
import Synchronization

/// The writes of every kind, around the rules of each.
extension ServedKind {
    static func create(
        in service: NetworkService, project: String?, _ body: JSONNode, _ request: NetworkService.Request
    ) async throws(Problem) -> Written {
        let draft: Draft<Self>
        do { draft = try Draft(body, over: nil) } catch { throw Problem(error) }
        var owner: Item?
        if kind.isInProject { owner = try await service.project(project ?? "", for: request.principal) }
        let subject = WritePlan.Subject(id: request.id, projectID: owner?.id, name: draft.name)
        let (revision, _) = try await service.counted(in: owner?.id) { () throws(Problem) in
            try await service.write(
                subject, by: request.principal, alongside: request.alongside, tokenDigest: request.tokenDigest
            ) { plan, state throws(Problem) in try insert(draft, &plan, &state) }
        }
        return Written(item: service.cache.item(tag, request.id), revision: revision)
    }

    /// Plans a new resource: the plan's subject.
    static func insert(_ draft: Draft<Self>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        var project: Name?
        if let projectID = plan.projectID {
            guard let owner = state.item(.project, projectID) else { throw Problem.noProject(projectID.description) }
            plan.refer(to: owner)
            project = owner.name
        }
        try requireMay(.create, plan, state)
        try requireMatches(draft.labels, plan)
        try requireFree(draft.name, in: plan.projectID, state)
        let (spec, assigned) = try admit(try completed(draft.spec, over: nil, plan, state), &plan, &state)
        let resource = Resource<Self>(
            metadata: Metadata(
                id: plan.id, name: draft.name, project: project, created: plan.now, updated: plan.now,
                protected: draft.protected, labels: draft.labels, annotations: draft.annotations),
            spec: spec, assigned: assigned)
        try plan.requireQuota(tag, old: nil, new: wrap(resource), state)
        plan.insert(wrap(resource), projectID: plan.projectID)
    }

    static func replace(
        in service: NetworkService, _ id: ResourceID, expecting expected: Revision?, _ request: NetworkService.Request,
        document: JSONNode
    ) async throws(Problem) -> Written {
        try await replace(in: service, id, expecting: expected, request, action: .update) { old throws(Problem) in
            do throws(FieldError) { return try Draft(document, over: old.metadata) } catch { throw Problem(error) }
        }
    }

    static func restore(
        in service: NetworkService, _ id: ResourceID, from entry: StoredRevision, expecting expected: Revision?,
        _ request: NetworkService.Request
    ) async throws(Problem) -> Written {
        let kept: Resource<Self>
        do { kept = try Resource(json: JSONParser.parse(kept: entry.resource), path: "") } catch {
            throw Problem(.internal, "the history has an entry that cannot be read: \(error)")
        }
        return try await replace(in: service, id, expecting: expected, request, action: .restore) { _ in
            Draft(restoring: kept)
        }
    }

    private static func replace(
        in service: NetworkService, _ id: ResourceID, expecting expected: Revision?, _ request: NetworkService.Request,
        action: StoredRevision.Action, _ draft: @Sendable (Resource<Self>) throws(Problem) -> Draft<Self>
    ) async throws(Problem) -> Written {
        let first: Resource<Self> = try service.cache.state.withLock { state throws(Problem) in
            guard let old = state.resource(id, as: Self.self) else { throw Problem.gone(kind, id) }
            return old
        }
        let subject = WritePlan.Subject(
            id: id, projectID: service.cache.item(tag, id)?.projectID, name: try draft(first).name)
        let (revision, _) = try await service.write(subject, by: request.principal, alongside: request.alongside) {
            plan, state throws(Problem) in
            try change(id, expecting: expected, action, draft, &plan, &state)
        }
        return Written(item: service.cache.item(tag, id), revision: revision)
    }

    /// Plans a change of spec and metadata; nothing when nothing changes.
    static func change(
        _ id: ResourceID, expecting expected: Revision?, _ action: StoredRevision.Action,
        _ draft: (Resource<Self>) throws(Problem) -> Draft<Self>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) {
        guard let item = state.items[id], let old = unwrap(item.resource) else { throw Problem.gone(kind, id) }
        try requireSees(item, plan, state)
        try requireMay(.update, plan, state)
        let draft = try draft(old)
        try requireMatches(draft.labels, plan)
        try requireUnchanged(item, since: expected)
        try requireUnchanged(item, since: draft.revision)
        if draft.name != item.name { try requireFree(draft.name, in: item.projectID, state) }
        plan.action = action
        let wanted = try completed(draft.spec, over: old, plan, state)
        let (spec, assigned) = try admit(wanted, name: draft.name, over: old, &plan, &state)
        var new = old
        new.metadata.name = draft.name
        new.metadata.labels = draft.labels
        new.metadata.annotations = draft.annotations
        new.metadata.protected = draft.protected
        new.spec = spec
        new.assigned = assigned
        guard new != old else { return }
        new.metadata.generation += 1
        new.metadata.updated = plan.now
        try plan.requireQuota(tag, old: wrap(old), new: wrap(new), state)
        plan.replace(item, with: wrap(new))
    }

    static func delete(
        in service: NetworkService, _ id: ResourceID, expecting expected: Revision?, _ request: NetworkService.Request
    ) async throws(Problem) -> Written {
        let subject = WritePlan.Subject(id: id, projectID: service.cache.item(tag, id)?.projectID, name: .standard)
        let (revision, _) = try await service.write(subject, by: request.principal, alongside: request.alongside) {
            plan, state throws(Problem) in
            try remove(id, expecting: expected, &plan, &state)
        }
        return Written(item: nil, revision: revision)
    }

    /// Plans a deletion.
    static func remove(
        _ id: ResourceID, expecting expected: Revision?, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) {
        guard let item = state.items[id], let old = unwrap(item.resource) else { throw Problem.gone(kind, id) }
        try requireSees(item, plan, state)
        try requireMay(.delete, plan, state)
        if plan.principal.view(of: plan.projectID.flatMap { state.items[$0] }) == .tenant {
            try requireTenants(old.spec)
        }
        try requireUnchanged(item, since: expected)
        guard !old.metadata.protected else {
            throw Problem(
                .protected, "\(kind) '\(item.name)' is protected; set protected to false first", field: "protected",
                value: "true")
        }
        try release(old, &plan, &state)
        if tag.isReferredTo { plan.requireUnreferred(id, state) }
        plan.remove(item, state)
    }

    private static func requireUnchanged(_ item: Item, since expected: Revision?) throws(Problem) {
        guard let expected, expected != item.revision else { return }
        throw Problem(
            .preconditionFailed,
            "\(kind) '\(item.name)' is at revision \(item.revision), not \(expected): read it again and decide anew",
            field: "revision", value: expected.description, rule: "must be the resource's present revision")
    }

    private static func requireFree(_ name: Name, in project: ResourceID?, _ state: CacheState) throws(Problem) {
        guard state.item(tag, project: project, named: name) != nil else { return }
        throw Problem(.nameTaken, field: "name", value: name.text, rule: "is the name of another \(kind) here")
    }
}

extension Kind {
    /// Whether other resources name resources of this kind.
    var isReferredTo: Bool {
        switch self {
        case .project, .host, .segment, .policy, .attachment, .zone, .gateway: true
        case .pool, .underlay, .mapping, .record, .service, .token: false
        }
    }
}

extension Problem {
    static func gone(_ kind: KindName, _ id: ResourceID) -> Problem { Problem(.notFound, "there is no \(kind) \(id)") }
    static func noProject(_ text: String) -> Problem {
        Problem(.notFound, FieldError(field: "project", value: text, rule: "must be a project that exists").description)
    }
}
