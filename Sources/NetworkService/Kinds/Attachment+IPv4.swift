import Addressing
import NetworkModel
import Resources

/// Addresses of segments that have IPv4.
extension Attachment {
    /// The attachment's IPv4 address: the user's choice, what it has already, or a free one of the segment's prefix.
    /// Holds it, and gives back another that it had.
    static func takeIPv4(
        _ spec: Spec, over old: Resource<Attachment>?, mac: MACAddress, _ segment: Resource<Segment>,
        _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) -> IPv4Address? {
        let before = old?.assigned.ipv4
        let wanted = try chooseIPv4(spec, before, for: plan.id, mac: mac, segment, state)
        guard wanted != before else { return wanted }
        if let before { plan.delete(StoreLayout.address(segment: segment.metadata.id, before.mapped)) }
        if let wanted { plan.claim(StoreLayout.address(segment: segment.metadata.id, wanted.mapped), for: plan.id) }
        return wanted
    }

    private static func chooseIPv4(
        _ spec: Spec, _ before: IPv4Address?, for id: ResourceID, mac: MACAddress, _ segment: Resource<Segment>,
        _ state: CacheState
    ) throws(Problem) -> IPv4Address? {
        func refuse(_ rule: String, _ code: Problem.Code = .invalidField) -> Problem {
            Problem(code, field: "spec.ipv4", value: spec.ipv4?.description ?? "", rule: rule)
        }
        guard let network = segment.spec.ipv4, !spec.port.isExternal else {
            guard spec.ipv4 != nil else { return nil }
            throw refuse(
                spec.port.isExternal
                    ? "must be absent for a port of type 'external'"
                    : "must be absent: segment '\(segment.metadata.name)' has no IPv4 (`--ipv4 PREFIX` of the segment)")
        }
        func holder(_ address: IPv4Address) -> ResourceID? {
            let key = Holders.SegmentAddress(segment: segment.metadata.id, address: address.mapped)
            return state.holders.address[key].flatMap { $0 == id ? nil : $0 }
        }
        if let chosen = spec.ipv4 {
            guard network.isForAttachments(chosen) else {
                throw refuse(
                    "must lie in \(network.prefix), the IPv4 prefix of segment '\(segment.metadata.name)', and not be "
                        + "its first address, its last, or the gateway's (\(network.router))")
            }
            if let holder = holder(chosen) { throw refuse("is that of \(state.place(holder))", .addressTaken) }
            return chosen
        }
        if let before { return before }
        guard let free = network.candidates(for: mac).first(where: { holder($0) == nil }) else {
            throw refuse("has none left: every address of \(network.prefix) is taken", .poolExhausted)
        }
        return free
    }
}
