import Addressing
import Logging
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

/// What the cache knows, and the indexes that make each question about one resource cost nothing that grows with all.
struct CacheState {
    var revision: Revision = .zero
    var isSynced = false
    /// Streams that begin now end at once.
    var isStopping = false

    var items: [ResourceID: Item] = [:]
    var collections: [Scope: Collection] = [:]
    var reports: [ResourceID: [ResourceID: Report]] = [:]
    /// The revision of each `w/u/` key.
    var uses: [ResourceID: Revision] = [:]
    var leases: [ResourceID: LeaseID] = [:]
    /// When this server heard the host's agent last.
    var renewals: [ResourceID: Timestamp] = [:]
    /// Who renews them, where agents say so.
    var agents: [ResourceID: HostAgents] = [:]
    var lastSeen: [ResourceID: Timestamp] = [:]
    var learned = LearnedTable()
    var probes: [ResourceID: Probe] = [:]
    var probesOfHost: [ResourceID: Set<ResourceID>] = [:]
    /// By probe and host.
    var answers: [ResourceID: [ResourceID: ProbeResult]] = [:]

    var vnis = VNIAllocator()
    var prefixes = PrefixAllocator()
    var macs = MACAllocator()
    var ipv4s = IPv4Allocator()
    var delegations = DelegationAllocator()
    var holders = Holders()
    var relations = Relations()
    var names = NameState()
    /// Who holds each token, by the digest of its secret.
    var tokens: [String: Identity] = [:]
    /// Who asks for the write that is being planned; nil between plans.
    var asker: Principal?

    /// What writes of this server are about to put, by key: the cache need not read again what it has just written.
    var expected: [StoreKey: Expected] = [:]
    /// While a batch tries its operations one on the other: nobody is told, all of it is taken back at once.
    var isTrying = false
    /// What it tried, before and after, in order.
    var tried: [(old: Item?, new: Item?)] = []

    var log = ChangeLog<Item>()
    var followers: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var feeds: [ResourceID: [UInt64: FeedDirt]] = [:]
    private var numbers: UInt64 = 0

    /// The resources among which a name is unique.
    struct Scope: Hashable {
        var kind: Kind
        var project: ResourceID?
    }

    /// A resource with the bytes that it is stored as.
    struct Expected {
        var resource: AnyResource
        var projectID: ResourceID?
        var stored: [UInt8]
    }

    struct Collection {
        var names: [Name: ResourceID] = [:]
        /// Ascending.
        var order: [OrderKey] = []
    }

    mutating func nextNumber() -> UInt64 {
        numbers += 1
        return numbers
    }
}

// MARK: Lookups

extension CacheState {
    func item(_ kind: Kind, _ id: ResourceID) -> Item? {
        guard let item = items[id], item.resource.kind == kind else { return nil }
        return item
    }

    func item(_ kind: Kind, project: ResourceID?, named name: Name) -> Item? {
        collections[Scope(kind: kind, project: project)]?.names[name].flatMap { items[$0] }
    }

    /// By name or id, inside one project.
    func item(_ kind: Kind, project: ResourceID?, _ text: some StringProtocol) -> Item? {
        if let id = ResourceID(text) {
            guard let item = item(kind, id), item.projectID == project else { return nil }
            return item
        }
        return Name(text).flatMap { item(kind, project: project, named: $0) }
    }

    func resource<Served: ServedKind>(_ id: ResourceID, as type: Served.Type = Served.self) -> Resource<Served>? {
        items[id].flatMap { Served.unwrap($0.resource) }
    }

    /// All resources of a kind, in no order.
    func all<Served: ServedKind>(_ type: Served.Type) -> [Resource<Served>] {
        (collections[Scope(kind: Served.tag, project: nil)]?.order ?? []).compactMap { resource($0.id) }
    }

    func liveness(of host: ResourceID) -> Liveness {
        if leases[host] != nil { return .up }
        return lastSeen[host].map { .down(lastSeen: $0) } ?? .neverSeen
    }

    func status(of id: ResourceID, kind: Kind) -> Item.Status {
        var status = Item.Status()
        for (host, report) in reports[id, default: [:]] {
            guard let name = items[host]?.name else { continue }
            status.reports.append((name, host, report))
        }
        status.reports.sort { $0.host < $1.host }
        if kind == .host {
            status.liveness = liveness(of: id)
            status.agents = agents[id].flatMap { $0.areTwo ? [$0.latest] + [$0.former].compactMap { $0 } : nil } ?? []
        }
        if kind == .attachment { status.learned = learned.addresses[id, default: []].sorted() }
        return status
    }
}
