import Addressing
import NetworkModel
import NetworkPlanning
import Resources

extension Segment: ServedKind {
    static var tag: Kind { .segment }
    static func wrap(_ resource: Resource<Segment>) -> AnyResource { .segment(resource) }
    static func unwrap(_ resource: AnyResource) -> Resource<Segment>? {
        if case .segment(let segment) = resource { segment } else { nil }
    }

    static func admit(_ spec: Spec, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) -> (
        spec: Spec, assigned: Assigned
    ) {
        guard let underlay = state.all(Underlay.self).first?.spec else {
            throw Problem(.unavailable, "the underlay is not known yet")
        }
        let mtu: MTU
        do { mtu = try underlay.mtu.insideVXLAN() } catch {
            throw Problem(.conflict, "the underlay cannot carry a segment: \(error)")
        }
        let vni = try takeVNI(spec.vni, &plan, &state)
        plan.claim(StoreLayout.vni(vni), for: plan.id)
        var prefix: IPv6Prefix?
        if spec.ipam != .none {
            let taken = try takePrefix(spec.prefix, &plan, &state)
            plan.claim(StoreLayout.prefix(taken), for: plan.id)
            prefix = taken
        }
        return (
            spec,
            Assigned(
                vni: vni, group: underlay.groups.group(for: vni), mtu: mtu, prefix: prefix,
                replication: spec.replication ?? (underlay.multicast ? .multicast : .unicast))
        )
    }

    static func admit(
        _ spec: Spec, name: Name, over old: Resource<Segment>, _ plan: inout WritePlan, _ state: inout CacheState
    ) throws(Problem) -> (spec: Spec, assigned: Assigned) {
        if let vni = spec.vni, vni != old.assigned.vni {
            throw Problem(
                field: "spec.vni", value: vni.description,
                rule: "must stay \(old.assigned.vni): a segment keeps its VNI; create another segment")
        }
        if let prefix = spec.prefix, prefix != old.assigned.prefix {
            throw Problem(
                field: "spec.prefix", value: prefix.description,
                rule: "must stay \(old.assigned.prefix?.description ?? "absent"): a segment keeps its prefix")
        }
        guard (spec.ipam == .none) == (old.spec.ipam == .none) else {
            throw Problem(
                field: "spec.ipam", value: spec.ipam.rawValue,
                rule: "must not change from or to 'none': a segment has a prefix for life or never")
        }
        if spec.dhcp != old.spec.dhcp { try admitMode(spec, over: old, &plan, state) }
        if spec.ipv4 != old.spec.ipv4 { try admitIPv4(spec, over: old, &plan, state) }
        var assigned = old.assigned
        if let replication = spec.replication { assigned.replication = replication }
        return (spec, assigned)
    }

    static func release(_ old: Resource<Segment>, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem) {
        let id = old.metadata.id
        if let gateway = state.holders.gateway[id].flatMap({ state.items[$0] }) {
            throw Problem(
                .inUse,
                "segment '\(old.metadata.name)' is routed by gateway '\(gateway.name)'; take it out of there first")
        }
        let attachments = state.relations.attachmentsOfSegment[id, default: []]
        guard attachments.isEmpty else {
            throw Problem(
                .inUse,
                "segment '\(old.metadata.name)' has \(state.names(attachments)); delete them first")
        }
        plan.delete(StoreLayout.vni(old.assigned.vni))
        if let prefix = old.assigned.prefix { plan.delete(StoreLayout.prefix(prefix)) }
    }

    /// Addresses of attachments are assigned with them, not later.
    private static func admitMode(
        _ spec: Spec, over old: Resource<Segment>, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        let guests = state.relations.attachmentsOfSegment[old.metadata.id, default: []].filter { id in
            guard let port = state.resource(id, as: Attachment.self)?.spec.port else { return false }
            if case .gateway = port { return false } else { return true }
        }
        if (spec.dhcp == .stateful) != (old.spec.dhcp == .stateful), !guests.isEmpty {
            throw Problem(
                field: "spec.dhcp", value: spec.dhcp.rawValue,
                rule:
                    "must not change from or to 'stateful' while the segment has \(state.names(guests)): addresses are "
                    + "assigned when an attachment is made; delete them first, or make another segment")
        }
        if spec.dhcp == .none,
            let router = guests.sorted().first(where: {
                state.resource($0, as: Attachment.self)?.spec.delegated != nil
            })
        {
            throw Problem(
                field: "spec.dhcp", value: spec.dhcp.rawValue,
                rule: "must be 'stateless' or 'stateful' while \(state.place(router)) has a delegated prefix")
        }
        plan.requireNoNewReferrer(old.metadata.id, state)
    }

