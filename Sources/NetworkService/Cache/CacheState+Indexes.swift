import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// Who holds each value that may have one holder.
struct Holders {
    var vni: [VNI: ResourceID] = [:]
    /// By the first 64 bits.
    var prefix: [UInt64: ResourceID] = [:]
    var mac: [MACAddress: ResourceID] = [:]
    /// The mapping or gateway that an IPv4 address is given to.
    var ipv4: [IPv4Address: ResourceID] = [:]
    /// The mapping of an address of a segment.
    var mapped: [SegmentAddress: ResourceID] = [:]
    /// The attachment that a prefix was delegated to.
    var delegated: [IPv6Prefix: ResourceID] = [:]
    var vtep: [IPv6Address: ResourceID] = [:]
    var address: [SegmentAddress: ResourceID] = [:]
    /// The gateway of a segment.
    var gateway: [ResourceID: ResourceID] = [:]
    /// The attachment that has an operator's interface of a host.
    var interface: [HostInterface: ResourceID] = [:]

    struct SegmentAddress: Hashable {
        var segment: ResourceID
        var address: IPv6Address
    }

    struct HostInterface: Hashable {
        var host: ResourceID
        var interface: InterfaceName
    }
}

/// Who refers to whom.
struct Relations {
    var mappingsOfAttachment: [ResourceID: Set<ResourceID>] = [:]
    var servicesOfGateway: [ResourceID: Set<ResourceID>] = [:]
    var attachmentsOfSegment: [ResourceID: Set<ResourceID>] = [:]
    var attachmentsOfHost: [ResourceID: Set<ResourceID>] = [:]
    /// Those that it carries, or is to.
    var gatewaysOfHost: [ResourceID: Set<ResourceID>] = [:]
    /// Those that it carried and has not said yet that nothing of them is left.
    var formerGatewaysOfHost: [ResourceID: Set<ResourceID>] = [:]
    /// Gateways whose role moves, or has moved and is not settled.
    var movingGateways: Set<ResourceID> = []
    var membersOfProject: [ResourceID: Int] = [:]
    /// Static and assigned ones of its attachments.
    var addressesOfProject: [ResourceID: Int] = [:]
    /// How many attachments a segment has on each host: the hosts that need it.
    var hostsOfSegment: [ResourceID: [ResourceID: Int]] = [:]
    var segmentsOfHost: [ResourceID: Set<ResourceID>] = [:]
    /// Attachments with `allowedAddresses`.
    var allowingOfSegment: [ResourceID: Set<ResourceID>] = [:]
    /// Attachments and gateways.
    var usersOfPolicy: [ResourceID: Set<ResourceID>] = [:]
    /// The policies in whose rules a policy stands as a peer.
    var namersOfPolicy: [ResourceID: Set<ResourceID>] = [:]
    /// How many attachments of each host refer to a policy: the hosts that need its rules.
    var hostsOfPolicy: [ResourceID: [ResourceID: Int]] = [:]
    var policiesOfHost: [ResourceID: Set<ResourceID>] = [:]
    /// The addresses that stand for a policy where rules name it. Counted, since between two events of one listing an
    /// address may have its old holder and its new one.
    var membersOfPolicy: [ResourceID: [IPv6Address: Int]] = [:]
    /// What each attachment adds to those.
    var memberships: [ResourceID: Membership] = [:]

    struct Membership: Hashable {
        var policies: Set<ResourceID>
        var addresses: Set<IPv6Address>
    }
}

extension CacheState {
    /// Keeps holders, relations, pools and the hosts' feeds in step with one change of one resource.
    mutating func index(_ old: Item?, _ new: Item?) {
        if let project = (old ?? new)?.projectID {
            relations.membersOfProject[project, default: 0] += (new == nil ? 0 : 1) - (old == nil ? 0 : 1)
        }
        countAddresses(old, new)
        switch (new ?? old)?.resource.kind {
        case .pool: replacePools()
        case .underlay: markAll { $0.underlay = true }
        case .host: indexHost(old.flatMap { Host.unwrap($0.resource) }, new.flatMap { Host.unwrap($0.resource) })
        case .segment:
            indexSegment(old.flatMap { Segment.unwrap($0.resource) }, new.flatMap { Segment.unwrap($0.resource) })
        case .attachment:
            indexAttachment(
                old.flatMap { Attachment.unwrap($0.resource) }, new.flatMap { Attachment.unwrap($0.resource) })
        case .gateway:
            indexGateway(old.flatMap { Gateway.unwrap($0.resource) }, new.flatMap { Gateway.unwrap($0.resource) })
        case .policy:
            indexPolicy(old.flatMap { Policy.unwrap($0.resource) }, new.flatMap { Policy.unwrap($0.resource) })
        case .mapping:
            indexMapping(old.flatMap { Mapping.unwrap($0.resource) }, new.flatMap { Mapping.unwrap($0.resource) })
        case .service:
            indexService(
                old.flatMap { GuestService.unwrap($0.resource) }, new.flatMap { GuestService.unwrap($0.resource) })
        case .token: indexToken(old, new)
        case .project, .zone, .record, nil: break
        }
        indexNames(old, new)
    }

