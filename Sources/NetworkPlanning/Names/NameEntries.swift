import Addressing
import NetworkModel
import Resources

/// What one source says in one zone about one record set.
struct NameEntry: Hashable, Sendable {
    enum Say: Hashable, Sendable {
        /// KC's own names.
        case made(RecordData)
        /// A user's.
        case written(RecordData, ttl: TimeToLive?)
        /// Nothing but that the project holds the address or prefix that the owner stands for.
        case held
    }

    var zone: ResourceID
    var key: RecordSetKey
    var project: ResourceID?
    var say: Say
}

/// Makes the entries of one source out of the zones. Pure: the same source and zones give the same entries.
struct NameEntries {
    let zones: [ResourceID: NamedZone]

    func of(_ source: NameSource) -> [NameEntry] {
        switch source {
        case .attachment(let attachment): entries(attachment)
        case .mapping(let mapping): entries(mapping)
        case .record(let record): entries(record)
        case .server(let name, let addresses): entries(name, addresses)
        }
    }

    private func entries(_ attachment: NamedAttachment) -> [NameEntry] {
        let addresses = attachment.addresses.filter { !$0.isLinkLocal }
        var entries: [NameEntry] = []
        for (id, zone) in forward(attachment.project) {
            guard let owner = attachment.name.within(zone.domain) else { continue }
            let key = RecordSetKey(owner, .aaaa)
            entries += addresses.map {
                NameEntry(zone: id, key: key, project: attachment.project, say: .made(.aaaa($0)))
            }
            guard let ipv4 = attachment.ipv4, !attachment.isMapped else { continue }
            entries.append(
                NameEntry(
                    zone: id, key: RecordSetKey(owner, .a), project: attachment.project, say: .made(.a(ipv4))))
        }
        let target = canonicalName(attachment.name, attachment.project)
        for address in addresses {
            entries += reverse(DomainName.reverse(address), target, attachment.project)
        }
        if let ipv4 = attachment.ipv4 {
            entries += reverse(DomainName.reverse(ipv4), target, attachment.project)
        }
        guard let delegated = attachment.delegated else { return entries }
        // A prefix between two nibbles is as many names as it has prefixes at the next one (RFC 3596 section 2.5).
        let length = (delegated.length + 3) / 4 * 4
        for index in 0..<UInt64(1 << (length - delegated.length)) {
            guard let part = delegated.subprefix(length: length, at: index), let owner = DomainName.reverse(part),
                let zone = closestReverseZone(owner, attachment.project)
            else { continue }
            entries.append(
                NameEntry(
                    zone: zone, key: RecordSetKey(owner, .ns), project: attachment.project, say: .held))
        }
        return entries
    }

    private func entries(_ mapping: NamedMapping) -> [NameEntry] {
        var entries: [NameEntry] = []
        for (id, zone) in forward(mapping.project) {
            guard let owner = mapping.name.within(zone.domain) else { continue }
            entries.append(
                NameEntry(
                    zone: id, key: RecordSetKey(owner, .a), project: mapping.project, say: .made(.a(mapping.address))))
        }
        let target = canonicalName(mapping.name, mapping.project)
        return entries + reverse(DomainName.reverse(mapping.address), target, mapping.project)
    }

    private func entries(_ record: NamedRecord) -> [NameEntry] {
        guard let zone = zones[record.zone], record.owner.isWithin(zone.domain), zone.serves(record.project) else {
            return []
        }
        return record.data.map {
            NameEntry(
                zone: record.zone, key: RecordSetKey(record.owner, $0.type), project: record.project,
                say: .written($0, ttl: record.ttl))
        }
    }

    private func entries(_ server: Name, _ addresses: [IPv6Address]) -> [NameEntry] {
        zones.flatMap { id, zone -> [NameEntry] in
            guard let name = NameTable.server(server, of: zone.domain) else { return [] }
            func made(_ owner: DomainName, _ data: RecordData, in place: ResourceID) -> NameEntry {
                NameEntry(zone: place, key: RecordSetKey(owner, data.type), project: nil, say: .made(data))
            }
            let own = addresses.map { made(name, .aaaa($0), in: id) }
            guard let above = zoneAbove(zone.domain) else { return own }
            // The zone above says who serves this one, and where they are (RFC 1034 section 4.2.1).
            return own + addresses.map { made(name, .aaaa($0), in: above) }
                + ([name] + zone.nameServers).map { made(zone.domain, .ns($0), in: above) }
        }
    }

    /// The closest zone that the domain is in, beside its own; of two with the same domain, always the same one.
    private func zoneAbove(_ domain: DomainName) -> ResourceID? {
        zones.filter { $0.value.domain != domain && domain.isWithin($0.value.domain) }
            .max { ($0.value.domain.labels.count, $0.key) < ($1.value.domain.labels.count, $1.key) }?.key
    }

    private func reverse(_ owner: DomainName, _ target: DomainName?, _ project: ResourceID) -> [NameEntry] {
        guard let zone = closestReverseZone(owner, project) else { return [] }
        let key = RecordSetKey(owner, .ptr)
        let held = NameEntry(zone: zone, key: key, project: project, say: .held)
        guard let target, zones[zone]?.attachments == true else { return [held] }
        return [held, NameEntry(zone: zone, key: key, project: project, say: .made(.ptr(target)))]
    }

    private func forward(_ project: ResourceID) -> [(ResourceID, NamedZone)] {
        zones.filter { $0.value.attachments && !$0.value.domain.isReverse && $0.value.serves(project) }
    }

    /// The name that a reverse record points to: in the shortest domain, of equally short ones in the first.
    private func canonicalName(_ name: AttachmentName, _ project: ResourceID) -> DomainName? {
        forward(project).map(\.1.domain).min {
            ($0.length, $0.description) < ($1.length, $1.description)
        }.flatMap { name.within($0) }
    }

    /// Of zones one within the other, the inner one is asked.
    private func closestReverseZone(_ owner: DomainName, _ project: ResourceID) -> ResourceID? {
        zones.filter { $0.value.domain.isReverse && owner.isWithin($0.value.domain) && $0.value.serves(project) }
            .max { ($0.value.domain.labels.count, $0.key) < ($1.value.domain.labels.count, $1.key) }?.key
    }
}
