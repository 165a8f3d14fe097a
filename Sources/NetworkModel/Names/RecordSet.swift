package import Addressing
package import Resources

/// Which record set: all records of one owner and type (RFC 2181 section 5).
package struct RecordSetKey: Hashable, Comparable, Sendable {
    package var owner: DomainName
    package var type: RecordType

    package init(_ owner: DomainName, _ type: RecordType) {
        self.owner = owner
        self.type = type
    }

    package static func < (left: RecordSetKey, right: RecordSetKey) -> Bool {
        left.owner == right.owner ? left.type < right.type : left.owner < right.owner
    }
}

/// The records of one owner and type.
package struct RecordSet: Hashable, Sendable {
    package var key: RecordSetKey
    package var ttl: TimeToLive
    /// Never empty, each of the key's type, in the order of their texts.
    package private(set) var data: [RecordData]

    package init(_ key: RecordSetKey, ttl: TimeToLive, _ data: some Sequence<RecordData>) {
        self.key = key
        self.ttl = ttl
        self.data = Set(data).map { ($0.description, $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

/// What changed in the contents of one zone; a put replaces the set of its key.
package struct RecordChange: Hashable, Sendable {
    package var zone: ResourceID
    /// Forget all records of the zone first.
    package var reset: Bool
    package var put: [RecordSet]
    package var removed: Set<RecordSetKey>

    package init(zone: ResourceID, reset: Bool = false, put: [RecordSet] = [], removed: Set<RecordSetKey> = []) {
        self.zone = zone
        self.reset = reset
        self.put = put
        self.removed = removed
    }
}

extension RecordSetKey: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("owner"), try reader.required("type"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("owner", owner)
            writer.member("type", type)
        }
    }
}

extension RecordSet: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let key = RecordSetKey(try reader.required("owner"), try reader.required("type"))
        let ttl: TimeToLive = try reader.required("ttl")
        let texts: [String] = try reader.required("values")
        self.init(key, ttl: ttl, try RecordData.list(key.type, texts, field: reader.path(of: "values")))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("owner", key.owner)
            writer.member("type", key.type)
            writer.member("ttl", ttl)
            writer.member("values", data.map(\.description))
        }
    }
}

extension RecordChange: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            zone: try reader.required("zone"), reset: try reader.optional("reset") ?? false,
            put: try reader.optional("put") ?? [],
            removed: Set(try reader.optional("removed", as: [RecordSetKey].self) ?? []))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("zone", zone)
            if reset { writer.member("reset", reset) }
            if !put.isEmpty { writer.member("put", put) }
            if !removed.isEmpty { writer.member("removed", removed.sorted()) }
        }
    }
}
