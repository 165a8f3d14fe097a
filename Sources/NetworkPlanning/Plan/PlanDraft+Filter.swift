import Addressing
import NFTables
import NetworkModel
import Resources

extension PlanDraft {
    /// The structure with everything in it when the kernel has another or none; otherwise only what differs of tunnel
    /// endpoints and policies.
    mutating func planFilter() {
        guard context.observed.filter.digest == context.structure.digest else {
            // One transaction: ports that are right go on forwarding without a gap, no other one begins to.
            let open = context.desired.attachments.values.filter(context.mayForward)
            let content = context.filterContent(opening: open)
            ready = content.ports
            installed = content
            for (name, link) in context.observed.links.links
            where link.settings.takesMembers && !content[.port(name)].contains(.members(name)) {
                lookAtMembers(to: name, for: .host)
            }
            return add(.filter(.install(context.structure, content)), for: .host, in: .filter)
        }
        let endpoints = Set(context.guardElementsOfTunnels)
        let present = current(.tunnels)
        change(.tunnels, remove: [], add: endpoints.subtracting(present), for: .host, in: .filter)
        change(.tunnels, remove: present.subtracting(endpoints), add: [], for: .host, in: .filter)
        let policies = context.guardElementsOfPolicies()
        let profiles = policies.profiles.union(context.observed.filter.content.profiles)
        for owner in [GuardOwner.rates] + profiles.sorted().map(GuardOwner.profile) {
            settle(owner, as: Array(policies[owner]), for: .host)
        }
    }

    /// A segment's binding table and tunnel; of what it was before, what its devices' names still tell.
    mutating func planTable(of id: ResourceID) {
        if let segment = context.desired.segments[id], context.claimant(of: segment.vni) == id {
            settleTable(of: segment)
            planKnown(on: id)
        }
        let numbers = Set((context.seen.owned[.segment(id)] ?? []).compactMap(\.segmentVNI))
        for vni in numbers.sorted() where context.claimant(of: vni) == nil {
            settle(.segment(vni), as: [], for: .segment(id))
        }
    }

    /// The elements of a port that may pass frames.
    mutating func planGuard(of attachment: DesiredAttachment) {
        let elements = context.guardElements(of: attachment)
        settle(.port(attachment.portName), as: elements, for: .attachment(attachment.id))
        settleGroup(of: attachment, as: elements)
    }

    /// What belongs to nobody, known or gone: open ports without a device or an attachment, tables of segments without
    /// one, daemons without a gateway, devices that an interrupted creation left.
    mutating func planStrays() {
        for name in ready.sorted() where context.wanted.ports[name] == nil && context.seen.marks[name] == nil {
            gate(name, for: .orphan)
        }
        if installed == nil {
            for vni in context.observed.filter.content.segments.sorted()
            where context.claimant(of: vni) == nil && context.seen.marks[.bridge(vni)] == nil
                && context.seen.marks[.vxlan(vni)] == nil
            {
                settle(.segment(vni), as: [], for: .orphan)
            }
        }
        planStrayExports()
        // The name server is looked after beside the plan.
        let instances = Set(context.desired.gateways.keys.flatMap(DaemonInstance.all) + [DaemonInstance.nameServer])
        for instance in context.observed.daemons.keys.sorted() where !instances.contains(instance) {
            stop(daemon: instance, for: .orphan)
        }
        for name in context.seen.unfinished.sorted() where context.wanted.ports[name] == nil {
            if let vni = name.segmentVNI, context.claimant(of: vni) != nil { continue }
            add(.link(.delete(name)), for: .orphan, in: .removePorts)
        }
    }

    /// What is left under the name of an attachment's own device when it has none any more: it is gone, or an operator's
    /// interface is its port now.
    mutating func planStray(portOf id: ResourceID) {
        let name = InterfaceName.port(id.bytes)
        if context.wanted.ports[name] == nil, context.seen.marks[name] == nil { gate(name, for: .orphan) }
    }

    /// Ends a daemon whose gateway goes away; guests are told, unless the same router is elsewhere from now on.
    mutating func stop(daemon instance: String, for subject: Subject, withdraw: Bool = true) {
        guard context.observed.daemons[instance] != nil, stopped.insert(instance).inserted else { return }
        add(.stopDaemon(instance: instance, withdraw: withdraw), for: subject, in: .goodbye)
    }

    // MARK: Elements

    /// What the owner has once the filter phase is done and gates are closed.
    func current(_ owner: GuardOwner) -> Set<GuardElement> {
        if case .port(let name) = owner, !ready.contains(name) { return [] }
        return installed.map { $0[owner] } ?? context.observed.filter.content[owner]
    }

    /// Plans, once, what makes the owner's elements what they shall be.
    /// - Parameter elements: each once.
    private mutating func settle(_ owner: GuardOwner, as elements: [GuardElement], for subject: Subject) {
        guard settled.insert(owner).inserted else { return }
        let present = current(owner)
        if present.count == elements.count, elements.allSatisfy(present.contains) { return }
        let wanted = Set(elements)
        change(
            owner, remove: present.subtracting(wanted), add: wanted.subtracting(present), for: subject, in: .ready)
    }

    /// Plans, once, what makes a segment's table what it shall be: only what differs is made an element.
    private mutating func settleTable(of segment: DesiredSegment) {
        let owner = GuardOwner.segment(segment.vni)
        guard settled.insert(owner).inserted else { return }
        let content = installed ?? context.observed.filter.content
        let held = HeldChange(
            from: content.held(on: segment.vni), to: context.desired.bindings[segment.id] ?? [:], on: segment.vni)
        let (tunnel, wanted) = (content.tunnel(of: segment.vni), Set(context.tunnelElements(of: segment)))
        change(
            owner, remove: tunnel.subtracting(wanted).union(held.removed),
            add: wanted.subtracting(tunnel).union(held.added), for: .segment(segment.id), in: .ready)
    }

    private mutating func change(
        _ owner: GuardOwner, remove: Set<GuardElement>, add added: Set<GuardElement>, for subject: Subject,
        in phase: Phase
    ) {
        if remove.isEmpty, added.isEmpty { return }
        add(.filter(.change(owner, remove: remove.sorted(), add: added.sorted())), for: subject, in: phase)
    }
}

/// What makes the held addresses of a segment those of its binding table. Costs a look at each address, and elements only
/// for those that differ.
struct HeldChange {
    var removed: Set<GuardElement> = []
    var added: Set<GuardElement> = []

    init(from present: Set<IPv6Address>, to table: [IPv6Address: Binding], on vni: VNI) {
        for address in table.keys where !present.contains(address) { added.insert(.held(address, on: vni)) }
        if present.count + added.count == table.count { return }
        for address in present where table[address] == nil { removed.insert(.held(address, on: vni)) }
    }

}
