import Addressing
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

/// One transaction in the making: what it takes for true, what it writes, and what it took out of pools.
///
/// A batch is one plan too: its operations follow each other (`turn`), each seeing what those before it did.
struct WritePlan {
    /// The resource that an operation is about.
    struct Subject {
        var id: ResourceID
        var projectID: ResourceID?
        /// The name it will have.
        var name: Name
    }

    /// One resource before and after: what the cache will see once the transaction is committed.
    struct Effect {
        var key: StoreKey
        var projectID: ResourceID?
        /// nil for a new resource.
        var old: Item?
        /// nil for a deleted one.
        var new: (resource: AnyResource, stored: [UInt8])?
    }

    private(set) var subject: Subject
    /// Where ids of further resources come from.
    let makeID: @Sendable () -> ResourceID
    let now: Timestamp
    let principal: Principal
    let historyLength: UInt64
    var action = StoredRevision.Action.create

    private(set) var conditions: [StoreTransaction.Condition] = []
    private(set) var effects: [Effect] = []
    /// A key that two operations wanted to hold although the state refused neither: the plan must not be committed.
    private(set) var clash: StoreKey?
    /// In the order of planning: a watch sees a deletion before what takes over the value that it freed.
    private var changes: [StoreTransaction.Change] = []
    private var places: [StoreKey: Int] = [:]
    private var referred: Set<ResourceID> = []
    /// Projects whose resources were counted for a quota.
    var counted: Set<ResourceID> = []
    /// Of the secret that the one token of a request gets; nil for requests that make none.
    let tokenDigest: String?
    var taken: [TakenValue] = []
    /// Lists of learned addresses as they will be.
    private var learned: [LearnedTable.Place: LearnedAddresses] = [:]

    enum TakenValue {
        case vni(VNI)
        case prefix(IPv6Prefix)
        case mac(MACAddress)
        case ipv4(IPv4Address)
        case delegated(DelegatedPrefix)
    }

    init(
        _ subject: Subject, makeID: @escaping @Sendable () -> ResourceID, now: Timestamp, principal: Principal,
        historyLength: UInt64, tokenDigest: String? = nil
    ) {
        self.tokenDigest = tokenDigest
        self.subject = subject
        self.makeID = makeID
        self.now = now
        self.principal = principal
        self.historyLength = historyLength
    }

    var id: ResourceID { subject.id }
    var projectID: ResourceID? { subject.projectID }
    var draftName: Name { subject.name }

    /// Goes on with the next operation of a batch.
    mutating func turn(to subject: Subject) {
        self.subject = subject
        action = .create
    }

    var transaction: StoreTransaction {
        StoreTransaction(conditions: conditions, changes: changes, durability: .durable)
    }

    /// Demands something of the store, unless the key is one that this plan itself has changed before: what stood there
    /// was demanded then, and what stands there now is the plan's own.
    mutating func require(_ condition: StoreTransaction.Condition) {
        guard places[condition.key] == nil else { return }
        conditions.append(condition)
    }

    /// Demands something of a key also when the plan itself has changed it.
    mutating func demand(_ condition: StoreTransaction.Condition) { conditions.append(condition) }

    mutating func put(_ key: StoreKey, _ value: [UInt8]) { change(.put(key, value)) }
    mutating func delete(_ key: StoreKey) { change(.delete(key)) }

    /// - Returns: what the plan had done to the key before, if anything.
    @discardableResult
    private mutating func change(_ change: StoreTransaction.Change) -> StoreTransaction.Change? {
        let next = changes.count
        let place = places.number(change.key, ifNew: next)
        guard place < next else {
            changes.append(change)
            return nil
        }
        defer { changes[place] = change }
        return changes[place]
    }

    /// Makes a key that nobody has, or that this plan itself has changed before.
    /// - Returns: what the plan had done to the key before, if anything.
    @discardableResult
    private mutating func make(_ change: StoreTransaction.Change) -> StoreTransaction.Change? {
        let before = self.change(change)
        if before == nil { conditions.append(.absent(change.key)) }
        return before
    }

    /// Holds a value that may have one holder; one that this plan gives back elsewhere may be held again.
    mutating func claim(_ key: StoreKey, for holder: ResourceID) {
        let value = Array(holder.description.utf8)
        if case .record(_, let other) = make(.record(key, value)), other != value { clash = clash ?? key }
    }

    /// Makes room for the operations of a batch.
    mutating func reserve(operations: Int) {
        // A resource, its name, its history, and mostly one value that it alone has.
        changes.reserveCapacity(4 * operations)
        places.reserveCapacity(4 * operations)
        conditions.reserveCapacity(4 * operations)
        effects.reserveCapacity(operations)
        taken.reserveCapacity(operations)
    }

    /// Holds a value in the place of another holder, who is known to have it.
    mutating func takeOver(_ key: StoreKey, for holder: ResourceID) {
        require(.exists(key))
        change(.record(key, Array(holder.description.utf8)))
    }

    /// Moves a value that may have one holder from `old` to `new`; nothing when they are the same.
    mutating func move(_ old: StoreKey, to new: StoreKey, for holder: ResourceID) {
        guard old != new else { return }
        delete(old)
        claim(new, for: holder)
    }

