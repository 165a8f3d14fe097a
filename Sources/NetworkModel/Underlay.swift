package import Addressing
package import Resources

/// What KC may rely on between hosts. One resource named `default`, made at the first start (docs/decisions/0002).
///
/// A change of `mtu`, `port` or `groups` concerns segments that are created afterwards; existing ones keep what they have.
package enum Underlay: ResourceKind {
    package static let kind = KindName("underlay", plural: "underlays", isInProject: false)
    package typealias Assigned = Nothing

    package struct Spec: Hashable, JSONCodable {
        /// The MTU every host's underlay interface must carry. Default 1500; 1350 at least.
        package var mtu: MTU
        /// Whether the underlay carries IPv6 multicast between all hosts: the default replication of new segments.
        package var multicast: Bool
        /// UDP destination port of VXLAN. Default 4789 (RFC 7348).
        package var port: UInt16
        /// Hop limit of VXLAN packets, 1 to 255. Default 64: N multicast routers on the way need N + 1.
        package var hopLimit: UInt8
        package var groups: MulticastGroups

        package init(
            mtu: MTU, multicast: Bool = true, port: UInt16 = 4789, hopLimit: UInt8 = 64,
            groups: MulticastGroups = .standard
        ) {
            self.mtu = mtu
            self.multicast = multicast
            self.port = port
            self.hopLimit = hopLimit
            self.groups = groups
        }
    }
}

extension Underlay.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let mtu: MTU = try reader.required("mtu")
        do { _ = try mtu.insideVXLAN() } catch { throw FieldError(field: reader.path(of: "mtu"), error) }
        func bounded(_ name: String, _ value: Int?, _ range: ClosedRange<Int>, _ standard: Int) throws(FieldError)
            -> Int
        {
            let value = value ?? standard
            guard range.contains(value) else {
                throw FieldError(
                    field: "\(path).\(name)", value: "\(value)",
                    rule: "must be from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        let port = try bounded("port", reader.optional("port"), 1...65535, 4789)
        let hopLimit = try bounded("hopLimit", reader.optional("hopLimit"), 1...255, 64)
        let base: IPv6Address = try reader.optional("groupBase") ?? MulticastGroups.standard.base
        let count: UInt32 = try reader.optional("groupCount") ?? MulticastGroups.standard.count
        let groups: MulticastGroups
        do { groups = try MulticastGroups(base: base, count: count) } catch {
            throw FieldError(field: reader.path(of: "groupBase"), error)
        }
        self.init(
            mtu: mtu, multicast: try reader.optional("multicast") ?? true, port: UInt16(port),
            hopLimit: UInt8(hopLimit),
            groups: groups)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("mtu", mtu)
            writer.member("multicast", multicast)
            writer.member("port", Int(port))
            writer.member("hopLimit", Int(hopLimit))
            writer.member("groupBase", groups.base)
            writer.member("groupCount", groups.count)
        }
    }
}
