package import Addressing
import NFTables
package import NetworkModel
package import Resources

/// Desired and observed state with the indices over both, kept up to date change by change.
///
/// What an agent holds: planning one attachment among thousands then costs a few look-ups. A value; the caller keeps
/// it in one place and changes it there, so that nothing is copied.
package struct PlanningState: Sendable {
    package private(set) var desired: HostSnapshot
    package internal(set) var observed: ObservedHost
    private var wanted: DesiredIndex
    private(set) var seen: ObservedIndex
    private var structures: FilterStructures
    /// Whether a gateway with a routed uplink is desired.
    private var wantsUplinks: Bool

    package init(desired: HostSnapshot, observed: ObservedHost) {
        self.desired = desired
        self.observed = observed
        wanted = DesiredIndex(desired)
        seen = ObservedIndex(observed)
        structures = FilterStructures.of(desired.underlay)
        wantsUplinks = FilterStructures.leadsUplinks(desired, seen: ObservedIndex())
    }

    /// The plan of a part; everything by default. Equals what `HostPlanner.plan` says of the same snapshots.
    package func plan(_ scope: PlanScope = .whole) -> HostPlan {
        HostPlanner.plan(in: context, scope: scope)
    }

    var context: PlanContext {
        PlanContext(
            desired: desired, observed: observed, wanted: wanted, seen: seen,
            structure: structures.structure(
                leadsUplinks: wantsUplinks || !seen.uplinks.isEmpty, present: observed.filter.digest))
    }

    // MARK: What is desired

    /// Takes over another whole desired state.
    package mutating func desire(_ snapshot: HostSnapshot) {
        desired = snapshot
        wanted = DesiredIndex(snapshot)
        structures = FilterStructures.of(snapshot.underlay)
        wantsUplinks = FilterStructures.leadsUplinks(snapshot, seen: ObservedIndex())
    }

    /// Takes over what an update changes; a resetting one replaces all.
    /// - Returns: the part of the host that it concerns.
    /// - Throws: when a resetting update lacks the host or the underlay; nothing has changed then.
    package mutating func merge(_ update: HostUpdate) throws(FieldError) -> PlanScope {
        if update.reset {
            desire(try HostSnapshot(update))
            return .whole
        }
        let (numbers, oversized) = (wanted.profileNumbers, wanted.oversized)
        var scope = PlanScope(host: update.vteps != nil)
        for id in update.removedAttachments { scope.formUnion(forgetAttachment(id)) }
        for attachment in update.attachments {
            scope.formUnion(forgetAttachment(attachment.id))
            wanted.add(attachment)
            scope.attachments.insert(attachment.id)
        }
        for id in update.removedSegments.union(update.segments.map(\.id)) {
            if let old = desired.segments[id] { wanted.remove(old) }
            scope.segments.insert(id)
        }
        for id in update.removedSegments {
            for binding in (desired.bindings[id] ?? [:]).values { wanted.remove(binding) }
        }
        for segment in update.segments { wanted.add(segment) }
        scope.gateways.formUnion(update.removedGateways.union(update.gateways.map(\.id)))
        for change in update.bindings { scope.formUnion(rebind(change)) }
        scope.gateways.formUnion(gateways(of: update.reservations))
        if !update.policies.isEmpty || !update.removedPolicies.isEmpty || !update.members.isEmpty
            || !update.removedMembers.isEmpty
        {
            scope.host = true
        }
        scope.attachments.formUnion(attachmentsWhoseEgressTurns(with: update))
        desired.merge(update)
        if scope.host || wanted.profileNumbers != numbers {
            wanted.measureProfiles(in: desired)
            for (profile, attachments) in wanted.profiles
            where (wanted.oversized[profile] == nil) != (oversized[profile] == nil) {
                scope.attachments.formUnion(attachments)
            }
        }
        if !update.gateways.isEmpty || !update.removedGateways.isEmpty {
            wantsUplinks = FilterStructures.leadsUplinks(desired, seen: ObservedIndex())
        }
        // Two profiles met in one number and one of them had to move: rare, and any port may be concerned.
        if numbers.contains(where: { wanted.profileNumbers[$0.key] ?? $0.value != $0.value }) { return .whole }
        if update.host != nil || update.underlay != nil {
            structures = FilterStructures.of(desired.underlay)
            return .whole
        }
        return scope
    }

    /// Takes over a binding table's change in the index.
    /// - Returns: the segment, and the attachments here that have other addresses now.
    private mutating func rebind(_ change: BindingChange) -> PlanScope {
        var scope = PlanScope(tables: [change.segment])
        // A guest that is a router may be reached by another address.
        if (desired.reservations[change.segment] ?? [:]).values.contains(where: { $0.delegated != nil }) {
            scope.gateways = gateways(routing: [change.segment])
        }
        let table = desired.bindings[change.segment] ?? [:]
        var gone: [Binding] = change.reset ? Array(table.values) : change.removed.compactMap { table[$0] }
        if !change.reset { gone += change.put.compactMap { table[$0.address] } }
        for binding in gone {
            wanted.remove(binding)
            if desired.attachments[binding.attachment] != nil { scope.attachments.insert(binding.attachment) }
        }
        for binding in change.put {
            wanted.add(binding)
            scope.attachments.insert(binding.attachment)
        }
        scope.attachments = scope.attachments.filter { desired.attachments[$0] != nil }
        return scope
    }

    /// Whose DHCP servers get other reservations.
    private func gateways(of changes: [ReservationChange]) -> Set<ResourceID> {
        guard !changes.isEmpty else { return [] }
        return gateways(routing: Set(changes.map(\.segment)))
    }

    private func gateways(routing segments: Set<ResourceID>) -> Set<ResourceID> {
        Set(desired.gateways.values.filter { !segments.isDisjoint(with: $0.ports.keys) }.map(\.id))
    }

    /// A policy that begins or ceases to speak about what leaves concerns the elements of its ports.
    private func attachmentsWhoseEgressTurns(with update: HostUpdate) -> Set<ResourceID> {
        var turning = update.removedPolicies
        for policy in update.policies where (desired.policies[policy.id]?.egress == nil) != (policy.egress == nil) {
            turning.insert(policy.id)
        }
        for id in update.removedPolicies where desired.policies[id]?.egress == nil { turning.remove(id) }
        if turning.isEmpty { return [] }
        return wanted.profiles.filter { !turning.isDisjoint(with: $0.key.policies) }.values
            .reduce(into: []) { $0.formUnion($1) }
    }

    /// Takes an attachment out of the index; what it was concerns its segment and gateway too.
    private mutating func forgetAttachment(_ id: ResourceID) -> PlanScope {
        guard let old = desired.attachments[id] else { return PlanScope(attachments: [id]) }
        wanted.remove(old)
        var scope = PlanScope(attachments: [id])
        if PolicyProfile(of: old) != nil { scope.host = true }
        // Its last attachment gone, a segment's devices go too. The others need no look.
        if wanted.attachments[old.segment] == nil { scope.segments = [old.segment] }
        if case .gateway(let gateway) = old.port { scope.gateways = [gateway] }
        return scope
    }

    // MARK: What is observed

    /// A complete observation.
    package mutating func observe(_ host: ObservedHost) { observe(HostSurvey(host)) }

    /// The same, indexed already.
    package mutating func observe(_ survey: HostSurvey) {
        observed = survey.host
        seen = survey.index
    }

    /// One device of the host's own namespace as it is now; nil when it is gone.
    package mutating func observe(_ link: ObservedLink?, at name: InterfaceName) {
        if let old = observed.links.links[name] { seen.remove(old) }
        observed.links.links[name] = link
        if let link {
            seen.add(link)
        } else {
            observed.links.floods[name] = nil
            observed.links.addresses[name] = nil
            observed.links.routed.remove(name)
        }
    }

    /// Flood entries and addresses of one device of the host's own namespace.
    package mutating func observe(
        floods: Set<IPv6Address>, addresses: Set<InterfaceAddress>, of name: InterfaceName
    ) {
        observed.links.floods[name] = floods.isEmpty ? nil : floods
        observed.links.addresses[name] = addresses.isEmpty ? nil : addresses
    }

    /// One device of another namespace, which must have been observed before.
    package mutating func observe(_ link: ObservedLink?, at name: InterfaceName, inside namespace: NamespaceName) {
        guard observed.inside[namespace] != nil else { return }
        if let old = observed.inside[namespace]?.links[name] { seen.remove(old, in: namespace) }
        observed.inside[namespace]?.links[name] = link
        if let link { seen.add(link, in: namespace) } else { observed.inside[namespace]?.addresses[name] = nil }
    }

    /// Another namespace as it is now; nil when it is gone.
    package mutating func observe(inside namespace: NamespaceName, _ links: ObservedLinks?) {
        for link in observed.inside[namespace]?.links.values ?? [:].values { seen.remove(link, in: namespace) }
        observed.inside[namespace] = links
        for link in links?.links.values ?? [:].values { seen.add(link, in: namespace) }
    }

    /// All names of namespaces; what was known of one that is gone is forgotten.
    package mutating func observe(namespaces: Set<NamespaceName>) {
        for gone in observed.namespaces.subtracting(namespaces) {
            observe(inside: gone, nil)
            observed.firewalls[gone] = nil
        }
        observed.namespaces = namespaces
    }

    /// The filter of a gateway's namespace.
    package mutating func observe(firewall: ObservedFirewall, inside namespace: NamespaceName) {
        observed.firewalls[namespace] = firewall
    }

    /// What of the host's own namespace is of no single device.
    package mutating func observe(routing: ObservedLinks, exports: Set<Route>) {
        observed.links.hasDefaultRoute = routing.hasDefaultRoute
        observed.links.isForwarding = routing.isForwarding
        observed.exports = exports
    }

    package mutating func observe(_ filter: ObservedFilter) { observed.filter = filter }

    package mutating func observe(daemons: [String: ObservedDaemon]) { observed.daemons = daemons }
}
