package import Addressing
package import NetworkModel
package import Resources

/// The contents of all zones, computed from what there is, and kept up to date source by source.
///
/// A value without memory: whatever the order of the changes that led here, the same zones and sources give the same
/// contents. Every change says which record sets it may have changed.
package struct NameTable: Sendable {
    /// By zone: the sets that may differ from before.
    package typealias Changes = [ResourceID: Set<RecordSetKey>]

    private var zones: [ResourceID: NamedZone] = [:]
    private var sources: [ResourceID: NameSource] = [:]
    /// By source.
    private var said: [ResourceID: [NameEntry]] = [:]
    /// By zone, set and source.
    private var entries: [ResourceID: [RecordSetKey: [ResourceID: [NameEntry]]]] = [:]

    package init() {}

    /// The name of a server in a zone: `<host>.ns.<domain>`.
    package static func server(_ host: Name, of domain: DomainName) -> DomainName? {
        try? domain.prepending([host.text, serversLabel])  // too long: it has no name there
    }

    /// Below it are names of servers, and nothing of users.
    package static let serversLabel = "ns"

    // MARK: Changes

    /// Puts a source in the place of what was there (nil: it is gone).
    package mutating func set(_ id: ResourceID, _ source: NameSource?) -> Changes {
        guard sources[id] != source else { return [:] }
        sources[id] = source
        guard !zones.isEmpty else { return [:] }
        return say(id, source.map { NameEntries(zones: zones).of($0) } ?? [])
    }

    /// Puts a zone in the place of what was there (nil: it is gone). Where that moves names to another zone, all is
    /// computed again: as much work as there are sources.
    package mutating func set(zone id: ResourceID, _ zone: NamedZone?) -> Changes {
        guard zones[id] != zone else { return [:] }
        var changes: Changes = [id: Set(entries[id, default: [:]].keys)]
        zones[id] = zone
        let making = NameEntries(zones: zones)
        for (source, value) in sources {
            changes.merge(say(source, making.of(value))) { $0.union($1) }
        }
        changes[id, default: []].formUnion(entries[id, default: [:]].keys)
        return changes
    }

    private mutating func say(_ id: ResourceID, _ new: [NameEntry]) -> Changes {
        let old = said[id] ?? []
        if Set(old) == Set(new) { return [:] }
        said[id] = new.isEmpty ? nil : new
        var changes: Changes = [:]
        for entry in old {
            entries[entry.zone]?[entry.key]?[id] = nil
            if entries[entry.zone]?[entry.key]?.isEmpty == true { entries[entry.zone]?[entry.key] = nil }
            if entries[entry.zone]?.isEmpty == true { entries[entry.zone] = nil }
            changes[entry.zone, default: []].insert(entry.key)
        }
        for entry in new {
            entries[entry.zone, default: [:]][entry.key, default: [:]][id, default: []].append(entry)
            changes[entry.zone, default: []].insert(entry.key)
        }
        // An alias gives way to what else stands at its name.
        for (zone, keys) in changes {
            for key in keys where key.type != .cname {
                let alias = RecordSetKey(key.owner, .cname)
                if entries[zone]?[alias] != nil { changes[zone]?.insert(alias) }
            }
        }
        return changes
    }

    // MARK: Contents

    /// The zones that there are.
    package var zoneIDs: Set<ResourceID> { Set(zones.keys) }

    package func zone(_ id: ResourceID) -> NamedZone? { zones[id] }

    /// What stands at a name; nil when nothing of that type does.
    package func recordSet(_ key: RecordSetKey, in zone: ResourceID) -> RecordSet? {
        guard let ttl = zones[zone]?.ttl, let bySource = entries[zone]?[key] else { return nil }
        let said = bySource.values.joined()
        var written: [(RecordData, TimeToLive?)] = []
        var made: [RecordData] = []
        let holders = Set(said.compactMap { $0.say == .held ? $0.project : nil })
        for entry in said {
            switch entry.say {
            case .made(let data): made.append(data)
            case .written(let data, let ttl):
                // The reverse of an address is its holder's to say, for as long as it is the holder.
                if needsHolder(key, in: zone), !(entry.project.map { holders.contains($0) } ?? false) { continue }
                written.append((data, ttl))
            case .held: break
            }
        }
        if key.type == .cname, hasOtherData(at: key.owner, in: zone) { return nil }
        if written.isEmpty { return made.isEmpty ? nil : RecordSet(key, ttl: ttl, made) }
        if key.type == .ptr { made = [] }
        let lowest = written.compactMap(\.1).min { $0.seconds < $1.seconds }
        return RecordSet(key, ttl: lowest ?? ttl, made + written.map(\.0))
    }

    /// All record sets of a zone, in canonical order.
    package func recordSets(in zone: ResourceID) -> [RecordSet] {
        entries[zone, default: [:]].keys.sorted().compactMap { recordSet($0, in: zone) }
    }

    /// Whether the project holds what the owner stands for in a reverse zone.
    package func holds(_ project: ResourceID, _ key: RecordSetKey, in zone: ResourceID) -> Bool {
        entries[zone]?[key]?.values.joined().contains { $0.say == .held && $0.project == project } ?? false
    }

    /// Whether KC itself has a name there.
    package func isMade(_ owner: DomainName, in zone: ResourceID) -> Bool {
        RecordType.allCases.contains { type in
            entries[zone]?[RecordSetKey(owner, type)]?.values.joined().contains {
                if case .made = $0.say { true } else { false }
            } ?? false
        }
    }

    private func needsHolder(_ key: RecordSetKey, in zone: ResourceID) -> Bool {
        zones[zone]?.domain.isReverse == true && (key.type == .ptr || key.type == .ns)
    }

    private func hasOtherData(at owner: DomainName, in zone: ResourceID) -> Bool {
        RecordType.allCases.contains { $0 != .cname && recordSet(RecordSetKey(owner, $0), in: zone) != nil }
    }
}
