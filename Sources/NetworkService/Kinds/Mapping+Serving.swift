import Addressing
import NetworkModel
import NetworkPlanning
import Resources

extension Mapping: ServedKind {
    static var tag: Kind { .mapping }
    static func wrap(_ resource: Resource<Mapping>) -> AnyResource { .mapping(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Mapping>? {
        if case .mapping(let mapping) = resource { mapping } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    ) {
        var spec = spec
        let item = try state.resolve(
            spec.attachment, as: Attachment.self, in: plan.projectID, field: "spec.attachment")
        spec.attachment = .id(item.id)
        plan.refer(to: item)
        guard let attachment = state.resource(item.id, as: Attachment.self), let segment = attachment.spec.segment.id,
            let network = state.resource(segment, as: Segment.self)
        else { throw Problem(.internal, "attachment \(item.id) is not what it was") }
        if case .gateway(let gateway) = attachment.spec.port {
            throw Problem(
                field: "spec.attachment", value: item.name.text,
                rule: "must not be a port of \(state.place(gateway)): a gateway translates for others")
        }
        let address = try address(spec, attachment, network)
        let place = Holders.SegmentAddress(segment: segment, address: address)
        if let holder = state.holders.mapped[place] {
            throw Problem(
                .addressTaken, field: "spec.address", value: address.description,
                rule: "is mapped by \(state.place(holder)) already")
        }
        plan.claim(StoreLayout.mapped(segment: segment, address), for: plan.id)
        let ipv4 = try state.takeIPv4(spec.ipv4, &spec.pool, &plan)
        return (spec, Assigned(ipv4: ipv4, address: address, segment: segment))
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Mapping>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        var spec = spec
        spec.attachment = .id(
            try state.resolve(spec.attachment, as: Attachment.self, in: plan.projectID, field: "spec.attachment").id)
        if let pool = spec.pool {
            spec.pool = .id(try state.resolve(pool, as: Pool.self, in: nil, field: "spec.pool").id)
        }
        func requireSame(_ field: String, _ wanted: String?, _ present: String) throws(Problem) {
            guard let wanted, wanted != present else { return }
            throw Problem(
                field: field, value: wanted,
                rule: "must stay \(present): whoever knows the address relies on it; create another mapping")
        }
        try requireSame("spec.attachment", spec.attachment.description, old.spec.attachment.description)
        try requireSame("spec.ipv4", spec.ipv4?.description, old.assigned.ipv4.description)
        try requireSame("spec.address", spec.address?.description, old.assigned.address.description)
        return (spec, old.assigned)
    }

    static func release(_ old: Resource<Mapping>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        plan.delete(StoreLayout.ipv4(old.assigned.ipv4))
        plan.delete(StoreLayout.mapped(segment: old.assigned.segment, old.assigned.address))
    }

    /// The one that the user names, inside the segment's prefix; else the first that KC knows there.
    private static func address(_ spec: Spec, _ attachment: Resource<Attachment>, _ network: Resource<Segment>)
        throws(Problem) -> IPv6Address
    {
        guard let prefix = network.assigned.prefix else {
            throw Problem(
                field: "spec.attachment", value: attachment.metadata.name.text,
                rule: "must be on a segment with a prefix: one with ipam 'none' cannot be routed")
        }
        if let address = spec.address {
            guard prefix.contains(address) else {
                throw Problem(
                    field: "spec.address", value: address.description, rule: "must be in the segment's prefix \(prefix)"
                )
            }
            guard
                attachment.assigned.addresses.isEmpty
                    || attachment.assigned.addresses.contains(where: { $0.value == address })
            else {
                throw Problem(
                    field: "spec.address", value: address.description,
                    rule: "must be an address of the attachment: "
                        + attachment.assigned.addresses.map(\.value.description).joined(separator: ", "))
            }
            return address
        }
        guard let known = attachment.assigned.addresses.first(where: { prefix.contains($0.value) }) else {
            throw Problem(
                field: "spec.address", value: "",
                rule: "is required: the attachment makes its addresses itself (SLAAC). Name the one to map, give the "
                    + "attachment a static address, or its segment dhcp 'stateful'")
        }
        return known.value
    }
}

extension Attachment {
    /// Refuses to give up an address that the IPv4 world reaches.
    static func requireUnmapped(_ id: ResourceID, keeping addresses: [AttachmentAddress]?, _ state: CacheState)
        throws(Problem)
    {
        for mapping in state.relations.mappingsOfAttachment[id, default: []].sorted() {
            guard let resource = state.resource(mapping, as: Mapping.self) else { continue }
            if let addresses, addresses.isEmpty || addresses.contains(where: { $0.value == resource.assigned.address })
            {
                continue
            }
            throw Problem(
                .inUse,
                "\(state.place(mapping)) gives \(resource.assigned.ipv4) to \(resource.assigned.address); delete it first"
            )
        }
    }
}

extension CacheState {
    /// An IPv4 address for the plan's subject: the wanted one, or the next of the pool, or of any pool of type `ipv4`.
    /// Resolves the pool's reference.
    /// - Parameter uplink: what the subject itself will have at its uplink.
    mutating func takeIPv4(
        _ wanted: IPv4Address?, _ pool: inout Reference<Pool>?, beside uplink: IPv4Uplink? = nil,
        _ plan: inout WritePlan
    ) throws(Problem) -> IPv4Address {
        let field = "spec.ipv4"
        let all = ipv4s.pools
        defer { ipv4s.replacePools(with: all) }
        if let reference = pool {
            let item = try resolve(reference, as: Pool.self, in: nil, field: "spec.pool")
            guard let spec = Pool.unwrap(item.resource)?.spec, spec.type == .ipv4 else {
                throw Problem(field: "spec.pool", value: item.name.text, rule: "must be a pool of type 'ipv4'")
            }
            pool = .id(item.id)
            ipv4s.replacePools(with: [NamedPool(item.name, spec)])
        }
        var uplinks = uplinkIPv4s()
        for own in [uplink?.address, uplink?.nextHop].compactMap({ $0 }) { uplinks[own] = plan.id }
        let address: IPv4Address
        if let wanted {
            if let holder = holders.ipv4[wanted] {
                throw Problem(
                    .addressTaken, field: field, value: wanted.description, rule: "is that of \(place(holder))")
            }
            if let gateway = uplinks[wanted] {
                throw Problem(
                    .addressTaken, field: field, value: wanted.description,
                    rule: "is at the uplink of \(place(gateway)): its own or its next hop's")
            }
            guard ipv4s.isInPools(wanted) else {
                throw Problem(
                    field: field, value: wanted.description,
                    rule: "must be in a pool of type 'ipv4'"
                        + (all.isEmpty
                            ? "; there is none: create one (`kcnet pool create`)"
                            : ": \(ipv4s.pools.map { "'\($0.name)' (\($0.spec.extent))" }.joined(separator: ", "))"))
            }
            address = wanted
            if ipv4s.take(address) { plan.taken.append(.ipv4(address)) }
        } else {
            address = try nextIPv4(except: uplinks, field)
            plan.taken.append(.ipv4(address))
        }
        plan.claim(StoreLayout.ipv4(address), for: plan.id)
        return address
    }

    private mutating func nextIPv4(except uplinks: [IPv4Address: ResourceID], _ field: String) throws(Problem)
        -> IPv4Address
    {
        var skipped: [IPv4Address] = []
        defer { for address in skipped { ipv4s.release(address) } }
        do throws(PoolExhausted) {
            while true {
                let address = try ipv4s.next()
                if uplinks[address] == nil { return address }
                skipped.append(address)
            }
        } catch {
            throw Problem(.poolExhausted, error.description, field: field)
        }
    }
}
