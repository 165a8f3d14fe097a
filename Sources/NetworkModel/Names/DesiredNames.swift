import Addressing
package import Resources

/// Everything that the name server of a host serves.
package struct DesiredNames: Hashable, Sendable {
    /// By id.
    package var zones: [ResourceID: DesiredZone]
    /// By zone: what stands in it beside SOA, NS of the top, and what signing adds.
    package var records: [ResourceID: [RecordSetKey: RecordSet]]

    package init(zones: [ResourceID: DesiredZone] = [:], records: [ResourceID: [RecordSetKey: RecordSet]] = [:]) {
        self.zones = zones
        self.records = records
    }

    package mutating func merge(_ update: NamesUpdate) {
        for id in update.removedZones {
            zones[id] = nil
            records[id] = nil
        }
        for zone in update.zones { zones[zone.id] = zone }
        for change in update.records { merge(change) }
    }

    private mutating func merge(_ change: RecordChange) {
        if change.reset { records[change.zone] = nil }
        for key in change.removed { records[change.zone]?[key] = nil }
        for set in change.put { records[change.zone, default: [:]][set.key] = set }
        if records[change.zone]?.isEmpty == true { records[change.zone] = nil }
    }

    /// The update that makes this of nothing; in order, so that equal values have equal texts.
    package var asUpdate: NamesUpdate {
        NamesUpdate(
            zones: zones.values.sorted { $0.id < $1.id },
            records: records.sorted { $0.key < $1.key }.map { zone, sets in
                RecordChange(zone: zone, reset: true, put: sets.values.sorted { $0.key < $1.key })
            })
    }
}

/// What changes in `DesiredNames`.
package struct NamesUpdate: Hashable, Sendable {
    package var zones: [DesiredZone]
    /// Their records go with them.
    package var removedZones: Set<ResourceID>
    /// At most one per zone.
    package var records: [RecordChange]

    package init(zones: [DesiredZone] = [], removedZones: Set<ResourceID> = [], records: [RecordChange] = []) {
        self.zones = zones
        self.removedZones = removedZones
        self.records = records
    }

    package var isEmpty: Bool { zones.isEmpty && removedZones.isEmpty && records.isEmpty }
}

extension NamesUpdate: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            zones: try reader.optional("zones") ?? [],
            removedZones: Set(try reader.optional("removedZones", as: [ResourceID].self) ?? []),
            records: try reader.optional("records") ?? [])
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            if !zones.isEmpty { writer.member("zones", zones) }
            if !removedZones.isEmpty { writer.member("removedZones", removedZones.sorted()) }
            if !records.isEmpty { writer.member("records", records) }
        }
    }
}
