package import Addressing
package import Resources

/// What an API server tells an agent: everything (`reset`), or what changed since the update before.
///
/// Applied in order to a `HostSnapshot`. A put replaces the whole item; an item that is neither put nor removed stays.
package struct HostUpdate: Hashable, Sendable {
    package var revision: Revision
    /// Forget all that was known before; `host` and `underlay` are then present.
    package var reset: Bool
    package var host: HostIdentity?
    package var underlay: Underlay.Spec?
    /// The whole set, when it changed.
    package var vteps: Set<IPv6Address>?
    package var segments: [DesiredSegment]
    package var attachments: [DesiredAttachment]
    package var gateways: [DesiredGateway]
    package var removedSegments: Set<ResourceID>
    package var removedAttachments: Set<ResourceID>
    package var removedGateways: Set<ResourceID>
    package var policies: [DesiredPolicy]
    package var removedPolicies: Set<ResourceID>
    /// Each replaces the whole set of the policy's addresses.
    package var members: [PolicyMembers]
    /// Policies whose members no rule of this host names any more.
    package var removedMembers: Set<ResourceID>
    /// At most one per segment. The table of a removed segment goes with it.
    package var bindings: [BindingChange]
    package var probes: [DesiredProbe]
    package var removedProbes: Set<ResourceID>
    /// At most one per segment. The reservations of a removed segment go with it.
    package var reservations: [ReservationChange]
    package var names: NamesUpdate

    package init(
        revision: Revision, reset: Bool = false, host: HostIdentity? = nil, underlay: Underlay.Spec? = nil,
        vteps: Set<IPv6Address>? = nil, segments: [DesiredSegment] = [], attachments: [DesiredAttachment] = [],
        gateways: [DesiredGateway] = [], removedSegments: Set<ResourceID> = [],
        removedAttachments: Set<ResourceID> = [], removedGateways: Set<ResourceID> = [],
        policies: [DesiredPolicy] = [], removedPolicies: Set<ResourceID> = [], members: [PolicyMembers] = [],
        removedMembers: Set<ResourceID> = [], bindings: [BindingChange] = [],
        probes: [DesiredProbe] = [], removedProbes: Set<ResourceID> = [], reservations: [ReservationChange] = [],
        names: NamesUpdate = NamesUpdate()
    ) {
        self.names = names
        self.reservations = reservations
        self.probes = probes
        self.removedProbes = removedProbes
        self.policies = policies
        self.removedPolicies = removedPolicies
        self.members = members
        self.removedMembers = removedMembers
        self.bindings = bindings
        self.revision = revision
        self.reset = reset
        self.host = host
        self.underlay = underlay
        self.vteps = vteps
        self.segments = segments
        self.attachments = attachments
        self.gateways = gateways
        self.removedSegments = removedSegments
        self.removedAttachments = removedAttachments
        self.removedGateways = removedGateways
    }

    /// Carries nothing but a revision.
    package var isBookmark: Bool {
        !reset && host == nil && underlay == nil && vteps == nil && segments.isEmpty && attachments.isEmpty
            && gateways.isEmpty && removedSegments.isEmpty && removedAttachments.isEmpty && removedGateways.isEmpty
            && policies.isEmpty && removedPolicies.isEmpty && members.isEmpty && removedMembers.isEmpty
            && bindings.isEmpty && probes.isEmpty && removedProbes.isEmpty && reservations.isEmpty
            && names.isEmpty
    }
}

extension HostSnapshot {
    /// The snapshot that a resetting update describes.
    /// - Throws: when the update does not reset, or lacks the host or the underlay.
    package init(_ update: HostUpdate) throws(FieldError) {
        guard update.reset else {
            throw FieldError(field: "reset", value: "false", rule: "must be true in the first update")
        }
        guard let host = update.host else { throw FieldError(field: "host", rule: "is required in a resetting update") }
        guard let underlay = update.underlay else {
            throw FieldError(field: "underlay", rule: "is required in a resetting update")
        }
        self.init(revision: update.revision, host: host, underlay: underlay)
        merge(update)
    }

    /// Takes over what the update changes. A resetting one must go through `init` instead.
    package mutating func merge(_ update: HostUpdate) {
        revision = update.revision
        if let host = update.host { self.host = host }
        if let underlay = update.underlay { self.underlay = underlay }
        if let vteps = update.vteps { self.vteps = vteps }
        for id in update.removedGateways { gateways[id] = nil }
        for id in update.removedAttachments { attachments[id] = nil }
        for id in update.removedSegments {
            segments[id] = nil
            bindings[id] = nil
            reservations[id] = nil
        }
        for id in update.removedPolicies { policies[id] = nil }
        for id in update.removedMembers { members[id] = nil }
        for id in update.removedProbes { probes[id] = nil }
        for segment in update.segments { segments[segment.id] = segment }
        for attachment in update.attachments { attachments[attachment.id] = attachment }
        // A server that lags behind must not give a role back that has gone on.
        for gateway in update.gateways where gateway.term >= gateways[gateway.id]?.term ?? 0 {
            gateways[gateway.id] = gateway
        }
        for policy in update.policies { policies[policy.id] = policy }
        for entry in update.members { members[entry.policy] = entry.addresses }
        for change in update.bindings { merge(change) }
        for change in update.reservations { merge(change) }
        names.merge(update.names)
        for probe in update.probes { probes[probe.id] = probe }
    }

    private mutating func merge(_ change: BindingChange) {
        if change.reset { bindings[change.segment] = nil }
        for address in change.removed { bindings[change.segment]?[address] = nil }
        for binding in change.put { bindings[change.segment, default: [:]][binding.address] = binding }
        if bindings[change.segment]?.isEmpty == true { bindings[change.segment] = nil }
    }

    /// The resetting update that describes the snapshot; items in the order of their ids, so that equal snapshots have
    /// equal texts.
    package var asUpdate: HostUpdate {
        HostUpdate(
            revision: revision, reset: true, host: host, underlay: underlay, vteps: vteps,
            segments: segments.values.sorted { $0.id < $1.id },
            attachments: attachments.values.sorted { $0.id < $1.id },
            gateways: gateways.values.sorted { $0.id < $1.id },
            policies: policies.values.sorted { $0.id < $1.id },
            members: members.sorted { $0.key < $1.key }.map { PolicyMembers(policy: $0.key, addresses: $0.value) },
            bindings: bindings.sorted { $0.key < $1.key }.map { segment, table in
                BindingChange(segment: segment, reset: true, put: table.values.sorted { $0.address < $1.address })
            }, probes: probes.values.sorted { $0.id < $1.id },
            reservations: reservations.sorted { $0.key < $1.key }.map { segment, kept in
                ReservationChange(
                    segment: segment, reset: true, put: kept.values.sorted { $0.attachment < $1.attachment })
            }, names: names.asUpdate)
    }
}

extension HostSnapshot {
    /// The MACs that may act as the router of a segment: those the API names, and those of the gateways' ports on this
    /// host (an API server of the format before names none).
    package func routers(of segment: ResourceID) -> [MACAddress] {
        var routers = segments[segment]?.gateways ?? []
        for gateway in gateways.values.sorted(by: { $0.id < $1.id }) {
            guard let mac = gateway.ports[segment].flatMap({ attachments[$0] })?.mac, !routers.contains(mac) else {
                continue
            }
            routers.append(mac)
        }
        return routers
    }
}
