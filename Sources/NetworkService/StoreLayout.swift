import Addressing
import FoundationEssentials
import NetworkModel
import Persistence
import Resources

/// Where everything is in the store.
///
/// | key under `/kc/net/` | value | written |
/// |---|---|---|
/// | `w/r/<kind>/<project id or ->/<id>` | the resource with what was assigned to it | with each change |
/// | `w/s/<id>/<host id>` | what one host reports about the resource | relaxed, no history |
/// | `w/u/<id>` | empty; its revision moves when something begins to refer to the resource | with the referrer |
/// | `w/b/<segment id>/<host id>` | the addresses a host has learned on its ports of a segment | relaxed, no history |
/// | `w/d/<probe id>` | a probe, under its lease | when somebody asks |
/// | `w/a/<probe id>/<host id>` | what a host answers, under the probe's lease | relaxed, by the agent |
/// | `w/k/<zone id>` | the zone's private key | with the zone; never changed, never shown |
/// | `w/l/<host id>` | which agents renew it, or empty; under a lease: the host is up | when a host comes up, and for another agent |
/// | `w/t/<host id>` | when it last came up | with it |
/// | `w/p` | empty; written to see how far the cache is | when a reader waits for a revision that changed nothing here |
/// | `w/u/<all zero>` | empty; its revision moves when a prefix is delegated | with the attachment |
/// | `k/name/<kind>/<project id or ->/<name>` | id of the holder | with the resource |
/// | `k/vni/…`, `k/prefix/…`, `k/mac/…`, `k/vtep/…`, `k/address/<segment>/…` | id of the holder | with it |
/// | `k/address/<segment>/…` of a learned address | id of the holder | relaxed, with `w/b/` |
/// | `k/gateway/<segment>`, `k/external/<segment>/<interface>`, `k/interface/<host>/<interface>` | id of the holder | with it |
/// | `k/domain/<domain>`, `k/record/<zone>/<type>/<owner>` | id of the holder | with it |
/// | `k/token/<digest>` | id of the token whose secret has that digest | with it |
/// | `c/<probe id>/<number>` | frames that a host has captured, under the probe's lease; read by list alone | relaxed, by the agent |
/// | `k/captured/<probe id>` | how much a host has captured, under the probe's lease | with each chunk |
/// | `h/<id>/<generation>` | who, when, what: one revision of spec and metadata | with it |
///
/// An address of a segment has one holder, whether it was assigned, is static or was learned: all three have the same
/// key. Whoever takes a learned address for a static one demands that its `w/b/` key has not moved, and writes that too;
/// whoever moves or deletes an attachment does the same for the list of its host.
///
/// Only `w/` is watched. Every `k/` key is put on condition that it is absent, in the transaction that writes the
/// resource: two servers that chose the same value cannot both commit. A transaction that refers to a resource demands
/// that it exists and moves its `w/u/` key; a deletion demands that the `w/u/` key has not moved since it looked. So
/// nothing ever refers to what is gone.
enum StoreLayout {
    static let watched = StoreKey("/kc/net/w/")
    static let resources = StoreKey("/kc/net/w/r/")
    static let progress = StoreKey("/kc/net/w/p")
    static let initialized = StoreKey("/kc/net/k/initialized")

    static func resource(_ kind: Kind, project: ResourceID?, _ id: ResourceID) -> StoreKey {
        StoreKey("/kc/net/w/r/\(kind.name.plural)/\(scope(project))/\(id)")
    }

    static func report(_ id: ResourceID, host: ResourceID) -> StoreKey { StoreKey("/kc/net/w/s/\(id)/\(host)") }
    static func use(_ id: ResourceID) -> StoreKey { StoreKey("/kc/net/w/u/\(id)") }
    /// Moves with each delegation: prefixes of different lengths can overlap without having a key in common, so
    /// delegations follow each other.
    static let delegations = ResourceID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
    static func learned(_ place: LearnedTable.Place) -> StoreKey {
        StoreKey("/kc/net/w/b/\(place.segment)/\(place.host)")
    }
    static func signingKey(_ zone: ResourceID) -> StoreKey { StoreKey("/kc/net/w/k/\(zone)") }
    static func probe(_ id: ResourceID) -> StoreKey { StoreKey("/kc/net/w/d/\(id)") }
    static func answer(_ probe: ResourceID, host: ResourceID) -> StoreKey {
        StoreKey("/kc/net/w/a/\(probe)/\(host)")
    }
    static func captured(_ probe: ResourceID) -> StoreKey { StoreKey("/kc/net/c/\(probe)/") }
    static func captured(_ probe: ResourceID, _ number: Int) -> StoreKey {
        StoreKey("/kc/net/c/\(probe)/\(hex(UInt64(max(0, number)), 8))")
    }
    static func tally(_ probe: ResourceID) -> StoreKey { StoreKey("/kc/net/k/captured/\(probe)") }
    static func lease(_ host: ResourceID) -> StoreKey { StoreKey("/kc/net/w/l/\(host)") }
    static func seen(_ host: ResourceID) -> StoreKey { StoreKey("/kc/net/w/t/\(host)") }

