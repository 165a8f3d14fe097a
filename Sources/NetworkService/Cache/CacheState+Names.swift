import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// What there is of names: the contents of all zones, and who is told.
struct NameState {
    var table = NameTable()
    var zones: [DomainName: ResourceID] = [:]
    /// By zone, owner and type.
    var records: [ResourceID: [DomainName: [RecordType: ResourceID]]] = [:]
    var recordsOfZone: [ResourceID: Set<ResourceID>] = [:]
    var recordsOfProject: [ResourceID: Int] = [:]
    /// Hosts with the role `dns`.
    var servers: Set<ResourceID> = []
    var signingKeys: [ResourceID: SigningKey] = [:]
}

/// Keeps the contents of zones in step with every change of one resource, and marks the hosts that serve them.
extension CacheState {
    mutating func indexNames(_ old: Item?, _ new: Item?) {
        guard let item = new ?? old else { return }
        let isRenamed = old != nil && new != nil && old?.name != new?.name
        switch item.resource.kind {
        case .attachment: nameAttachment(item.id)
        case .segment where isRenamed:
            for id in relations.attachmentsOfSegment[item.id, default: []] { nameAttachment(id) }
            markResolvers()
        case .project where isRenamed:
            for key in collections[Scope(kind: .attachment, project: item.id)]?.order ?? [] { nameAttachment(key.id) }
            markResolvers()
        case .mapping:
            nameMapping(item.id)
            // A mapping stands in the name's place of an address inside the segment.
            for item in [old, new].compactMap(\.self) {
                if let id = Mapping.unwrap(item.resource)?.spec.attachment.id { nameAttachment(id) }
            }
        case .host: nameServer(old.flatMap { Host.unwrap($0.resource) }, new.flatMap { Host.unwrap($0.resource) })
        case .zone: nameZone(old.flatMap { Zone.unwrap($0.resource) }, new.flatMap { Zone.unwrap($0.resource) })
        case .record:
            nameRecord(
                old.flatMap { Record.unwrap($0.resource) }, new.flatMap { Record.unwrap($0.resource) },
                project: item.projectID)
        default: break
        }
    }

    /// An attachment's names by what it holds now, which a change of what it has learned changes too.
    mutating func nameAttachment(_ id: ResourceID) {
        var source: NameSource?
        if let attachment = resource(id, as: Attachment.self), let project = items[id]?.projectID,
            let name = name(of: attachment)
        {
            var addresses = learned.addresses[id, default: []]
            addresses.formUnion(attachment.assigned.addresses.map(\.value))
            if case .gateway = attachment.spec.port { addresses = [] }
            source = .attachment(
                NamedAttachment(
                    name: name, project: project, addresses: addresses,
                    delegated: attachment.assigned.delegatedPrefix, ipv4: attachment.assigned.ipv4,
                    isMapped: relations.mappingsOfAttachment[id] != nil))
        }
        markNames(names.table.set(id, source))
        for mapping in relations.mappingsOfAttachment[id, default: []] { nameMapping(mapping) }
    }

    private mutating func nameMapping(_ id: ResourceID) {
        var source: NameSource?
        if let mapping = resource(id, as: Mapping.self), let project = items[id]?.projectID,
            let attachment = mapping.spec.attachment.id.flatMap({ resource($0, as: Attachment.self) }),
            let name = name(of: attachment)
        {
            source = .mapping(NamedMapping(name: name, project: project, address: mapping.assigned.ipv4))
        }
        markNames(names.table.set(id, source))
    }

    func name(of attachment: Resource<Attachment>) -> AttachmentName? {
        guard let segment = attachment.spec.segment.id.flatMap({ items[$0] }),
            let project = segment.projectID.flatMap({ items[$0] })
        else { return nil }
        return AttachmentName(attachment: attachment.metadata.name, segment: segment.name, project: project.name)
    }

