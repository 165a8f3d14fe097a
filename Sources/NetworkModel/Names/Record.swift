package import Addressing
package import Resources

/// Resource records of one name and type (RFC 2181 section 5) that a project has in a zone.
package enum Record: ResourceKind {
    package static let kind = KindName("record", plural: "records", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var zone: Reference<Zone>
        package var name: RecordName
        package var type: RecordType
        /// One or more, none twice; of a CNAME and a PTR exactly one.
        package var values: [RecordData]
        /// nil: the zone's.
        package var ttl: TimeToLive?

        package init(
            zone: Reference<Zone>, name: RecordName, type: RecordType, values: [RecordData], ttl: TimeToLive? = nil
        ) {
            self.zone = zone
            self.name = name
            self.type = type
            self.values = values
            self.ttl = ttl
        }

        package static let maximumValues = 64
    }

    package struct Assigned: Hashable, JSONCodable {
        /// The whole name.
        package var owner: DomainName
        package init(owner: DomainName) { self.owner = owner }
    }
}

extension Record.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let type: RecordType = try reader.required("type")
        let texts: [String] = try reader.required("values")
        let field = reader.path(of: "values")
        guard (1...Self.maximumValues).contains(texts.count) else {
            throw FieldError(field: field, value: "\(texts.count) values", rule: "must be 1 to \(Self.maximumValues)")
        }
        self.init(
            zone: try reader.required("zone"), name: try reader.required("name"), type: type,
            values: try RecordData.list(type, texts, field: field), ttl: try reader.optional("ttl"))
        try reader.finish()
        guard Set(values).count == values.count else { throw FieldError(field: field, rule: "must not repeat a value") }
        if type == .cname || type == .ptr, values.count != 1 {
            throw FieldError(field: field, value: "\(values.count) values", rule: "must be one for a \(type.rawValue)")
        }
        let name = reader.path(of: "name")
        switch self.name {
        case .top where type == .cname:
            throw FieldError(field: name, value: "@", rule: "must not be the top of the zone for a CNAME (RFC 1034)")
        case .top where type == .ns:
            throw FieldError(
                field: name, value: "@", rule: "must be below the top: servers of the zone are in its 'nameServers'")
        case .prefix6(let prefix):
            guard prefix.length % 4 == 0 else {
                throw FieldError(
                    field: name, value: prefix.description, rule: "must have a length that is a multiple of 4")
            }
            guard type == (prefix.length == 128 ? .ptr : .ns) else {
                throw FieldError(
                    field: reader.path(of: "type"), value: type.rawValue,
                    rule: "must be PTR for an address and NS for a prefix")
            }
        case .address4 where type != .ptr:
            throw FieldError(
                field: reader.path(of: "type"), value: type.rawValue, rule: "must be PTR for an address")
        default: break
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("zone", zone)
            writer.member("name", name)
            writer.member("type", type)
            writer.member("values", values.map(\.description))
            writer.member("ttl", ttl)
        }
    }
}

extension Record.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(owner: try reader.required("owner"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in writer.member("owner", owner) }
    }
}
