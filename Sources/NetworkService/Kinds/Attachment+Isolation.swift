import Addressing
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

/// What an attachment's port lets through: policies, allowed addresses, limits, and the addresses it has learned.
extension Attachment {
    /// Refuses what makes no sense for the port and the segment, and resolves policies to ids.
    static func admitIsolation(
        _ spec: inout Spec, over old: Spec?, _ segment: Resource<Segment>, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        if case .external = spec.port { try requireUnguarded(spec) }
        try resolvePolicies(&spec, over: old, &plan, state)
        for (index, prefix) in spec.allowedAddresses.enumerated() where old?.allowedAddresses.contains(prefix) != true {
            try requireFree(prefix, field: "spec.allowedAddresses[\(index)]", segment, for: plan.id, state)
        }
        if segment.assigned.prefix == nil, let prefix = spec.allowedAddresses.first {
            throw Problem(
                field: "spec.allowedAddresses[0]", value: prefix.description,
                rule: "must be absent: on segment '\(segment.metadata.name)' (ipam 'none') addresses are not checked")
        }
    }

    /// Behind an operator's interface is another network, of which KC knows neither MACs nor addresses: it may be limited
    /// and nothing else.
    private static func requireUnguarded(_ spec: Spec) throws(Problem) {
        let rule = "must be absent for a port of type 'external': KC does not know who is behind it; filter there"
        if spec.policies != Spec.standardPolicies {
            throw Problem(field: "spec.policies", value: spec.policies[0].description, rule: rule)
        }
        if let prefix = spec.allowedAddresses.first {
            throw Problem(field: "spec.allowedAddresses", value: prefix.description, rule: rule)
        }
        if let flows = spec.limits.outward.newFlowsPerSecond {
            throw Problem(
                field: "spec.limits.out.newFlowsPerSecond", value: "\(flows)",
                rule: "must be absent for a port of type 'external': flows are tracked for guests alone")
        }
        if spec.learnedAddresses != Spec.standardLearnedAddresses {
            throw Problem(field: "spec.learnedAddresses", value: "\(spec.learnedAddresses)", rule: rule)
        }
    }

    private static func resolvePolicies(
        _ spec: inout Spec, over old: Spec?, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        for (index, reference) in spec.policies.enumerated() {
            guard case .policy(let policy) = reference else { continue }
            let field = "spec.policies[\(index)]"
            let item = try state.resolve(policy, as: Policy.self, in: plan.projectID, field: field)
            spec.policies[index] = .policy(.id(item.id))
            guard old?.policies.contains(spec.policies[index]) != true else { continue }
            plan.refer(to: item)
            for namer in state.relations.namersOfPolicy[item.id, default: []] {
                guard let rules = state.resource(namer, as: Policy.self)?.spec else { continue }
                let joining = max(1, spec.addresses.count)
                let pieces = rules.pieces { state.memberCount(of: $0) + ($0 == item.id ? joining : 0) }
                guard pieces <= Policy.Spec.maximumPieces else {
                    throw Problem(
                        .inUse, field: field, value: item.name.text,
                        rule: "must not get more members: \(state.place(namer)) names them in its rules and would have "
                            + "\(pieces) of \(Policy.Spec.maximumPieces) pieces; name prefixes there, as the segment's")
                }
            }
        }
        let ids = Set(spec.policies.compactMap { if case .policy(let policy) = $0 { policy.id } else { nil } })
        if ids.count > 1, old?.policies != spec.policies {
            let pieces = state.pieces(of: ids)
            guard pieces <= Policy.Spec.maximumPiecesOfPort else {
                throw Problem(
                    field: "spec.policies", value: "\(pieces) pieces",
                    rule: "must be at most \(Policy.Spec.maximumPiecesOfPort) pieces of ports times peers, of all "
                        + "policies together; use fewer policies, or join their rules in one")
            }
        }
        guard Set(spec.policies).count == spec.policies.count else {
            throw Problem(field: "spec.policies", value: "", rule: "must not repeat a policy, by name or id")
        }
    }