    private mutating func nameServer(_ old: Resource<Host>?, _ new: Resource<Host>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        let isServer = new?.spec.roles.contains(.dns) ?? false
        let wasServer = names.servers.contains(id)
        guard isServer || wasServer else { return }
        var source: NameSource?
        if let new, isServer {
            names.servers.insert(id)
            source = .server(new.metadata.name, [new.spec.serviceAddress ?? new.spec.vtep])
        } else {
            names.servers.remove(id)
        }
        let changes = names.table.set(id, source)
        let zones = names.table.zoneIDs
        if isServer != wasServer {
            mark(host: id) { dirt in
                dirt.zones.formUnion(zones)
                dirt.zoneTables.formUnion(zones)
            }
        }
        guard
            isServer != wasServer || old?.metadata.name != new?.metadata.name || old?.spec.vtep != new?.spec.vtep
                || old?.spec.serviceAddress != new?.spec.serviceAddress
        else { return }
        // The NS of every zone, and how many serve it.
        for server in names.servers { mark(host: server) { $0.zones.formUnion(zones) } }
        markNames(changes)
        markResolvers()
    }

    private mutating func nameZone(_ old: Resource<Zone>?, _ new: Resource<Zone>?) {
        guard let id = (new ?? old)?.metadata.id else { return }
        if let old { names.zones[old.spec.domain] = nil }
        if let new { names.zones[new.spec.domain] = id }
        let zone = new.map { zone in
            NamedZone(
                domain: zone.spec.domain, attachments: zone.spec.attachments,
                projects: Set(zone.spec.projects.compactMap(\.id)), ttl: zone.spec.ttl,
                nameServers: zone.spec.nameServers)
        }
        let changes = names.table.set(zone: id, zone)
        for server in names.servers { mark(host: server) { $0.zones.insert(id) } }
        markNames(changes)
        if old?.spec.domain != new?.spec.domain || old?.spec.attachments != new?.spec.attachments { markResolvers() }
    }

    private mutating func nameRecord(_ old: Resource<Record>?, _ new: Resource<Record>?, project: ResourceID?) {
        guard let id = (new ?? old)?.metadata.id, let project else { return }
        if let old, let zone = old.spec.zone.id {
            names.records[zone]?[old.assigned.owner]?[old.spec.type] = nil
            if names.records[zone]?[old.assigned.owner]?.isEmpty == true {
                names.records[zone]?[old.assigned.owner] = nil
            }
            names.recordsOfZone[zone]?.remove(id)
            names.recordsOfProject[project, default: 0] -= 1
        }
        var source: NameSource?
        if let new, let zone = new.spec.zone.id {
            names.records[zone, default: [:]][new.assigned.owner, default: [:]][new.spec.type] = id
            names.recordsOfZone[zone, default: []].insert(id)
            names.recordsOfProject[project, default: 0] += 1
            source = .record(
                NamedRecord(
                    zone: zone, project: project, owner: new.assigned.owner, ttl: new.spec.ttl, data: new.spec.values))
        }
        markNames(names.table.set(id, source))
    }

    mutating func takeSigningKey(_ key: SigningKey?, of zone: ResourceID) {
        guard names.signingKeys[zone] != key else { return }
        names.signingKeys[zone] = key
        for server in names.servers { mark(host: server) { $0.zones.insert(zone) } }
    }

    private mutating func markNames(_ changes: NameTable.Changes) {
        guard !isTrying, !changes.isEmpty else { return }
        for server in names.servers {
            mark(host: server) { dirt in dirt.records.merge(changes) { $0.union($1) } }
        }
    }

    /// Gateways whose resolvers know the cloud's zones and their servers.
    private mutating func markResolvers() {
        guard !isTrying else { return }
        for (host, gateways) in relations.gatewaysOfHost where !gateways.isEmpty {
            mark(host: host) { $0.gateways.formUnion(gateways) }
        }
    }
}
