import Addressing
import NetworkModel
import Persistence
import Resources

/// One transaction in the making: what it takes for true, what it writes, and what it took out of pools.
struct WritePlan {
    let id: ResourceID
    let projectID: ResourceID?
    /// Where ids of further resources come from.
    let makeID: @Sendable () -> ResourceID
    let now: Timestamp
    let principal: Principal
    let historyLength: UInt64
    var action = HistoryEntry.Action.create
    /// The name the resource will have.
    let draftName: Name

    private(set) var conditions: [StoreTransaction.Condition] = []
    private(set) var changes: [StoreKey: StoreTransaction.Change] = [:]
    var taken: [TakenValue] = []

    enum TakenValue {
        case vni(VNI)
        case prefix(IPv6Prefix)
        case mac(MACAddress)
    }

    init(
        id: ResourceID, projectID: ResourceID?, draftName: Name, makeID: @escaping @Sendable () -> ResourceID,
        now: Timestamp,
        principal: Principal, historyLength: UInt64
    ) {
        self.id = id
        self.projectID = projectID
        self.draftName = draftName
        self.makeID = makeID
        self.now = now
        self.principal = principal
        self.historyLength = historyLength
    }

    var transaction: StoreTransaction {
        StoreTransaction(
            conditions: conditions, changes: changes.sorted { $0.key < $1.key }.map(\.value), durability: .durable)
    }

    mutating func require(_ condition: StoreTransaction.Condition) { conditions.append(condition) }
    mutating func put(_ key: StoreKey, _ value: [UInt8]) { changes[key] = .put(key, value) }
    mutating func delete(_ key: StoreKey) { changes[key] = .delete(key) }

    /// Holds a value that may have one holder.
    mutating func claim(_ key: StoreKey, for holder: ResourceID) {
        require(.absent(key))
        put(key, Array(holder.description.utf8))
    }

    /// Holds a value that this plan gives back elsewhere, or claims it.
    mutating func claimOrKeep(_ key: StoreKey, for holder: ResourceID) {
        if case .delete = changes[key] {
            changes[key] = nil
            require(.exists(key))
        } else {
            claim(key, for: holder)
        }
    }

    /// Moves a value that may have one holder from `old` to `new`; nothing when they are the same.
    mutating func move(_ old: StoreKey, to new: StoreKey, for holder: ResourceID) {
        guard old != new else { return }
        delete(old)
        claim(new, for: holder)
    }

    /// Refers to a resource: it must exist, and whoever deletes it will notice.
    mutating func refer(to item: Item) {
        require(.exists(item.key))
        put(StoreLayout.use(item.id), [])
    }

    /// Demands that nothing began to refer to the resource since `state`.
    mutating func requireUnreferred(_ id: ResourceID, _ state: CacheState) {
        let key = StoreLayout.use(id)
        require(state.uses[id].map { .modified(key, $0) } ?? .absent(key))
        delete(key)
    }

    mutating func insert(_ resource: AnyResource, projectID: ResourceID?) {
        let metadata = resource.metadata
        let key = StoreLayout.resource(resource.kind, project: projectID, metadata.id)
        require(.absent(key))
        put(key, resource.stored)
        claim(StoreLayout.name(resource.kind, project: projectID, metadata.name), for: metadata.id)
        remember(resource, .create)
    }

    mutating func replace(_ old: Item, with new: AnyResource) {
        require(.modified(old.key, old.resource.metadata.revision))
        put(old.key, new.stored)
        move(
            StoreLayout.name(new.kind, project: old.projectID, old.resource.metadata.name),
            to: StoreLayout.name(new.kind, project: old.projectID, new.metadata.name), for: old.id)
        remember(new, action)
    }

    mutating func remove(_ old: Item, _ state: CacheState) {
        let metadata = old.resource.metadata
        require(.modified(old.key, metadata.revision))
        delete(old.key)
        delete(StoreLayout.name(old.resource.kind, project: old.projectID, metadata.name))
        for host in state.reports[old.id, default: [:]].keys { delete(StoreLayout.report(old.id, host: host)) }
        let first = metadata.generation >= historyLength ? metadata.generation - historyLength + 1 : 1
        for generation in first...metadata.generation {
            delete(StoreLayout.history(old.id, generation: generation))
        }
    }

    private mutating func remember(_ resource: AnyResource, _ action: HistoryEntry.Action) {
        let metadata = resource.metadata
        let entry = HistoryEntry(
            generation: metadata.generation, time: now, who: principal.description, action: action,
            resource: resource.stored)
        put(StoreLayout.history(metadata.id, generation: metadata.generation), entry.json)
        if metadata.generation > historyLength {
            delete(StoreLayout.history(metadata.id, generation: metadata.generation - historyLength))
        }
    }
}

/// One revision of spec and metadata: who, when, what.
struct HistoryEntry: JSONCodable {
    enum Action: String, Choice { case create, update, restore }

    var generation: UInt64
    var time: Timestamp
    var who: String
    var action: Action
    /// The stored form of the resource.
    var resource: [UInt8]

    init(generation: UInt64, time: Timestamp, who: String, action: Action, resource: [UInt8]) {
        self.generation = generation
        self.time = time
        self.who = who
        self.action = action
        self.resource = resource
    }

    init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        generation = try reader.required("generation")
        time = try reader.required("time")
        who = try reader.required("who")
        action = try reader.required("action")
        guard let resource = reader.node("resource") else {
            throw FieldError(field: reader.path(of: "resource"), rule: "is required")
        }
        self.resource = Array(resource.raw)
        try reader.finish()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("generation", generation)
            writer.member("time", time)
            writer.member("who", who)
            writer.member("action", action)
            writer.name("resource")
            writer.raw(resource)
        }
    }
}