    private mutating func replacePools() {
        let pools = all(Pool.self).map { NamedPool($0.metadata.name, $0.spec) }
        vnis.replacePools(with: pools)
        prefixes.replacePools(with: pools)
        macs.replacePools(with: pools)
        ipv4s.replacePools(with: pools)
        delegations.replacePools(with: pools)
    }

    private mutating func indexHost(_ old: Resource<Host>?, _ new: Resource<Host>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        if let old { holders.vtep[old.spec.vtep] = nil }
        if let new { holders.vtep[new.spec.vtep] = id }
        mark(host: id) { $0.host = true }
        guard old?.spec.vtep != new?.spec.vtep else { return }
        markAll { $0.vteps = true }
        for segment in relations.segmentsOfHost[id, default: []] { markPeers(of: segment) }
    }

    private mutating func indexSegment(_ old: Resource<Segment>?, _ new: Resource<Segment>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        if let assigned = old?.assigned {
            holders.vni[assigned.vni] = nil
            vnis.release(assigned.vni)
            if let prefix = assigned.prefix {
                holders.prefix[prefix.address.high] = nil
                prefixes.release(prefix)
            }
        }
        if let assigned = new?.assigned {
            holders.vni[assigned.vni] = id
            vnis.take(assigned.vni)
            if let prefix = assigned.prefix {
                holders.prefix[prefix.address.high] = id
                prefixes.take(prefix)
            }
        }
        for host in relations.hostsOfSegment[id, default: [:]].keys { mark(host: host) { $0.segments.insert(id) } }
        if old?.spec.dhcp != new?.spec.dhcp || old?.spec.ipv4 != new?.spec.ipv4 { markReservations(of: id) }
    }

    private mutating func indexGateway(_ old: Resource<Gateway>?, _ new: Resource<Gateway>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        indexOutgoing(old, new)
        if let old {
            for segment in old.assigned.ports.keys { holders.gateway[segment] = nil }
            for held in Gateway.interfaces(of: old) { holders.interface[held] = nil }
            for host in old.carriers { relations.gatewaysOfHost[host]?.remove(id) }
            for host in old.formerCarriers { relations.formerGatewaysOfHost[host]?.remove(id) }
        }
        relations.movingGateways.remove(id)
        if let new {
            for segment in new.assigned.ports.keys { holders.gateway[segment] = id }
            for held in Gateway.interfaces(of: new) { holders.interface[held] = id }
            for host in new.carriers { relations.gatewaysOfHost[host, default: []].insert(id) }
            for host in new.formerCarriers { relations.formerGatewaysOfHost[host, default: []].insert(id) }
            if new.isMoving { relations.movingGateways.insert(id) }
        }
        for host in [old, new].compactMap(\.self).reduce(
            into: Set<ResourceID>(),
            {
                $0.formUnion($1.carriers + $1.formerCarriers)
            })
        {
            mark(host: host) { $0.gateways.insert(id) }
        }
        indexPolicies(old, new)
        let before = old?.routers ?? [:]
        let after = new?.routers ?? [:]
        for segment in Set(before.keys).union(after.keys) where before[segment] != after[segment] {
            markEverywhere(segment)
        }
        markReservations(old, new)
    }

    private mutating func markEverywhere(_ segment: ResourceID) {
        for host in relations.hostsOfSegment[segment, default: [:]].keys {
            mark(host: host) { $0.segments.insert(segment) }
        }
    }

