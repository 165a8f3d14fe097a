import Persistence
import Resources

/// One transaction in the making: what it takes for true, and what it writes.
struct ComputePlan {
    let id: ResourceID
    let project: ProjectIdentity?
    let now: Timestamp
    let principal: Principal
    let historyLength: UInt64
    var action = StoredRevision.Action.create

    private(set) var conditions: [StoreTransaction.Condition] = []
    private(set) var changes: [StoreTransaction.Change] = []
    private var referred: Set<ResourceID> = []

    init(
        _ id: ResourceID, project: ProjectIdentity?, now: Timestamp, principal: Principal, historyLength: UInt64
    ) {
        self.id = id
        self.project = project
        self.now = now
        self.principal = principal
        self.historyLength = historyLength
    }

    var transaction: StoreTransaction { StoreTransaction(conditions: conditions, changes: changes) }

    mutating func require(_ condition: StoreTransaction.Condition) { conditions.append(condition) }
    mutating func put(_ key: StoreKey, _ value: [UInt8]) { changes.append(.put(key, value)) }
    mutating func delete(_ key: StoreKey) { changes.append(.delete(key)) }

    /// Holds a value that may have one holder.
    mutating func claim(_ key: StoreKey) {
        require(.absent(key))
        changes.append(.record(key, Array(id.description.utf8)))
    }

    /// Refers to a resource: it must exist, and whoever deletes it will notice.
    mutating func refer(to item: ComputeItem) {
        guard referred.insert(item.id).inserted else { return }
        require(.exists(item.key))
        put(ComputeLayout.use(item.id), [])
    }

    /// Demands that nothing began to refer to the resource since `state`, and takes the mark of its uses away.
    mutating func requireUnreferred(_ id: ResourceID, _ state: ComputeState) {
        let key = ComputeLayout.use(id)
        require(state.uses[id].map { .modified(key, $0) } ?? .absent(key))
        delete(key)
    }

    // MARK: resources

    mutating func insert(_ resource: some AnyResource, _ kind: ComputeKind) {
        let metadata = resource.metadata
        let key = ComputeLayout.resource(kind, project: project?.id, metadata.id)
        require(.absent(key))
        put(key, resource.stored)
        claim(ComputeLayout.name(kind, project: project?.id, metadata.name))
        remember(metadata, resource.stored)
    }

    mutating func replace(_ old: ComputeItem, with new: some AnyResource) {
        require(.modified(old.key, old.revision))
        put(old.key, new.stored)
        if new.metadata.name != old.name {
            delete(ComputeLayout.name(old.kind, project: old.projectID, old.name))
            claim(ComputeLayout.name(old.kind, project: old.projectID, new.metadata.name))
        }
        remember(new.metadata, new.stored)
    }

    mutating func remove(_ old: ComputeItem, _ state: ComputeState) {
        require(.modified(old.key, old.revision))
        delete(old.key)
        delete(ComputeLayout.name(old.kind, project: old.projectID, old.name))
        if state.reports[old.id] != nil { delete(ComputeLayout.report(old.id)) }
        let generation = old.resource.metadata.generation
        let first = generation >= historyLength ? generation - historyLength + 1 : 1
        // None at all when no history is kept.
        for generation in stride(from: first, through: generation, by: 1) {
            delete(ComputeLayout.history(old.id, generation: generation))
        }
    }

    private mutating func remember(_ metadata: Metadata, _ stored: [UInt8]) {
        guard historyLength > 0 else { return }
        let entry = StoredRevision(
            generation: metadata.generation, time: now, who: principal.description, action: action, resource: stored)
        changes.append(.record(ComputeLayout.history(metadata.id, generation: metadata.generation), entry.json))
        if metadata.generation > historyLength {
            delete(ComputeLayout.history(metadata.id, generation: metadata.generation - historyLength))
        }
    }
}
