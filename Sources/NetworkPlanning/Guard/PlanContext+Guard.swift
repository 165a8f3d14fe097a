import Addressing
import NFTables
import NetworkModel
import Resources

extension PlanContext {
    /// The elements of an attachment's port as they shall be; none while its segment is not known or its policies are
    /// too large to be built: such a port is closed.
    func guardElements(of attachment: DesiredAttachment) -> [GuardElement] {
        guard let segment = desired.segments[attachment.segment], wanted.oversize(of: attachment) == nil else {
            return []
        }
        return portGuard(of: attachment, on: segment).elements
    }

    private func portGuard(of attachment: DesiredAttachment, on segment: DesiredSegment) -> PortGuard {
        let profile = PolicyProfile(of: attachment)
        let admitsAll = attachment.policies.contains(.builtIn(.allowAll))
        let table = desired.bindings[segment.id] ?? [:]
        let bound = wanted.bindings[attachment.id] ?? []
        var addresses = addresses(of: attachment, bound: bound, in: table)
        if case .gateway = attachment.port {
            addresses.formUnion(RouterAddresses.all(of: attachment, on: segment, serving: true))
        }
        return PortGuard(
            name: attachment.portName, role: role(of: attachment, on: segment), vni: segment.vni,
            mac: attachment.mac, prefix: segment.ipam == .none ? nil : segment.prefix,
            addresses: addresses, allowed: attachment.allowedAddresses,
            mayLearn: attachment.learnedAddressLimit > 0, admitsAll: admitsAll,
            admitsSegment: attachment.policies.contains(.builtIn(.allowSegment)),
            profile: profile.flatMap { wanted.profileNumbers[$0] },
            isFilteringEgress: !admitsAll && profile?.isFilteringEgress(in: desired) == true,
            limits: attachment.limits,
            ipv4: segment.ipv4.map { PortGuard.IPv4(address: attachment.ipv4, prefix: $0.prefix) })
    }

    private func role(of attachment: DesiredAttachment, on segment: DesiredSegment) -> PortGuard.Role {
        let isBare = segment.ipam == .none
        switch attachment.port {
        case .external: return segment.gateways.contains(attachment.mac) ? .externalGateway : .external
        case .gateway: return isBare ? .layer2Gateway : .gateway
        case .tap, .namespace:
            if segment.gateways.contains(attachment.mac) { return isBare ? .layer2Gateway : .gateway }
            return isBare ? .layer2 : .guest
        }
    }

    /// What it was given and what it holds, without what the binding table says is another's.
    private func addresses(
        of attachment: DesiredAttachment, bound: Set<IPv6Address>, in table: [IPv6Address: Binding]
    ) -> Set<IPv6Address> {
        var addresses = bound.filter { table[$0]?.attachment == attachment.id }
        for address in attachment.addresses.map(\.value) + [.linkLocal(attachment.mac)] {
            if table[address].map({ $0.attachment == attachment.id }) ?? true { addresses.insert(address) }
        }
        return addresses
    }

    /// What is behind a segment's tunnel.
    func tunnelElements(of segment: DesiredSegment) -> [GuardElement] {
        var elements = ElementCollector(port: .interface(.vxlan(segment.vni)))
        elements.add(.segments, elements.port, value: .mark(segment.vni.value))
        for gateway in segment.gateways { elements.add(.gateways, elements.port, .number(gateway.value)) }
        return elements.all
    }

    /// What is behind a segment's tunnel, and who holds which of its addresses.
    func guardElements(of segment: DesiredSegment) -> [GuardElement] {
        tunnelElements(of: segment)
            + (desired.bindings[segment.id] ?? [:]).keys.map { .held($0, on: segment.vni) }
    }

    /// The rules of all policies that attachments of this host have: by profile, and the limits of single rules.
    func guardElementsOfPolicies() -> FilterContent {
        FilterContent(
            wanted.profileNumbers.filter { wanted.oversized[$0.key] == nil }.sorted { $0.value < $1.value }
                .flatMap { profile, number in profile.elements(number, in: desired) })
    }

    var guardElementsOfTunnels: [GuardElement] {
        desired.vteps.map { GuardElement(.vteps, GuardSet.vteps.set.element(.address($0))) }
    }

    /// Everything, with the ports of these attachments.
    func filterContent(opening attachments: [DesiredAttachment]) -> FilterContent {
        var content = guardElementsOfPolicies()
        content.add(guardElementsOfTunnels)
        for segment in desired.segments.values where claimant(of: segment.vni) == segment.id {
            content.add(guardElements(of: segment))
        }
        for attachment in attachments { content.add(guardElements(of: attachment)) }
        return content
    }
}
