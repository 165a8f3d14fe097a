import ComputeModel
import Persistence
import Placement
import Resources

/// What the cache knows, with the scheduler's own view of it: hosts, and what is placed on them.
struct ComputeState {
    var revision: Revision = .zero
    private(set) var isStopping = false

    /// The resources among which a name is unique.
    struct Scope: Hashable {
        var kind: ComputeKind
        var project: ResourceID?
    }

    struct Collection {
        var names: [Name: ResourceID] = [:]
        /// Ascending.
        var order: [OrderKey] = []
    }

    var items: [ResourceID: ComputeItem] = [:]
    var collections: [Scope: Collection] = [:]
    /// The revision of each `w/u/` key.
    var uses: [ResourceID: Revision] = [:]
    /// Which VMs use a machine type or an image.
    var users: [ResourceID: Set<ResourceID>] = [:]
    /// What each project has of what quotas count.
    var usage: [ResourceID: ComputeUsage] = [:]
    var reports: [ResourceID: Seen<[UInt8]>] = [:]
    /// By VM.
    var places: [ResourceID: Seen<VirtualMachinePlace>] = [:]
    /// VMs without one.
    var waiting: Set<ResourceID> = []
    var obstacles: [ResourceID: Seen<Hindrance>] = [:]
    /// VMs that have not all of their ports, and why.
    var unported: [ResourceID: Hindrance] = [:]
    /// The revision of each compute host's load.
    var loads: [ResourceID: Revision] = [:]
    /// Who is at which VM's console, by VM.
    var consoles: [ResourceID: ConsoleSession] = [:]
    /// VMs that are gone, and whose compute host has not said that nothing of them is left, by VM.
    var removals: [ResourceID: VirtualMachinePlace] = [:]
    /// The leases of compute hosts whose agents are there; nil for a lease that the store does not name.
    var agents: [ResourceID: LeaseID?] = [:]
    /// Compute hosts whose agents say that they are there.
    var arrivals: Set<ResourceID> = []
    /// By compute host.
    var residents: [ResourceID: Set<ResourceID>] = [:]
    var placer: Placer
    /// Moves whenever a VM that had no place might get one now.
    var chances: UInt64 = 0

    var log = ChangeLog<ComputeItem>()
    private var followers: [UInt64: AsyncStream<Void>.Continuation] = [:]
    private var numbers: UInt64 = 0

    /// A value, and the revision at which it was seen.
    struct Seen<Value: Sendable>: Sendable {
        var value: Value
        var revision: Revision
    }

    init(_ policy: PlacementPolicy) { placer = Placer(policy) }

    // MARK: followers

    mutating func follow(_ follower: AsyncStream<Void>.Continuation) -> UInt64 {
        numbers += 1
        followers[numbers] = follower
        return numbers
    }

    mutating func unfollow(_ number: UInt64) { followers[number] = nil }

    func signal() { for follower in followers.values { follower.yield() } }

    /// The followers to finish, which must not happen under the lock.
    mutating func stop() -> [AsyncStream<Void>.Continuation] {
        isStopping = true
        return Array(followers.values)
    }

    // MARK: lookups

    func item(_ kind: ComputeKind, _ id: ResourceID) -> ComputeItem? {
        guard let item = items[id], item.kind == kind else { return nil }
        return item
    }

    /// By name or id, inside one project.
    func item(_ kind: ComputeKind, project: ResourceID?, _ text: some StringProtocol) -> ComputeItem? {
        if let id = ResourceID(text) {
            guard let item = item(kind, id), item.projectID == project else { return nil }
            return item
        }
        guard let name = Name(text) else { return nil }
        return collections[Scope(kind: kind, project: project)]?.names[name].flatMap { items[$0] }
    }

    /// In the order of their creation.
    func all(_ kind: ComputeKind, project: ResourceID?) -> [ComputeItem] {
        (collections[Scope(kind: kind, project: project)]?.order ?? []).compactMap { items[$0.id] }
    }

    func resource<Kind: ServedCompute>(_ id: ResourceID, as type: Kind.Type = Kind.self) -> Resource<Kind>? {
        items[id]?.unwrap(Kind.self)
    }

    /// VMs without a place, the oldest first.
    var unplaced: [ComputeItem] {
        waiting.compactMap { items[$0] }.sorted { $0.order < $1.order }
    }

    /// What a compute host's agent said last; nil before it says anything, or for what cannot be read.
    func hostReport(_ id: ResourceID) -> ComputeHostReport? { report(id) }

    func report<Report: JSONReadable>(_ id: ResourceID, as type: Report.Type = Report.self) -> Report? {
        guard let bytes = reports[id]?.value else { return nil }
        // What cannot be read is as if nothing had been said.
        return try? Report(json: JSONParser.parse(kept: bytes), path: "")
    }
}