    private mutating func indexAttachment(_ old: Resource<Attachment>?, _ new: Resource<Attachment>?) {
        if let old { unindex(old) }
        if let new { index(new) }
        let before = old.map(Place.all) ?? []
        let after = new.map(Place.all) ?? []
        if before != after {
            for place in before where !after.contains(place) { leave(place) }
            for place in after where !before.contains(place) { enter(place) }
        }
        indexIsolation(old, new)
        markReservation(old, new)
    }

    /// A segment on a host.
    private struct Place: Hashable {
        var segment: ResourceID
        var host: ResourceID

        /// Those of an attachment: two while a gateway's port moves.
        static func all(of attachment: Resource<Attachment>) -> [Place] {
            guard let segment = attachment.spec.segment.id else { return [] }
            return attachment.hosts.map { Place(segment: segment, host: $0) }
        }
    }

    private mutating func unindex(_ attachment: Resource<Attachment>) {
        let id = attachment.metadata.id
        holders.mac[attachment.assigned.mac] = nil
        macs.release(attachment.assigned.mac)
        if let prefix = attachment.assigned.delegatedPrefix {
            holders.delegated[prefix] = nil
            delegations.release(DelegatedPrefix(prefix))
        }
        guard let segment = attachment.spec.segment.id else { return }
        for address in attachment.assigned.allAddresses {
            holders.address[Holders.SegmentAddress(segment: segment, address: address)] = nil
        }
        relations.attachmentsOfSegment[segment]?.remove(id)
        relations.allowingOfSegment[segment]?.remove(id)
        for host in attachment.hosts {
            relations.attachmentsOfHost[host]?.remove(id)
            if case .external(let interface) = attachment.spec.port {
                holders.interface[Holders.HostInterface(host: host, interface: interface)] = nil
            }
            mark(host: host) { $0.attachments.insert(id) }
        }
    }

    private mutating func index(_ attachment: Resource<Attachment>) {
        let id = attachment.metadata.id
        holders.mac[attachment.assigned.mac] = id
        macs.take(attachment.assigned.mac)
        if let prefix = attachment.assigned.delegatedPrefix {
            holders.delegated[prefix] = id
            // Also over what was just chosen here and will not be had.
            delegations.occupy(DelegatedPrefix(prefix))
        }
        guard let segment = attachment.spec.segment.id else { return }
        for address in attachment.assigned.allAddresses {
            holders.address[Holders.SegmentAddress(segment: segment, address: address)] = id
        }
        relations.attachmentsOfSegment[segment, default: []].insert(id)
        if !attachment.spec.allowedAddresses.isEmpty { relations.allowingOfSegment[segment, default: []].insert(id) }
        for host in attachment.hosts {
            relations.attachmentsOfHost[host, default: []].insert(id)
            if case .external(let interface) = attachment.spec.port {
                holders.interface[Holders.HostInterface(host: host, interface: interface)] = id
            }
            mark(host: host) { $0.attachments.insert(id) }
        }
    }

    private mutating func enter(_ place: Place) {
        relations.hostsOfSegment[place.segment, default: [:]][place.host, default: 0] += 1
        guard relations.segmentsOfHost[place.host, default: []].insert(place.segment).inserted else { return }
        mark(host: place.host) { dirt in
            dirt.segments.insert(place.segment)
            dirt.tables.insert(place.segment)
        }
        markPeers(of: place.segment)
    }

    private mutating func leave(_ place: Place) {
        let count = relations.hostsOfSegment[place.segment]?[place.host] ?? 0
        guard count <= 1 else {
            relations.hostsOfSegment[place.segment]?[place.host] = count - 1
            return
        }
        relations.hostsOfSegment[place.segment]?[place.host] = nil
        if relations.hostsOfSegment[place.segment]?.isEmpty == true { relations.hostsOfSegment[place.segment] = nil }
        relations.segmentsOfHost[place.host]?.remove(place.segment)
        mark(host: place.host) { $0.segments.insert(place.segment) }
        markPeers(of: place.segment)
    }

    /// Only unicast replication needs to know the other hosts.
    private mutating func markPeers(of segment: ResourceID) {
        guard resource(segment, as: Segment.self)?.assigned.replication == .unicast else { return }
        for host in relations.hostsOfSegment[segment, default: [:]].keys {
            mark(host: host) { $0.segments.insert(segment) }
        }
    }
}
