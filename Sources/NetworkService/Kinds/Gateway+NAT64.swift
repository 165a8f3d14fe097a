import Addressing
import NetworkModel
import NetworkPlanning
import Resources

extension Gateway {
    /// The IPv4 address for outgoing connections, out of the pool that `nat64` names; nil when it names none. It stays
    /// while the pool stays. Resolves the pool's reference.
    static func takeOutgoing(
        _ spec: inout Spec, over old: Resource<Gateway>?, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> IPv4Address? {
        let present = old?.assigned.outgoing
        guard var nat64 = spec.nat64, var pool = nat64.pool else {
            if let present { plan.delete(StoreLayout.ipv4(present)) }
            return nil
        }
        let item = try state.resolve(pool, as: Pool.self, in: nil, field: "spec.nat64.pool")
        pool = .id(item.id)
        nat64.pool = pool
        spec.nat64 = nat64
        if let present, old?.spec.nat64?.pool == pool { return present }
        if let present { plan.delete(StoreLayout.ipv4(present)) }
        var wanted: Reference<Pool>? = pool
        do throws(Problem) {
            return try state.takeIPv4(nil, &wanted, beside: spec.uplink?.ipv4, &plan)
        } catch {
            throw Problem(error.code, error.detail, field: "spec.nat64.pool", value: item.name.text, rule: error.rule)
        }
    }

    /// Where segments see the IPv4 world is nobody's network: what a guest sent to an address there would be translated.
    /// Several gateways may have one prefix. Looked at when it is set, so that a store from before is read.
    static func requireOwnPrefix(_ spec: Spec, over old: Spec?, _ state: CacheState) throws(Problem) {
        guard let prefix = spec.nat64?.prefix, prefix != old?.nat64?.prefix else { return }
        guard prefix.address.high != 0 else {
            throw Problem(
                field: "spec.nat64.prefix", value: prefix.description,
                rule: "must not be in ::/64, where loopback and IPv4-mapped addresses are (RFC 4291 section 2.5): no "
                    + "guest sends there; take 64:ff9b::/96 or 64:ff9b:1::/96")
        }
        func problem(_ rule: String) -> Problem {
            Problem(.prefixTaken, field: "spec.nat64.prefix", value: prefix.description, rule: rule)
        }
        if let holder = state.holders.prefix[prefix.address.high] {
            throw problem("lies in the prefix of \(state.place(holder))")
        }
        let subnet = IPv6Prefix(containing: prefix.address, length: 64)
        if let (delegated, holder) = state.delegation(overlapping: subnet) {
            throw problem("lies in \(delegated), which is delegated to \(state.place(holder))")
        }
        if let pool = state.all(Pool.self).first(where: { $0.spec.networks?.contains(prefix) == true }),
            let networks = pool.spec.networks
        {
            throw problem(
                "lies in \(networks) of pool '\(pool.metadata.name)', which gives it to segments or routers; take one "
                    + "outside of it, or 64:ff9b:1::/96")
        }
    }
}

extension CacheState {
    /// The gateway by which guests would reach the IPv4 world instead of an address of these networks, and its prefix.
    func translation(inside networks: IPv6Prefix) -> (prefix: IPv6Prefix, gateway: ResourceID)? {
        for project in all(Project.self) {
            for item in collections[Scope(kind: .gateway, project: project.metadata.id)]?.order ?? [] {
                guard let prefix = resource(item.id, as: Gateway.self)?.spec.nat64?.prefix, networks.contains(prefix)
                else { continue }
                return (prefix, item.id)
            }
        }
        return nil
    }
}

extension Pool.Spec {
    /// What segments or routers get prefixes of; nil for pools of other things.
    var networks: IPv6Prefix? {
        switch self {
        case .prefix(let range), .delegation(let range): range
        case .vni, .mac, .ipv4: nil
        }
    }
}