    /// A virtual address may stand with several attachments, but what another one holds is its own alone.
    private static func requireFree(
        _ prefix: IPv6Prefix, field: String, _ segment: Resource<Segment>, for id: ResourceID, _ state: CacheState
    ) throws(Problem) {
        guard let network = segment.assigned.prefix,
            network.contains(prefix) || prefix.address.isLinkLocal
        else { return }
        for other in state.relations.attachmentsOfSegment[segment.metadata.id, default: []] where other != id {
            guard let binding = state.bindings(of: other).first(where: { prefix.contains($0.address) }) else {
                continue
            }
            throw Problem(
                .addressTaken, field: field, value: prefix.description,
                rule: "must not hold an address of another attachment, but \(binding.address) is that of "
                    + state.place(other))
        }
        if let router = state.routerAddresses(of: segment).first(where: { prefix.contains($0) }) {
            throw Problem(
                field: field, value: prefix.description,
                rule: "must not hold \(router), which is kept for the segment's router")
        }
    }

    /// A static address is neither the router's nor one that others were told they may use.
    static func requireUnreserved(
        _ address: IPv6Address, field: String, _ segment: Resource<Segment>, for id: ResourceID, _ state: CacheState
    ) throws(Problem) {
        guard !state.routerAddresses(of: segment).contains(address) else {
            throw Problem(
                field: field, value: address.description, rule: "must not be kept for the segment's router")
        }
        for other in state.relations.allowingOfSegment[segment.metadata.id, default: []] where other != id {
            guard let attachment = state.resource(other, as: Attachment.self),
                let prefix = attachment.spec.allowedAddresses.first(where: { prefix in
                    prefix.contains(address) && segment.assigned.prefix?.contains(prefix) == true
                })
            else { continue }
            throw Problem(
                .addressTaken, field: field, value: address.description,
                rule: "lies in \(prefix), which \(state.place(other)) may use")
        }
    }

    /// Holds an address that nobody holds, or takes it from whoever has learned it: assigned and static addresses win.
    static func hold(
        _ address: IPv6Address, on segment: ResourceID, for id: ResourceID, _ plan: inout WritePlan,
        _ state: CacheState
    ) {
        let key = StoreLayout.address(segment: segment, address)
        guard let holder = state.learned.holders[Holders.SegmentAddress(segment: segment, address: address)] else {
            return plan.claim(key, for: id)
        }
        plan.changeLearned(LearnedTable.Place(segment: segment, host: holder.host), state) { list in
            list.addresses[holder.attachment]?.remove(address)
        }
        plan.takeOver(key, for: id)
    }

    /// What an attachment has learned goes with it to another host, in the same transaction: nobody can take an address
    /// while its guest is on its way. Given back where there is no other host, no guard, or no room.
    static func moveLearned(
        _ old: Resource<Attachment>, to spec: Spec, _ plan: inout WritePlan, _ state: CacheState
    ) {
        guard let segment = old.spec.segment.id, let from = old.spec.host?.id, let host = spec.host?.id else {
            return releaseLearned(old, &plan, state)
        }
        let (id, place) = (old.metadata.id, LearnedTable.Place(segment: segment, host: from))
        let addresses = plan.learned(id, place, state)
        let next = LearnedTable.Place(segment: segment, host: host)
        guard !addresses.isEmpty, !spec.port.isExternal, addresses.count <= spec.learnedAddresses,
            plan.learnedCount(next, state) + addresses.count <= LearnedAddresses.maximumCount
        else { return releaseLearned(old, &plan, state) }
        plan.changeLearned(place, state) { list in list.addresses[id] = nil }
        plan.changeLearned(next, state) { list in list.addresses[id] = addresses }
    }

