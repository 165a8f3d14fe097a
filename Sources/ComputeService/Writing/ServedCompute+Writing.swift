import FoundationEssentials
import Persistence
import Resources

/// The writes of every kind, around the rules of each.
extension ServedCompute {
    static func create(
        in service: ComputeService, _ project: ProjectIdentity?, _ body: JSONNode, by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        // Who may not write learns nothing of what would be wrong with it.
        try principal.requireMay(.create, tag, in: project, nil)
        var draft: Draft<Self>
        do { draft = try Draft(body, over: nil) } catch { throw Problem(error) }
        guard kind.isInProject == (project != nil) else { throw Problem(.internal, "a \(kind) in the wrong place") }
        try principal.requireMay(.create, tag, in: project, draft.labels)
        draft.spec = try await resolve(draft.spec, over: nil, service.directory, project)
        let (id, wanted) = (ResourceID(UUID()), draft)
        let write = { @Sendable (plan: inout ComputePlan, state: inout ComputeState) throws(Problem) in
            try requireFree(wanted.name, in: project?.id, state)
            let (spec, assigned) = try admit(wanted.spec, over: nil, &plan, &state)
            let resource = Resource<Self>(
                metadata: Metadata(
                    id: id, name: wanted.name, project: project?.name, created: plan.now, updated: plan.now,
                    protected: wanted.protected, labels: wanted.labels, annotations: wanted.annotations),
                spec: spec, assigned: assigned)
            try plan.requireQuota(from: .none, to: ComputeUsage(of: resource), state)
            plan.insert(resource, tag)
            try inserted(resource, &plan, &state)
        }
        let revision = try await service.counted(in: project) { () throws(Problem) in
            try await service.write(id, in: project, by: principal, write)
        }
        return ComputeWritten(item: service.cache.item(tag, id), revision: revision)
    }

    static func replace(
        in service: ComputeService, _ project: ProjectIdentity?, _ id: ResourceID, expecting expected: Revision?,
        _ body: JSONNode, by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        try await change(in: service, project, id, expecting: expected, .update, by: principal) {
            old throws(Problem) in
            do throws(FieldError) { return try Draft(body, over: old.metadata) } catch { throw Problem(error) }
        }
    }

    static func restore(
        in service: ComputeService, _ project: ProjectIdentity?, _ id: ResourceID, from stored: [UInt8],
        expecting expected: Revision?, by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        let kept: Resource<Self>
        do {
            let entry = try StoredRevision(json: JSONParser.parse(kept: stored), path: "")
            kept = try Resource(json: JSONParser.parse(kept: entry.resource), path: "")
        } catch { throw Problem(.internal, "the history has an entry that cannot be read: \(error)") }
        return try await change(in: service, project, id, expecting: expected, .restore, by: principal) { _ in
            Draft(restoring: kept)
        }
    }

    private static func change(
        in service: ComputeService, _ project: ProjectIdentity?, _ id: ResourceID, expecting expected: Revision?,
        _ action: StoredRevision.Action, by principal: Principal,
        _ draft: @Sendable (Resource<Self>) throws(Problem) -> Draft<Self>
    ) async throws(Problem) -> ComputeWritten {
        guard let first: Resource<Self> = service.cache.item(tag, id)?.unwrap() else { throw Problem.gone(kind, id) }
        try principal.requireMay(.update, tag, in: project, first.metadata.labels)
        var wanted = try draft(first)
        try principal.requireMay(.update, tag, in: project, wanted.labels)
        wanted.spec = try await resolve(wanted.spec, over: first.spec, service.directory, project)
        let draft = wanted
        let write = { @Sendable (plan: inout ComputePlan, state: inout ComputeState) throws(Problem) in
            guard let item = state.items[id], let old: Resource<Self> = item.unwrap() else {
                throw Problem.gone(kind, id)
            }
            try requireUnchanged(item, since: expected)
            try requireUnchanged(item, since: draft.revision)
            if draft.name != item.name { try requireFree(draft.name, in: item.projectID, state) }
            plan.action = action
            let (spec, assigned) = try admit(draft.spec, over: old, &plan, &state)
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
            try plan.requireQuota(from: ComputeUsage(of: old), to: ComputeUsage(of: new), state)
            plan.replace(item, with: new)
        }
        let revision = try await service.counted(in: project) { () throws(Problem) in
            try await service.write(id, in: project, by: principal, write)
        }
        return ComputeWritten(item: service.cache.item(tag, id), revision: revision)
    }

    static func delete(
        in service: ComputeService, _ project: ProjectIdentity?, _ id: ResourceID, expecting expected: Revision?,
        by principal: Principal
    ) async throws(Problem) -> ComputeWritten {
        let revision = try await service.write(id, in: project, by: principal) { plan, state throws(Problem) in
            guard let item = state.items[id], let old: Resource<Self> = item.unwrap() else {
                throw Problem.gone(kind, id)
            }
            try principal.requireMay(.delete, tag, in: project, old.metadata.labels)
            try requireUnchanged(item, since: expected)
            guard !old.metadata.protected else {
                throw Problem(
                    .protected, "\(kind) '\(item.name)' is protected; set protected to false first",
                    field: "protected", value: "true")
            }
            // First, so that who follows sees it go and nothing else.
            plan.remove(item, state)
            plan.unmarkEmpty(without: item, state)
            try release(old, &plan, &state)
        }
        return ComputeWritten(item: nil, revision: revision)
    }

    static func requireUnchanged(_ item: ComputeItem, since expected: Revision?) throws(Problem) {
        guard let expected, expected != item.revision else { return }
        throw Problem(
            .preconditionFailed,
            "\(kind) '\(item.name)' is at revision \(item.revision), not \(expected): read it again and decide anew",
            field: "revision", value: expected.description, rule: "must be the resource's present revision")
    }

    private static func requireFree(_ name: Name, in project: ResourceID?, _ state: ComputeState) throws(Problem) {
        guard state.collections[ComputeState.Scope(kind: tag, project: project)]?.names[name] != nil else { return }
        throw Problem(.nameTaken, field: "name", value: name.text, rule: "is the name of another \(kind) here")
    }
}

extension Problem {
    static func gone(_ kind: KindName, _ id: ResourceID) -> Problem { Problem(.notFound, "there is no \(kind) \(id)") }

    /// What ended a wait for a revision.
    init(waiting error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as StoreError: self.init(error)
        default: self.init(.unavailable, "the request was given up")
        }
    }

}