    static func name(_ kind: Kind, project: ResourceID?, _ name: Name) -> StoreKey {
        StoreKey("/kc/net/k/name/\(kind.name.plural)/\(scope(project))/\(name)")
    }
    static let vnis = "/kc/net/k/vni/"
    static let prefixes = "/kc/net/k/prefix/"
    static let macs = "/kc/net/k/mac/"

    static let ipv4s = "/kc/net/k/ipv4/"

    static func ipv4(_ address: IPv4Address) -> StoreKey { StoreKey(ipv4s + hex(UInt64(address.value), 8)) }
    static func mapped(segment: ResourceID, _ address: IPv6Address) -> StoreKey {
        StoreKey("/kc/net/k/mapped/\(segment)/\(hex(address))")
    }
    static func vni(_ vni: VNI) -> StoreKey { StoreKey(vnis + vni.hex) }
    static func prefix(_ prefix: IPv6Prefix) -> StoreKey {
        StoreKey(prefixes + hex(prefix.address.high, 16))
    }
    static func mac(_ mac: MACAddress) -> StoreKey { StoreKey(macs + hex(mac.value, 12)) }
    static func vtep(_ address: IPv6Address) -> StoreKey { StoreKey("/kc/net/k/vtep/\(hex(address))") }
    static func address(segment: ResourceID, _ address: IPv6Address) -> StoreKey {
        StoreKey("/kc/net/k/address/\(segment)/\(hex(address))")
    }
    static func domain(_ domain: DomainName) -> StoreKey { StoreKey("/kc/net/k/domain/\(domain)") }
    static func record(zone: ResourceID, _ key: RecordSetKey) -> StoreKey {
        StoreKey("/kc/net/k/record/\(zone)/\(key.type.rawValue)/\(key.owner)")
    }
    static func service(gateway: ResourceID, port: UInt16) -> StoreKey {
        StoreKey("/kc/net/k/service/\(gateway)/\(port)")
    }
    static func token(_ digest: String) -> StoreKey { StoreKey("/kc/net/k/token/\(digest)") }
    static func gateway(segment: ResourceID) -> StoreKey { StoreKey("/kc/net/k/gateway/\(segment)") }
    static func external(segment: ResourceID, _ interface: InterfaceName) -> StoreKey {
        StoreKey("/kc/net/k/external/\(segment)/\(interface)")
    }
    static func interface(host: ResourceID, _ interface: InterfaceName) -> StoreKey {
        StoreKey("/kc/net/k/interface/\(host)/\(interface)")
    }

    static func history(_ id: ResourceID) -> StoreKey { StoreKey("/kc/net/h/\(id)/") }
    static func history(_ id: ResourceID, generation: UInt64) -> StoreKey {
        StoreKey("/kc/net/h/\(id)/\(hex(generation, 16))")
    }

    private static func scope(_ project: ResourceID?) -> String { project?.description ?? "-" }

    private static func hex(_ value: UInt64, _ width: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func hex(_ address: IPv6Address) -> String { hex(address.high, 16) + hex(address.low, 16) }
}

/// What a watched key is about.
enum WatchedKey {
    case resource(Kind, project: ResourceID?, ResourceID)
    case report(ResourceID, host: ResourceID)
    case learned(LearnedTable.Place)
    case signingKey(ResourceID)
    case probe(ResourceID)
    case answer(ResourceID, host: ResourceID)
    case use(ResourceID)
    case lease(ResourceID)
    case seen(ResourceID)
    case progress

    init?(_ key: StoreKey) {
        let parts = key.text.utf8.dropFirst(StoreLayout.watched.text.utf8.count).split(separator: UInt8(ascii: "/"))
        func id(_ index: Int) -> ResourceID? { ResourceID(Substring(parts[index])) }
        switch (parts.first.map(Substring.init), parts.count) {
        case ("r", 4):
            guard let kind = Kind(plural: Substring(parts[1])), let item = id(3) else { return nil }
            self = .resource(kind, project: id(2), item)
        case ("s", 3):
            guard let item = id(1), let host = id(2) else { return nil }
            self = .report(item, host: host)
        case ("b", 3):
            guard let segment = id(1), let host = id(2) else { return nil }
            self = .learned(LearnedTable.Place(segment: segment, host: host))
        case ("k", 2):
            guard let zone = id(1) else { return nil }
            self = .signingKey(zone)
        case ("d", 2):
            guard let probe = id(1) else { return nil }
            self = .probe(probe)
        case ("a", 3):
            guard let probe = id(1), let host = id(2) else { return nil }
            self = .answer(probe, host: host)
        case ("u", 2):
            guard let item = id(1) else { return nil }
            self = .use(item)
        case ("l", 2):
            guard let host = id(1) else { return nil }
            self = .lease(host)
        case ("t", 2):
            guard let host = id(1) else { return nil }
            self = .seen(host)
        case ("p", 1): self = .progress
        default: return nil
        }
    }
}
