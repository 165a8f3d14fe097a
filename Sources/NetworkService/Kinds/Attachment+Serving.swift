import Addressing
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

extension Attachment: ServedKind {
    static var tag: Kind { .attachment }
    static func wrap(_ resource: Resource<Attachment>) -> AnyResource { .attachment(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Attachment>? {
        if case .attachment(let attachment) = resource { attachment } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    ) {
        try plan.principal.requireMayUse(spec.port)
        if case .gateway = spec.port { throw Problem.gatewayPort }
        var spec = spec
        let segment = try state.resolve(spec.segment, as: Segment.self, in: plan.projectID, field: "spec.segment")
        spec.segment = .id(segment.id)
        plan.refer(to: segment)
        try bind(&spec, &plan, state)
        try claimInterface(spec, for: plan.id, &plan, state)
        guard let network = state.resource(segment.id, as: Segment.self) else {
            throw Problem(.internal, "segment \(segment.id) is not what it was")
        }
        try admitIsolation(&spec, over: nil, network, &plan, state)
        let (mac, addresses) = try takeAddresses(spec, network, &plan, &state)
        plan.claim(StoreLayout.mac(mac), for: plan.id)
        for address in addresses { hold(address.value, on: segment.id, for: plan.id, &plan, state) }
        let delegated = try takePrefix(spec, over: nil, network, &plan, &state)
        let ipv4 = try takeIPv4(spec, over: nil, mac: mac, network, &plan, state)
        return (spec, Assigned(mac: mac, addresses: addresses, delegatedPrefix: delegated, ipv4: ipv4))
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Attachment>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        var spec = spec
        let segment = try state.resolve(spec.segment, as: Segment.self, in: plan.projectID, field: "spec.segment")
        spec.segment = .id(segment.id)
        guard spec.segment == old.spec.segment, let network = state.resource(segment.id, as: Segment.self) else {
            throw Problem(
                field: "spec.segment", value: segment.name.text,
                rule: "must not change: an attachment stays on its segment; create another one")
        }
        if let mac = spec.mac, mac != old.assigned.mac {
            throw Problem(
                field: "spec.mac", value: mac.description,
                rule: "must stay \(old.assigned.mac): an attachment keeps its MAC address")
        }
        if let host = spec.host {
            spec.host = .id(try state.resolve(host, as: Host.self, in: nil, field: "spec.host").id)
        }
        if case .gateway(let gateway) = old.spec.port {
            var same = spec
            same.mac = old.spec.mac
            guard same == old.spec else {
                throw Problem(
                    .inUse, "the attachment is a port of \(state.place(gateway)); change the gateway", field: "spec")
            }
            return (old.spec, old.assigned)
        }
        if spec.port != old.spec.port {
            try plan.principal.requireMayUse(spec.port)
            if case .gateway = spec.port { throw Problem.gatewayPort }
        }
        if spec.host != old.spec.host {
            try bind(&spec, &plan, state)
            if let host = old.spec.host?.id, state.reports[plan.id]?[host] != nil {
                plan.delete(StoreLayout.report(plan.id, host: host))
            }
        }
        if spec.host != old.spec.host || spec.port != old.spec.port {
            releaseInterface(old.spec, &plan)
            try claimInterface(spec, for: plan.id, &plan, state)
        }
        try admitIsolation(&spec, over: old.spec, network, &plan, state)
        let addresses = try addresses(spec, mac: old.assigned.mac, network, for: plan.id, state)
        try requireUnmapped(plan.id, keeping: addresses, state)
        let before = Set(old.assigned.addresses.map(\.value))
        let after = Set(addresses.map(\.value))
        for gone in before.subtracting(after) { plan.delete(StoreLayout.address(segment: segment.id, gone)) }
        for new in after.subtracting(before) { hold(new, on: segment.id, for: plan.id, &plan, state) }
        if spec.host != old.spec.host { moveLearned(old, to: spec, &plan, state) }
        let delegated = try takePrefix(spec, over: old, network, &plan, &state)
        let ipv4 = try takeIPv4(spec, over: old, mac: old.assigned.mac, network, &plan, state)
        return (
            spec, Assigned(mac: old.assigned.mac, addresses: addresses, delegatedPrefix: delegated, ipv4: ipv4)
        )
    }

    static func release(_ old: Resource<Attachment>, _ plan: inout WritePlan, _ state: inout CacheState)
        throws(Problem)
    {
        if case .gateway(let gateway) = old.spec.port {
            throw Problem(.inUse, "the attachment is a port of \(state.place(gateway)); change or delete the gateway")
        }
        if let gateway = state.gateway(routedBy: old.metadata.id) {
            throw Problem(
                .inUse, "the attachment is the router of \(state.place(gateway)); change or delete the gateway first")
        }
        try requireUnmapped(old.metadata.id, keeping: nil, state)
        releaseLearned(old, &plan, state)
        releaseKeys(old, &plan)
    }

    /// Gives back every value that may have one holder.
    static func releaseKeys(_ old: Resource<Attachment>, _ plan: inout WritePlan) {
        plan.delete(StoreLayout.mac(old.assigned.mac))
        if let segment = old.spec.segment.id {
            for address in old.assigned.allAddresses {
                plan.delete(StoreLayout.address(segment: segment, address))
            }
        }
        releaseInterface(old.spec, &plan)
    }

    private static func bind(_ spec: inout Spec, _ plan: inout WritePlan, _ state: CacheState) throws(Problem) {
        guard let host = spec.host else { return }
        let item = try state.resolve(host, as: Host.self, in: nil, field: "spec.host")
        spec.host = .id(item.id)
        plan.refer(to: item)
    }

    /// A segment meets an outside network (known by its interface's name) on one host only, or frames would circle;
    /// and an interface is in one bridge only.
    private static func claimInterface(
        _ spec: Spec, for id: ResourceID, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        guard case .external(let interface) = spec.port, let segment = spec.segment.id else { return }
        guard let host = spec.host?.id else {
            throw Problem(field: "spec.host", value: "", rule: "is required for a port of type 'external'")
        }
        let key = Holders.HostInterface(host: host, interface: interface)
        if let holder = state.holders.interface[key], holder != id {
            throw Problem(
                .inUse, field: "spec.port.interface", value: interface.text, rule: "is taken by \(state.place(holder))")
        }
        for other in state.relations.attachmentsOfSegment[segment, default: []] where other != id {
            guard let resource = state.resource(other, as: Attachment.self),
                case .external(interface) = resource.spec.port
            else { continue }
            throw Problem(
                .inUse, field: "spec.port.interface", value: interface.text,
                rule: "already joins this segment to that network: \(state.place(other)); a second one would be a loop")
        }
        plan.claim(StoreLayout.external(segment: segment, interface), for: id)
        plan.claim(StoreLayout.interface(host: host, interface), for: id)
    }

    private static func releaseInterface(_ spec: Spec, _ plan: inout WritePlan) {
        guard case .external(let interface) = spec.port, let segment = spec.segment.id, let host = spec.host?.id else {
            return
        }
        plan.delete(StoreLayout.external(segment: segment, interface))
        plan.delete(StoreLayout.interface(host: host, interface))
    }

    private static func takeAddresses(
        _ spec: Spec, _ segment: Resource<Segment>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (MACAddress, [AttachmentAddress]) {
        if let mac = spec.mac {
            if let holder = state.holders.mac[mac] {
                throw Problem(
                    .macTaken, field: "spec.mac", value: mac.description, rule: "is that of \(state.place(holder))")
            }
            if state.macs.take(mac) { plan.taken.append(.mac(mac)) }
            return (mac, try addresses(spec, mac: mac, segment, for: plan.id, state))
        }
        let mac: MACAddress
        do { mac = try state.macs.next() } catch { throw Problem(.poolExhausted, error.description, field: "spec.mac") }
        plan.taken.append(.mac(mac))
        return (mac, try addresses(spec, mac: mac, segment, for: plan.id, state))
    }

    /// What KC knows of the attachment's addresses: the static ones, or, with none, on a segment where guests do not
    /// choose (`manual`, stateful DHCPv6) the prefix with the MAC's modified EUI-64.
    private static func addresses(
        _ spec: Spec, mac: MACAddress, _ segment: Resource<Segment>, for id: ResourceID, _ state: CacheState
    ) throws(Problem) -> [AttachmentAddress] {
        guard let prefix = segment.assigned.prefix else {
            guard let address = spec.addresses.first else { return [] }
            throw Problem(
                field: "spec.addresses[0]", value: address.description,
                rule: "must be absent: segment '\(segment.metadata.name)' has no prefix (ipam 'none')")
        }
        var addresses: [AttachmentAddress] = []
        for (index, address) in spec.addresses.enumerated() {
            let field = "spec.addresses[\(index)]"
            guard prefix.contains(address) else {
                throw Problem(
                    field: field, value: address.description,
                    rule: "must lie in \(prefix), the prefix of segment '\(segment.metadata.name)'")
            }
            guard address.low != 0 else {
                throw Problem(
                    field: field, value: address.description,
                    rule: "must not be the subnet-router anycast address (RFC 4291 section 2.6.1)")
            }
            try requireUnreserved(address, field: field, segment, for: id, state)
            addresses.append(AttachmentAddress(address, origin: .static))
        }
        if addresses.isEmpty, segment.spec.ipam == .manual || segment.spec.dhcp == .stateful, !spec.port.isExternal {
            let address = IPv6Address(high: prefix.address.high, low: mac.modifiedEUI64)
            addresses.append(AttachmentAddress(address, origin: .assigned))
        }
        for (index, address) in addresses.enumerated() {
            let key = Holders.SegmentAddress(segment: segment.metadata.id, address: address.value)
            guard let holder = state.holders.address[key], holder != id else { continue }
            throw Problem(
                .addressTaken, field: "spec.addresses[\(index)]", value: address.value.description,
                rule: "is that of \(state.place(holder))")
        }
        return addresses
    }
}

extension Problem {
    static var gatewayPort: Problem {
        Problem(
            field: "spec.port.type", value: "gateway",
            rule: "must be tap, namespace or external: gateway ports are made with their gateway")
    }
}

extension Principal {
    /// An operator or admin over all projects.
    var reachesIntoHosts: Bool { roleEverywhere == .operator || roleEverywhere == .admin }

    /// The one place that says who may reach into a host: a tap is anybody's; a namespace or an interface of the host
    /// is the operators'.
    func requireMayUse(_ port: PortKind) throws(Problem) {
        switch port {
        case .tap, .gateway: return
        case .namespace, .external:
            if reachesIntoHosts { return }
            throw Problem(
                .forbidden, "a port of type 'namespace' or 'external' reaches into the host: only an operator may",
                field: "spec.port.type")
        }
    }
}

extension CacheState {
    /// The resource that a reference names.
    /// - Throws: an `invalidField` problem that says where it looked.
    func resolve<Served: ServedKind>(
        _ reference: Reference<Served>, as type: Served.Type, in project: ResourceID?, field: String
    ) throws(Problem) -> Item {
        let item =
            switch reference {
            case .id(let id): self.item(Served.tag, id).flatMap { $0.projectID == project ? $0 : nil }
            case .name(let name): self.item(Served.tag, project: project, named: name)
            }
        guard let item else {
            let place = project.flatMap { items[$0] }.map { " in project '\($0.name)'" } ?? ""
            let article = "\(Served.kind)".first.map { "aeiou".contains($0) } == true ? "an" : "a"
            throw Problem(
                field: field, value: reference.description,
                rule: "must be \(article) \(Served.kind) that exists\(place)")
        }
        return item
    }
}
