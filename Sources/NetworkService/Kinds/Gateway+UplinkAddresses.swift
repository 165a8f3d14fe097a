import Addressing
import NetworkModel
import Resources

/// What stands on the link of an uplink is nobody else's: two would answer for it.
extension Gateway {
    /// Refuses an uplink with what a mapping, a gateway's pool or a segment has given to others. Looked at when it is
    /// set, so that a store from before is read.
    static func requireOwnUplink(_ spec: Spec, over old: Spec?, _ state: CacheState) throws(Problem) {
        guard let uplink = spec.uplink, uplink != old?.uplink else { return }
        if let ipv4 = uplink.ipv4 {
            for (field, address) in [("address", ipv4.address), ("nextHop", ipv4.nextHop)] {
                guard let holder = state.holders.ipv4[address] else { continue }
                throw Problem(
                    .addressTaken, field: "spec.uplink.ipv4.\(field)", value: address.description,
                    rule: "is given to \(state.place(holder)); delete that, or take another address")
            }
        }
        guard case .interface(let interface) = uplink.way else { return }
        for (index, onLink) in interface.addresses.enumerated() {
            let field = "spec.uplink.addresses[\(index)]"
            if let holder = state.holders.prefix[onLink.address.high] {
                throw Problem(
                    .prefixTaken, field: field, value: onLink.description,
                    rule: "lies in the prefix of \(state.place(holder)), which is not on this link")
            }
            let network = IPv6Prefix(containing: onLink.address, length: 64)
            if let (delegated, holder) = state.delegation(overlapping: network) {
                throw Problem(
                    .prefixTaken, field: field, value: onLink.description,
                    rule: "lies in \(delegated), which is delegated to \(state.place(holder))")
            }
        }
    }
}

extension CacheState {
    /// The gateways that have IPv4 addresses at their uplinks, by these and their next hops.
    func uplinkIPv4s() -> [IPv4Address: ResourceID] {
        var gateways: [IPv4Address: ResourceID] = [:]
        for project in all(Project.self) {
            for item in collections[Scope(kind: .gateway, project: project.metadata.id)]?.order ?? [] {
                guard let ipv4 = resource(item.id, as: Gateway.self)?.spec.uplink?.ipv4 else { continue }
                gateways[ipv4.address] = item.id
                gateways[ipv4.nextHop] = item.id
            }
        }
        return gateways
    }
}
