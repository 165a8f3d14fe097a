import Addressing
package import NetworkModel
import Resources

/// No pool of a type has a value left.
package struct PoolExhausted: Error, Hashable, Sendable, CustomStringConvertible {
    package let type: PoolType
    /// The pools that were tried, all of that type; empty when there is none.
    package let pools: [NamedPool]

    package init(type: PoolType, pools: [NamedPool]) {
        self.type = type
        self.pools = pools
    }

    /// Names each pool with what it holds, and what enlarges it.
    package var description: String {
        let mend =
            switch type {
            case .vni: "raise the 'to' of one, or create another pool of type 'vni'"
            case .prefix: "create another pool of type 'prefix', or give a pool a shorter prefix"
            case .mac: "create another pool of type 'mac' with other octets"
            case .delegation:
                "delete attachments with 'delegated', ask for a longer prefix, or create another pool of type 'delegation'"
            case .ipv4: "delete mappings, or create another pool of type 'ipv4'"
            }
        guard !pools.isEmpty else {
            return "there is no pool of type '\(type.rawValue)'; create one (`kcnet pool create`)"
        }
        let names = pools.map { "'\($0.name)' (\($0.spec.extent))" }.joined(separator: ", ")
        return
            "all values of type '\(type.rawValue)' are in use in pool\(pools.count == 1 ? "" : "s") \(names); \(mend)"
    }
}

extension Pool.Spec {
    /// What the pool holds, in one short text.
    package var extent: String {
        switch self {
        case .vni(let from, let to): "\(from) to \(to)"
        case .prefix(let prefix): prefix.description
        case .mac(let prefix): prefix.description
        case .ipv4(let prefix): prefix.description
        case .delegation(let prefix): prefix.description
        }
    }
}