    /// Refers to a resource: it must exist, and whoever deletes it will notice.
    mutating func refer(to item: Item) {
        guard referred.insert(item.id).inserted else { return }
        require(.exists(item.key))
        put(StoreLayout.use(item.id), [])
    }

    /// Demands that nothing began to refer to the resource since `state`.
    mutating func requireUnreferred(_ id: ResourceID, _ state: CacheState) {
        let key = StoreLayout.use(id)
        // Not through `require`: what began to refer to it since `state` was somebody else's doing.
        conditions.append(state.uses[id].map { .modified(key, $0) } ?? .absent(key))
        delete(key)
    }

    /// Demands that nothing began to refer to the resource since `state`, which goes on to live.
    mutating func requireNoNewReferrer(_ id: ResourceID, _ state: CacheState) {
        let key = StoreLayout.use(id)
        require(state.uses[id].map { .modified(key, $0) } ?? .absent(key))
    }

    /// Demands that no prefix was delegated since `state`, and says that one is now.
    mutating func delegate(_ state: CacheState) {
        requireNoNewReferrer(StoreLayout.delegations, state)
        put(StoreLayout.use(StoreLayout.delegations), [])
    }

    /// What an attachment has learned on a host, as the plan leaves it so far.
    func learned(_ attachment: ResourceID, _ place: LearnedTable.Place, _ state: CacheState) -> Set<IPv6Address> {
        (learned[place] ?? state.learned.lists[place]?.addresses)?.addresses[attachment] ?? []
    }

    /// How many addresses a host has learned on a segment, as the plan leaves it so far.
    func learnedCount(_ place: LearnedTable.Place, _ state: CacheState) -> Int {
        (learned[place] ?? state.learned.lists[place]?.addresses)?.count ?? 0
    }

    /// Changes the list of what a host has learned, on condition that it is still what `state` says.
    mutating func changeLearned(
        _ place: LearnedTable.Place, _ state: CacheState, _ change: (inout LearnedAddresses) -> Void
    ) {
        let key = StoreLayout.learned(place)
        let known = state.learned.lists[place]
        if learned[place] == nil { require(known.map { .modified(key, $0.revision) } ?? .absent(key)) }
        let before = learned[place] ?? known?.addresses ?? LearnedAddresses()
        var list = before
        change(&list)
        list.addresses = list.addresses.filter { !$0.value.isEmpty }
        learned[place] = list
        guard list != before else { return }
        if list.addresses.isEmpty { delete(key) } else { put(key, list.json) }
    }

    mutating func insert(_ resource: AnyResource, projectID: ResourceID?) {
        let metadata = resource.metadata
        let key = StoreLayout.resource(resource.kind, project: projectID, metadata.id)
        let stored = resource.stored
        make(.put(key, stored))
        claim(StoreLayout.name(resource.kind, project: projectID, metadata.name), for: metadata.id)
        remember(metadata, stored, .create)
        effects.append(Effect(key: key, projectID: projectID, old: nil, new: (resource, stored)))
    }

    mutating func replace(_ old: Item, with new: AnyResource) {
        let stored = new.stored
        require(.modified(old.key, old.resource.metadata.revision))
        put(old.key, stored)
        move(
            StoreLayout.name(new.kind, project: old.projectID, old.resource.metadata.name),
            to: StoreLayout.name(new.kind, project: old.projectID, new.metadata.name), for: old.id)
        remember(new.metadata, stored, action)
        effects.append(Effect(key: old.key, projectID: old.projectID, old: old, new: (new, stored)))
    }

    mutating func remove(_ old: Item, _ state: CacheState) {
        let metadata = old.resource.metadata
        require(.modified(old.key, metadata.revision))
        delete(old.key)
        delete(StoreLayout.name(old.resource.kind, project: old.projectID, metadata.name))
        for host in state.reports[old.id, default: [:]].keys { delete(StoreLayout.report(old.id, host: host)) }
        let first = metadata.generation >= historyLength ? metadata.generation - historyLength + 1 : 1
        // None at all when no history is kept.
        for generation in stride(from: first, through: metadata.generation, by: 1) {
            delete(StoreLayout.history(old.id, generation: generation))
        }
        effects.append(Effect(key: old.key, projectID: old.projectID, old: old, new: nil))
    }

    private mutating func remember(_ metadata: Metadata, _ stored: [UInt8], _ action: StoredRevision.Action) {
        guard historyLength > 0 else { return }
        let entry = StoredRevision(
            generation: metadata.generation, time: now, who: principal.description, action: action,
            resource: stored)
        // Room for what stands around the resource, so that the text does not move while it is written.
        var writer = JSONWriter(capacity: stored.count + 256)
        entry.write(to: &writer)
        change(.record(StoreLayout.history(metadata.id, generation: metadata.generation), writer.bytes))
        if metadata.generation > historyLength {
            delete(StoreLayout.history(metadata.id, generation: metadata.generation - historyLength))
        }
    }
}

extension [StoreKey: Int] {
    /// The number of a key; a new key gets `next`. With one look, since a batch has thousands of keys.
    fileprivate mutating func number(_ key: StoreKey, ifNew next: Int) -> Int {
        func settle(_ number: inout Int) -> Int {
            if number < 0 { number = next }
            return number
        }
        return settle(&self[key, default: -1])
    }
}
