import Addressing
import NetworkModel
import NetworkPlanning
import Resources

/// What hosts need to know to serve names and to resolve them.
extension CacheState {
    func addNames(to update: inout HostUpdate, for host: ResourceID, _ dirt: FeedDirt) {
        let isServer = names.servers.contains(host)
        let all = isServer ? names.table.zoneIDs : []
        for id in (dirt.everything ? all : dirt.zones).sorted() {
            if all.contains(id), let zone = resource(id, as: Zone.self) {
                update.names.zones.append(desired(zone))
            } else {
                update.names.removedZones.insert(id)
            }
        }
        let whole = dirt.everything ? all : dirt.zoneTables
        for id in whole.union(dirt.records.keys).sorted() where all.contains(id) {
            var change = RecordChange(zone: id, reset: whole.contains(id))
            if change.reset {
                change.put = names.table.recordSets(in: id)
                // An empty zone says nothing that a new one does not.
                if change.put.isEmpty, dirt.everything { continue }
            } else {
                for key in dirt.records[id, default: []].sorted() {
                    if let set = names.table.recordSet(key, in: id) {
                        change.put.append(set)
                    } else {
                        change.removed.insert(key)
                    }
                }
            }
            update.names.records.append(change)
        }
    }

    private func desired(_ zone: Resource<Zone>) -> DesiredZone {
        let domain = zone.spec.domain
        let own = names.servers.compactMap { items[$0]?.name }.sorted().compactMap {
            NameTable.server($0, of: domain)
        }
        return DesiredZone(
            id: zone.metadata.id, generation: zone.metadata.generation, domain: domain, ttl: zone.spec.ttl,
            secondaries: zone.spec.secondaries,
            signingKey: zone.spec.dnssec ? names.signingKeys[zone.metadata.id] : nil,
            nameServers: own + zone.spec.nameServers.filter { !own.contains($0) }, servers: names.servers.count)
    }

    /// nil for a gateway that has no resolver of its own.
    func desiredResolver(_ gateway: Resource<Gateway>) -> DesiredResolver? {
        guard gateway.spec.resolver != nil || gateway.spec.nat64?.dns64 == true else { return nil }
        var resolver = DesiredResolver(
            forwarders: gateway.spec.resolver?.forwarders ?? [],
            zones: names.zones.keys.sorted(),
            servers: Set(names.servers.compactMap { resource($0, as: Host.self)?.spec.serviceAddress }).sorted(),
            dns64: gateway.spec.nat64.flatMap { $0.dns64 ? $0.prefix : nil })
        for segment in gateway.assigned.ports.keys {
            guard let item = items[segment], let id = item.projectID, let project = items[id] else { continue }
            let domains = names.zones.filter { domain, zone in
                names.table.zone(zone).map {
                    $0.attachments && !domain.isReverse && ($0.projects.isEmpty || $0.projects.contains(id))
                } ?? false
            }.keys
            let shortest = domains.min { ($0.length, $0.description) < ($1.length, $1.description) }
            // Too long: no such name, and nothing to look in.
            resolver.search[segment] = shortest.flatMap { try? $0.prepending([item.name.text, project.name.text]) }
        }
        return resolver
    }
}
