import Addressing
import NetworkModel
import NetworkPlanning
import Persistence
import Resources

/// A gateway and its ports are one: each port is an attachment made, moved and deleted in the gateway's transaction.
extension Gateway: ServedKind {
    static var tag: Kind { .gateway }
    static func wrap(_ resource: Resource<Gateway>) -> AnyResource { .gateway(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Gateway>? {
        if case .gateway(let gateway) = resource { gateway } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    ) {
        var spec = spec
        var assigned = Assigned(ports: [:])
        if spec.type == .attachment {
            let (segment, port) = try resolveRouter(&spec, over: nil, &plan, state)
            try requireFree(segment, 0, for: plan.id, state)
            plan.refer(to: segment)
            plan.claim(StoreLayout.gateway(segment: segment.id), for: plan.id)
            assigned.ports[segment.id] = port
            return (spec, assigned)
        }
        let host = try resolveHost(&spec, state)
        plan.refer(to: host)
        let segments = try resolveSegments(&spec, plan, state)
        try requireApart(segments, beside: [:], &plan)
        try resolvePolicies(&spec, over: nil, &plan, state)
        try claimUplink(spec, over: nil, &plan, state)
        try requireHarmless(segments, for: spec, state)
        try requireOwnPrefix(spec, over: nil, state)
        try requireOwnUplink(spec, over: nil, state)
        assigned.outgoing = try takeOutgoing(&spec, over: nil, &plan, &state)
        for (index, segment) in segments.enumerated() {
            try requireFree(segment, index, for: plan.id, state)
            assigned.ports[segment.id] = try addPort(on: segment, host: host, name: plan.draftName, &plan, state)
        }
        return (spec, assigned)
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Gateway>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        var spec = spec
        guard spec.type == old.spec.type else {
            throw Problem(
                field: "spec.type", value: spec.type.rawValue,
                rule:
                    "must stay '\(old.spec.type.rawValue)'; `kcnet gateway move` gives the role to a host or attachment"
            )
        }
        if spec.type == .attachment { return try admitRouter(spec, over: old, &plan, state) }
        var assigned = old.assigned
        assigned.ports = [:]
        let target = try resolveHost(&spec, state)
        let segments = try resolveSegments(&spec, plan, state)
        try requireApart(segments, beside: old.assigned.ports, &plan)
        try requireStill(spec, over: old)
        try resolvePolicies(&spec, over: old.spec, &plan, state)
        let next = spec.host == old.spec.host ? nil : target.id
        // A host is changed by a move: until that flips it is what it was.
        spec.host = old.spec.host
        try claimUplink(spec, over: old.spec, &plan, state)
        try requireHarmless(segments, for: spec, state)
        try requireOwnPrefix(spec, over: old.spec, state)
        try requireOwnUplink(spec, over: old.spec, state)
        assigned.outgoing = try takeOutgoing(&spec, over: old, &plan, &state)
        let begins = next != nil && old.assigned.next == nil
        guard let host = spec.host?.id.flatMap({ state.items[$0] }) else {
            throw Problem(.internal, "gateway \(plan.id) has no host")
        }
        for (index, segment) in segments.enumerated() {
            try requireFree(segment, index, for: plan.id, state)
            if let port = old.assigned.ports[segment.id] {
                assigned.ports[segment.id] = port
                if begins { try announce(port, next: next, &plan, state) }
            } else {
                assigned.ports[segment.id] = try addPort(
                    on: segment, host: host, name: name, next: begins ? next : nil, &plan, state)
            }
        }
        for (segment, port) in old.assigned.ports where assigned.ports[segment] == nil {
            try removePort(port, of: segment, &plan, state)
        }
        if begins, let next {
            var moved = old
            moved.spec = spec
            try begin(.host(next), moved, &assigned, &plan, state)
        }
        return (spec, assigned)
    }

    private static func admitRouter(
        _ spec: Spec, over old: Resource<Gateway>, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        var spec = spec
        var assigned = old.assigned
        let (segment, port) = try resolveRouter(&spec, over: old.spec, &plan, state)
        try requireFree(segment, 0, for: plan.id, state)
        if old.assigned.ports[segment.id] == nil {
            try requireStill(spec, over: old)
            assigned.ports = [segment.id: port]
            plan.refer(to: segment)
            for before in old.assigned.ports.keys { plan.delete(StoreLayout.gateway(segment: before)) }
            plan.claim(StoreLayout.gateway(segment: segment.id), for: plan.id)
        } else if spec.attachment != old.spec.attachment {
            // Another guest of the same segment: the role moves to it.
            if old.assigned.next?.holder != .attachment(port) {
                try begin(.attachment(port), old, &assigned, &plan, state)
            }
            spec.attachment = old.spec.attachment
        }
        return (spec, assigned)
    }

    /// While the role moves, what it stands on stays.
    private static func requireStill(_ spec: Spec, over old: Resource<Gateway>) throws(Problem) {
        guard let next = old.assigned.next else { return }
        let isThere = spec.host == old.spec.host || spec.host?.id.map(RoleHolder.host) == next.holder
        let fields: [(String, Bool)] = [
            ("spec.host", isThere), ("spec.segments", Set(spec.segments) == Set(old.spec.segments)),
            ("spec.uplink", spec.uplink == old.spec.uplink),
        ]
        guard let (field, _) = fields.first(where: { !$0.1 }) else { return }
        throw Problem(
            .conflict, field: field, value: "",
            rule: "must stay while the gateway moves; wait, or cancel the move (`kcnet gateway move "
                + "\(old.metadata.name) --cancel`)")
    }

    static func release(_ old: Resource<Gateway>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        let services = state.relations.servicesOfGateway[old.metadata.id, default: []]
        guard services.isEmpty else {
            throw Problem(
                .inUse, "gateway '\(old.metadata.name)' offers \(state.names(services)); delete them first")
        }
        if let address = old.assigned.outgoing { plan.delete(StoreLayout.ipv4(address)) }
        releaseUplink(old, &plan)
        try releaseMove(old, &plan, state)
        for (segment, port) in old.assigned.ports {
            switch old.spec.type {
            case .managed: try removePort(port, of: segment, &plan, state)
            case .attachment: plan.delete(StoreLayout.gateway(segment: segment))
            }
        }
    }

    static func resolveHost(_ spec: inout Spec, field: String = "spec.host", _ state: CacheState) throws(Problem)
        -> Item
    {
        guard let reference = spec.host else { throw Problem(field: field, value: "", rule: "is required") }
        let item = try state.resolve(reference, as: Host.self, in: nil, field: field)
        spec.host = .id(item.id)
        guard let host = Host.unwrap(item.resource), host.spec.roles.contains(.gateway) else {
            throw Problem(
                field: field, value: item.name.text,
                rule: "must be a host with the role 'gateway'; `kcnet host update \(item.name.text) --role gateway` "
                    + "gives it that role")
        }
        return item
    }

    private static func resolveSegments(_ spec: inout Spec, _ plan: WritePlan, _ state: CacheState) throws(Problem)
        -> [Item]
    {
        var items: [Item] = []
        for (index, reference) in spec.segments.enumerated() {
            let field = "spec.segments[\(index)]"
            let item = try state.resolve(reference, as: Segment.self, in: plan.projectID, field: field)
            guard !items.contains(where: { $0.id == item.id }) else {
                throw Problem(field: field, value: reference.description, rule: "must not stand there twice")
            }
            guard Segment.unwrap(item.resource)?.assigned.prefix != nil else {
                throw Problem(
                    field: field, value: reference.description,
                    rule: "must have a prefix: a segment with ipam 'none' cannot be routed")
            }
            spec.segments[index] = .id(item.id)
            items.append(item)
        }
        return items
    }

    /// One router has an address in each of its segments' IPv4 prefixes, so that no two of them may overlap. Those that it
    /// has already cannot change theirs.
    private static func requireApart(
        _ segments: [Item], beside present: [ResourceID: ResourceID], _ plan: inout WritePlan
    ) throws(Problem) {
        var known: [(name: Name, prefix: IPv4Prefix)] = []
        for (index, item) in segments.enumerated() {
            if present[item.id] == nil { plan.require(.modified(item.key, item.resource.metadata.revision)) }
            guard let prefix = Segment.unwrap(item.resource)?.spec.ipv4?.prefix else { continue }
            if let other = known.first(where: { $0.prefix.overlaps(prefix) }) {
                throw Problem(
                    .prefixTaken, field: "spec.segments[\(index)]", value: item.name.text,
                    rule:
                        "has the IPv4 prefix \(prefix), which overlaps \(other.prefix) of segment '\(other.name)': one "
                        + "gateway routes segments with disjoint ones")
            }
            known.append((item.name, prefix))
        }
    }

    private static func requireFree(_ segment: Item, _ index: Int, for id: ResourceID, _ state: CacheState)
        throws(Problem)
    {
        guard let holder = state.holders.gateway[segment.id], holder != id else { return }
        throw Problem(
            .inUse, field: "spec.segments[\(index)]", value: segment.name.text,
            rule: "has \(state.place(holder)) already; a segment has at most one")
    }

    /// - Parameter claimsRole: false for a port beside one that has the segment's role.
    static func addPort(
        on segment: Item, host: Item, name: Name, next: ResourceID? = nil, claimsRole: Bool = true,
        _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) -> ResourceID {
        let id = plan.makeID()
        let mac = RouterMAC.derive(segment: segment.id)
        let addresses = [AttachmentAddress(.segmentRouter, origin: .assigned)]
        let resource = Resource<Attachment>(
            metadata: Metadata(
                id: id, name: portName(name, segment, plan, state), project: segment.resource.metadata.project,
                created: plan.now, updated: plan.now),
            spec: Attachment.Spec(segment: .id(segment.id), host: .id(host.id), mac: mac, port: .gateway(plan.id)),
            assigned: Attachment.Assigned(mac: mac, addresses: addresses, next: next))
        plan.refer(to: segment)
        if claimsRole { plan.claim(StoreLayout.gateway(segment: segment.id), for: plan.id) }
        plan.claim(StoreLayout.mac(mac), for: id)
        plan.claim(StoreLayout.address(segment: segment.id, .segmentRouter), for: id)
        plan.insert(.attachment(resource), projectID: plan.projectID)
        return id
    }

    /// - Parameter givesRoleUp: false for a port beside one that has the segment's role.
    static func removePort(
        _ port: ResourceID, of segment: ResourceID, givesRoleUp: Bool = true, _ plan: inout WritePlan,
        _ state: CacheState
    ) throws(Problem) {
        guard let item = state.items[port], let resource = Attachment.unwrap(item.resource) else {
            throw Problem(.internal, "port \(port) of the gateway is missing")
        }
        Attachment.releaseKeys(resource, &plan)
        if givesRoleUp { plan.delete(StoreLayout.gateway(segment: segment)) }
        plan.remove(item, state)
    }

    /// `gw-<gateway>-<segment>` fitted into a label; when that is taken, with the segment's first 8 hex digits.
    private static func portName(_ gateway: Name, _ segment: Item, _ plan: WritePlan, _ state: CacheState) -> Name {
        func fit(_ text: String, _ suffix: String) -> Name? {
            let cut = text.utf8.prefix(Name.maximumLength - suffix.utf8.count)
            return Name(String(decoding: cut, as: UTF8.self).trimmingHyphens + suffix)
        }
        let text = "gw-\(gateway)-\(segment.name)"
        if text.utf8.count <= Name.maximumLength, let name = Name(text),
            state.item(.attachment, project: plan.projectID, named: name) == nil
        {
            return name
        }
        return fit(text, "-" + segment.id.description.prefix(8)) ?? .constant("gw")
    }
}

extension Name {
    /// A DNS label (RFC 1035 section 2.3.4).
    static var maximumLength: Int { 63 }
}

extension String {
    fileprivate var trimmingHyphens: String {
        var text = self
        while text.last == "-" { text.removeLast() }
        return text
    }
}
