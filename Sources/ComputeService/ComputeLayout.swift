import Persistence
import Resources

/// Where everything is in the compute service's store.
///
/// | key under `/kc/compute/` | value | written |
/// |---|---|---|
/// | `w/r/<kind>/<project id or ->/<id>` | the resource with what was decided for it | with each change |
/// | `w/s/<id>` | what is reported about the resource: of a compute host, a VM, an image | relaxed, no history |
/// | `w/u/<id>` | empty; its revision moves when something begins to refer to the resource | with the referrer |
/// | `w/u/<project id>` | empty; its revision moves when the project gets more of what quotas count | with what it gets |
/// | `w/p/<vm id>` | the compute host that the VM is placed on, and since when | with the VM, or when it gets its place |
/// | `w/n/<vm id>` | why it has no place | with the VM, or when the reason changes |
/// | `w/q/<vm id>` | why it has not all of its ports | relaxed, no history, when the reason changes |
/// | `w/l/<compute host id>` | empty; its revision counts the placements on the host | with each placement |
/// | `w/x/<vm id>` | the compute host that is to take away what it has of a VM that is gone | with the deletion, till it is done |
/// | `w/a/<compute host id>` | empty, under a lease: the host's agent is there | when it comes |
/// | `w/v/<compute host id>` | when its agent came last; without it a silent host is not lost but of a former version | with it |
/// | `w/c/<vm id>` | who is at the VM's console, under a lease | when somebody comes or goes |
/// | `c/<session>/<i or o>/<number>` | a piece of a console, typed or shown, under the same lease | as it comes |
/// | `w/m` | empty: a mark that shows readers how far the store is | when somebody waits |
/// | `k/name/<kind>/<project id or ->/<name>` | id of the holder | with it |
/// | `k/host/<host id>` | id of the compute host that is part of that host of KC's | with it |
/// | `k/images` | which place of bytes the records of images speak of | by the first of several servers |
/// | `h/<id>/<generation>` | who, when, what: one revision of spec and metadata | with it |
///
/// Only `w/` is watched. Every `k/` key is put on condition that it is absent, in the transaction that writes the
/// resource. A transaction that refers to a resource demands that it exists and moves its `w/u/` key; a deletion demands
/// that the `w/u/` key has not moved since it looked.
enum ComputeLayout {
    static let watched = StoreKey("/kc/compute/w/")
    static let mark = StoreKey("/kc/compute/w/m")

    static func resource(_ kind: ComputeKind, project: ResourceID?, _ id: ResourceID) -> StoreKey {
        StoreKey("/kc/compute/w/r/\(kind.name.plural)/\(scope(project))/\(id)")
    }
    static func report(_ id: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/s/\(id)") }
    static func use(_ id: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/u/\(id)") }
    static func place(_ vm: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/p/\(vm)") }
    static func obstacle(_ vm: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/n/\(vm)") }
    static func unported(_ vm: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/q/\(vm)") }
    static func removal(_ vm: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/x/\(vm)") }
    static func console(_ vm: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/c/\(vm)") }
    static func agent(_ host: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/a/\(host)") }
    static func arrival(_ host: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/v/\(host)") }
    static func load(_ host: ResourceID) -> StoreKey { StoreKey("/kc/compute/w/l/\(host)") }

    static func name(_ kind: ComputeKind, project: ResourceID?, _ name: Name) -> StoreKey {
        StoreKey("/kc/compute/k/name/\(kind.name.plural)/\(scope(project))/\(name)")
    }
    static func host(_ host: ResourceID) -> StoreKey { StoreKey("/kc/compute/k/host/\(host)") }

    static func pieces(_ session: ResourceID, _ way: ConsoleWay) -> StoreKey {
        StoreKey("/kc/compute/c/\(session)/\(way.rawValue)/")
    }
    static func piece(_ session: ResourceID, _ way: ConsoleWay, _ number: UInt64) -> StoreKey {
        let digits = String(number, radix: 16)
        return StoreKey(pieces(session, way).text + String(repeating: "0", count: 16 - digits.count) + digits)
    }

    static func history(_ id: ResourceID) -> StoreKey { StoreKey("/kc/compute/h/\(id)/") }
    static func history(_ id: ResourceID, generation: UInt64) -> StoreKey {
        let digits = String(generation, radix: 16)
        return StoreKey("/kc/compute/h/\(id)/\(String(repeating: "0", count: 16 - digits.count))\(digits)")
    }

    private static func scope(_ project: ResourceID?) -> String { project?.description ?? "-" }
}

/// What a watched key is about.
enum ComputeKey: Hashable {
    case resource(ComputeKind, project: ResourceID?, ResourceID)
    case report(ResourceID)
    case use(ResourceID)
    case place(ResourceID)
    case obstacle(ResourceID)
    case unported(ResourceID)
    case load(ResourceID)
    case console(ResourceID)
    case removal(ResourceID)
    case agent(ResourceID)
    case arrival(ResourceID)
    case mark

    init?(_ key: StoreKey) {
        let parts = key.text.dropFirst(ComputeLayout.watched.text.count).split(separator: "/")
        if parts.count == 1, parts[0] == "m" {
            self = .mark
            return
        }
        guard parts.count >= 2, let id = parts.last.flatMap({ ResourceID($0) }) else { return nil }
        switch (parts[0], parts.count) {
        case ("r", 4):
            guard let kind = ComputeKind(plural: parts[1]) else { return nil }
            self = .resource(kind, project: ResourceID(parts[2]), id)
        case ("s", 2): self = .report(id)
        case ("u", 2): self = .use(id)
        case ("p", 2): self = .place(id)
        case ("n", 2): self = .obstacle(id)
        case ("q", 2): self = .unported(id)
        case ("l", 2): self = .load(id)
        case ("c", 2): self = .console(id)
        case ("x", 2): self = .removal(id)
        case ("a", 2): self = .agent(id)
        case ("v", 2): self = .arrival(id)
        default: return nil
        }
    }

    /// A listing is taken in this order: VMs after their hosts and what they name, what is said of things after them.
    var rank: Int {
        switch self {
        case .resource(.vm, _, _): 1
        case .resource: 0
        case .place, .obstacle, .unported: 3
        case .report, .use, .load, .console, .removal, .agent, .arrival, .mark: 2
        }
    }
}
