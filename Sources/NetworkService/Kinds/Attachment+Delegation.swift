import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// Prefixes delegated to attachments that are routers.
extension Attachment {
    /// What the attachment is delegated: what it has, while it asks for the same length, or the next free one of the
    /// pools of type `delegation`.
    static func takePrefix(
        _ spec: Spec, over old: Resource<Attachment>?, _ segment: Resource<Segment>, _ plan: inout WritePlan,
        _ state: inout CacheState
    ) throws(Problem) -> IPv6Prefix? {
        guard let length = spec.delegated?.length else { return nil }
        guard segment.spec.dhcp != .none else {
            throw Problem(
                field: "spec.delegated", value: "\(length)",
                rule: "must be absent: segment '\(segment.metadata.name)' has no DHCPv6 to delegate by; give it "
                    + "dhcp 'stateless' or 'stateful'")
        }
        guard !spec.port.isExternal else {
            throw Problem(
                field: "spec.delegated", value: "\(length)",
                rule: "must be absent for a port of type 'external': KC does not know who is behind it")
        }
        if let prefix = old?.assigned.delegatedPrefix, prefix.length == length { return prefix }
        let prefix: DelegatedPrefix
        do { prefix = try state.nextDelegation(length: length) } catch {
            throw Problem(.poolExhausted, error.description, field: "spec.delegated")
        }
        plan.taken.append(.delegated(prefix))
        plan.delegate(state)
        return prefix.prefix
    }
}

extension PortKind {
    /// Whether behind it is another network, of which KC knows nothing.
    var isExternal: Bool { if case .external = self { true } else { false } }
}

extension Resource<Attachment> {
    /// The sources that are allowed beside its own addresses: also the prefix it routes.
    var effectiveAllowedAddresses: [IPv6Prefix] {
        guard let prefix = assigned.delegatedPrefix, !spec.allowedAddresses.contains(where: { $0.contains(prefix) })
        else { return spec.allowedAddresses }
        return spec.allowedAddresses.filter { !prefix.contains($0) } + [prefix]
    }
}

extension CacheState {
    /// The next free prefix of that length in which no segment lies.
    fileprivate mutating func nextDelegation(length: Int) throws(PoolExhausted) -> DelegatedPrefix {
        var refused: [DelegatedPrefix] = []
        defer { for prefix in refused { delegations.release(prefix) } }
        while true {
            let prefix = try delegations.next(length: length)
            if !prefixes.isUsed(prefix.prefix) { return prefix }
            refused.append(prefix)
        }
    }

    /// The delegated prefix that has an address in common with `prefix`, and who has it.
    func delegation(overlapping prefix: IPv6Prefix) -> (IPv6Prefix, ResourceID)? {
        guard delegations.isUsed(DelegatedPrefix(prefix)) else { return nil }
        return holders.delegated.first { $0.key.contains(prefix) || prefix.contains($0.key) }
            .map { ($0.key, $0.value) }
    }
}