    /// Addresses of attachments are assigned with them, and a gateway is told of its segments' prefixes once.
    private static func admitIPv4(
        _ spec: Spec, over old: Resource<Segment>, _ plan: inout WritePlan, _ state: CacheState
    ) throws(Problem) {
        let id = old.metadata.id
        let users =
            state.holders.gateway[id].map { [$0] } ?? state.relations.attachmentsOfSegment[id, default: []].sorted()
        guard users.isEmpty else {
            throw Problem(
                field: "spec.ipv4", value: spec.ipv4?.prefix.description ?? "absent",
                rule:
                    "must not change while the segment has \(state.names(Set(users))): addresses are assigned when an "
                    + "attachment is made; take the segment out of there first, or make another segment")
        }
        plan.requireNoNewReferrer(id, state)
    }

    private static func takeVNI(_ wanted: VNI?, _ plan: inout WritePlan, _ state: inout CacheState) throws(Problem)
        -> VNI
    {
        guard let wanted else {
            let vni: VNI
            do { vni = try state.vnis.next() } catch {
                throw Problem(.poolExhausted, error.description, field: "spec.vni")
            }
            plan.taken.append(.vni(vni))
            return vni
        }
        if let holder = state.holders.vni[wanted] {
            throw Problem(
                .vniTaken, field: "spec.vni", value: wanted.description, rule: "is that of \(state.place(holder))")
        }
        if state.vnis.take(wanted) { plan.taken.append(.vni(wanted)) }
        return wanted
    }

    private static func takePrefix(_ wanted: IPv6Prefix?, _ plan: inout WritePlan, _ state: inout CacheState)
        throws(Problem) -> IPv6Prefix
    {
        guard let wanted else {
            let prefix: IPv6Prefix
            do { prefix = try state.prefixes.next() } catch {
                throw Problem(.poolExhausted, error.description, field: "spec.prefix")
            }
            plan.taken.append(.prefix(prefix))
            return prefix
        }
        try requireUsablePrefix(wanted)
        // Every prefix of a segment is a /64, so two overlap only when they are equal.
        if let (prefix, holder) = state.delegation(overlapping: wanted) {
            throw Problem(
                .prefixTaken, field: "spec.prefix", value: wanted.description,
                rule: "lies in \(prefix), which is delegated to \(state.place(holder))")
        }
        if let holder = state.holders.prefix[wanted.address.high] {
            throw Problem(
                .prefixTaken, field: "spec.prefix", value: wanted.description,
                rule: "is that of \(state.place(holder))")
        }
        if let (prefix, gateway) = state.translation(inside: wanted) {
            throw Problem(
                .prefixTaken, field: "spec.prefix", value: wanted.description,
                rule: "has \(prefix) in it, where \(state.place(gateway)) shows the IPv4 world")
        }
        if state.prefixes.take(wanted) { plan.taken.append(.prefix(wanted)) }
        return wanted
    }
}

/// Not in the model: a store may hold a prefix from before this was looked at, and has to be read.
func requireUsablePrefix(_ prefix: IPv6Prefix) throws(Problem) {
    guard prefix.overlaps(.reserved) else { return }
    throw Problem(
        field: "spec.prefix", value: prefix.description,
        rule: "must be outside of ::/8, which is loopback, IPv4-mapped and NAT64")
}

extension CacheState {
    /// "segment 'blue' of project 'default'".
    func place(_ id: ResourceID) -> String {
        guard let item = items[id] else { return "resource \(id)" }
        // What one may not know of has no name and no project.
        if let asker, !asker.isToldOf(item, self) { return "another resource" }
        let project = item.resource.metadata.project.map { " of project '\($0)'" } ?? ""
        return "\(item.resource.kind.name) '\(item.name)'\(project)"
    }
}