    /// Gives back the addresses that were learned where the attachment is bound, and demands that no more are published
    /// meanwhile.
    static func releaseLearned(_ old: Resource<Attachment>, _ plan: inout WritePlan, _ state: CacheState) {
        guard let segment = old.spec.segment.id, let host = old.spec.host?.id else { return }
        if case .gateway = old.spec.port { return }
        let place = LearnedTable.Place(segment: segment, host: host)
        for address in plan.learned(old.metadata.id, place, state) {
            plan.delete(StoreLayout.address(segment: segment, address))
        }
        plan.changeLearned(place, state) { list in list.addresses[old.metadata.id] = nil }
    }
}

extension Resource<Attachment> {
    /// What applies to the port: KC's own gateways, and networks it knows nothing of, are not filtered as guests are.
    var effectivePolicies: [PolicyUse] {
        switch spec.port {
        case .gateway, .external: [.builtIn(.allowAll)]
        case .tap, .namespace:
            spec.policies.compactMap { reference in
                switch reference {
                case .builtIn(let builtIn): .builtIn(builtIn)
                case .policy(let policy): policy.id.map { .policy($0) }
                }
            }
        }
    }

    /// How many addresses the port may learn.
    var learnedAddressLimit: Int {
        switch spec.port {
        case .gateway, .external: 0
        case .tap, .namespace: spec.learnedAddresses
        }
    }
}

extension CacheState {
    /// The addresses of the router of a segment, whether there is one now or not.
    func routerAddresses(of segment: Resource<Segment>) -> [IPv6Address] {
        guard let prefix = segment.assigned.prefix else { return [] }
        let mac = RouterMAC.derive(segment: segment.metadata.id)
        return [
            .segmentRouter, .guestServices, .linkLocal(mac),
            IPv6Address(high: prefix.address.high, low: mac.modifiedEUI64), prefix.address,
        ]
    }

    /// Everything an attachment holds in its segment.
    func bindings(of attachment: ResourceID) -> [Binding] {
        guard let resource = resource(attachment, as: Attachment.self), let segment = resource.spec.segment.id,
            let since = items[attachment]?.order.created
        else { return [] }
        func binding(_ address: IPv6Address, _ origin: AttachmentAddress.Origin, _ since: Revision) -> Binding {
            Binding(
                address: address, attachment: attachment, host: resource.spec.host?.id, origin: origin, since: since)
        }
        var bindings = resource.assigned.addresses.map { binding($0.value, $0.origin, since) }
        var known = Set(bindings.map(\.address))
        for address in ownAddresses(of: resource, on: segment) where known.insert(address).inserted {
            bindings.append(binding(address, .assigned, since))
        }
        for address in learned.addresses[attachment, default: []] where known.insert(address).inserted {
            let holder = learned.holders[Holders.SegmentAddress(segment: segment, address: address)]
            bindings.append(binding(address, .learned, holder?.since ?? since))
        }
        return bindings
    }

    /// The addresses that follow from the MAC alone: link-local, and a router's in the prefix. None on a segment without
    /// a prefix, where addresses are the guests' affair.
    func ownAddresses(of attachment: Resource<Attachment>, on segment: ResourceID) -> [IPv6Address] {
        guard let prefix = resource(segment, as: Segment.self)?.assigned.prefix else { return [] }
        let mac = attachment.assigned.mac
        switch attachment.spec.port {
        case .external: return []
        case .tap, .namespace: return [.linkLocal(mac)]
        case .gateway: return [.linkLocal(mac), IPv6Address(high: prefix.address.high, low: mac.modifiedEUI64)]
        }
    }

    /// Who holds an address of a segment now.
    func binding(of address: IPv6Address, on segment: ResourceID) -> Binding? {
        let key = Holders.SegmentAddress(segment: segment, address: address)
        if let holder = holders.address[key] { return bindings(of: holder).first { $0.address == address } }
        // An address with a MAC in it may follow from that MAC.
        if let mac = MACAddress(modifiedEUI64: address.low), let holder = holders.mac[mac],
            relations.attachmentsOfSegment[segment]?.contains(holder) == true,
            let binding = bindings(of: holder).first(where: { $0.address == address })
        {
            return binding
        }
        guard let holder = learned.holders[key] else { return nil }
        return bindings(of: holder.attachment).first { $0.address == address }
    }
}
