package import Addressing
package import Resources

/// What the DHCP servers of a segment's gateway keep for one attachment, wherever the attachment is bound.
package struct Reservation: Hashable, Sendable {
    package var attachment: ResourceID
    /// Who it is for.
    package var mac: MACAddress
    /// The assigned and static addresses in the segment's prefix.
    package var addresses: [IPv6Address]
    /// The prefix that the attachment routes.
    package var delegated: IPv6Prefix?
    /// What DHCPv4 gives it.
    package var ipv4: IPv4Address?

    package init(
        attachment: ResourceID, mac: MACAddress, addresses: [IPv6Address], delegated: IPv6Prefix? = nil,
        ipv4: IPv4Address? = nil
    ) {
        self.ipv4 = ipv4
        self.attachment = attachment
        self.mac = mac
        self.addresses = addresses
        self.delegated = delegated
    }
}

extension Reservation: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            attachment: try reader.required("attachment"), mac: try reader.required("mac"),
            addresses: try reader.optional("addresses") ?? [], delegated: try reader.optional("delegated"),
            ipv4: try reader.optional("ipv4"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        writer.object { writer in
            writer.member("attachment", attachment)
            writer.member("mac", mac)
            writer.member("addresses", addresses)
            writer.member("delegated", delegated)
            if format >= .ipv4 { writer.member("ipv4", ipv4) }
        }
    }
}

/// What changed in the reservations of one segment; a put replaces that of its attachment.
package struct ReservationChange: Hashable, Sendable {
    package var segment: ResourceID
    /// Forget the segment's reservations first.
    package var reset: Bool
    package var put: [Reservation]
    package var removed: Set<ResourceID>

    package init(segment: ResourceID, reset: Bool = false, put: [Reservation] = [], removed: Set<ResourceID> = []) {
        self.segment = segment
        self.reset = reset
        self.put = put
        self.removed = removed
    }
}

extension ReservationChange: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            segment: try reader.required("segment"), reset: try reader.optional("reset") ?? false,
            put: try reader.optional("put") ?? [],
            removed: Set(try reader.optional("removed", as: [ResourceID].self) ?? []))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) { write(to: &writer, .newest) }

    func write(to writer: inout JSONWriter, _ format: HostUpdateFormat) {
        writer.object { writer in
            writer.member("segment", segment)
            if reset { writer.member("reset", reset) }
            if !put.isEmpty {
                writer.name("put")
                writer.array { writer in for item in put { item.write(to: &writer, format) } }
            }
            if !removed.isEmpty { writer.member("removed", removed.sorted()) }
        }
    }
}

extension HostSnapshot {
    mutating func merge(_ change: ReservationChange) {
        if change.reset { reservations[change.segment] = nil }
        for id in change.removed { reservations[change.segment]?[id] = nil }
        for item in change.put { reservations[change.segment, default: [:]][item.attachment] = item }
        if reservations[change.segment]?.isEmpty == true { reservations[change.segment] = nil }
    }
}
