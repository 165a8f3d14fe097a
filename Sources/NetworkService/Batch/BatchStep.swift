import NetworkModel
import Resources

/// An operation of a batch, read as far as that goes without the state, and ready to be planned.
struct BatchStep: Sendable {
    let operation: BatchOperation
    /// The new resource's, for a creation.
    let id: ResourceID
    /// The name or id that the operation gives.
    let item: String
    /// Plans it: the plan's subject is already the step's.
    private let body: @Sendable (ResourceID, inout WritePlan, inout CacheState) throws(Problem) -> Void
    private let draftName: Name?

    /// - Throws: when a document breaks a rule that needs no other resource.
    init(_ operation: BatchOperation, id: ResourceID) throws(Problem) {
        self.operation = operation
        self.id = id
        (item, draftName, body) = try operation.kind.type.step(operation)
    }

    /// Plans the step on the state that the steps before it made.
    func plan(_ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> BatchWritten.Result {
        let kind = operation.kind
        var owner: ResourceID?
        if kind.name.isInProject {
            guard let found = state.item(.project, project: nil, operation.project ?? ""),
                plan.principal.isToldOf(found, inPath: true)
            else {
                throw Problem.noProject(String((operation.project ?? "").prefix(64)))
            }
            owner = found.id
        }
        var name = draftName
        var target = id
        switch operation.verb {
        case .create: break
        case .update, .delete:
            guard let found = state.item(kind, project: owner, item), plan.principal.isToldOf(found, state) else {
                throw Problem(.notFound, "there is no \(kind.name) '\(item.prefix(64))'")
            }
            target = found.id
            name = found.name
        }
        guard let name else { throw Problem(.internal, "an operation without a name") }
        plan.turn(to: WritePlan.Subject(id: target, projectID: owner, name: name))
        try body(target, &plan, &state)
        var isGone = false
        if case .delete = operation.verb { isGone = true }
        return BatchWritten.Result(kind: kind, id: target, name: name, isGone: isGone)
    }
}

extension ServedKind {
    typealias Step = @Sendable (ResourceID, inout WritePlan, inout CacheState) throws(Problem) -> Void

    /// What an operation is about, the name of what it creates, and how it is planned.
    static func step(_ operation: BatchOperation) throws(Problem) -> (item: String, draftName: Name?, Step) {
        switch operation.verb {
        case .create(let document):
            let draft: Draft<Self>
            do { draft = try Draft(document, over: nil) } catch { throw Problem(error) }
            return (draft.name.text, draft.name, { _, plan, state throws(Problem) in try insert(draft, &plan, &state) })
        case .update(let item, let document, let expected):
            return (
                item, nil,
                { id, plan, state throws(Problem) in
                    try change(
                        id, expecting: expected, .update,
                        { old throws(Problem) in
                            do throws(FieldError) { return try Draft(document, over: old.metadata) } catch {
                                throw Problem(error)
                            }
                        }, &plan, &state)
                }
            )
        case .delete(let item, let expected):
            return (
                item, nil, { id, plan, state throws(Problem) in try remove(id, expecting: expected, &plan, &state) }
            )
        }
    }
}
