package import Addressing
package import Resources

/// One virtual L2 network: one VNI, one VXLAN and one bridge on each host that needs it.
package enum Segment: ResourceKind {
    package static let kind = KindName("segment", plural: "segments", isInProject: true)

    package struct Spec: Hashable, JSONCodable {
        package var ipam: IPAM
        /// A VNI of the user's choice; nil takes the next of the VNI pools.
        package var vni: VNI?
        /// A /64 of the user's choice; nil takes the next of the prefix pools. Must be nil for `none`.
        package var prefix: IPv6Prefix?
        /// nil takes the underlay's way when the segment is created.
        package var replication: Replication?
        /// More than `none` only with ipam `automatic`: DHCPv6 answers beside router advertisements.
        package var dhcp: DHCPMode
        /// nil: guests have no IPv4.
        package var ipv4: SegmentIPv4?

        package init(
            ipam: IPAM, vni: VNI? = nil, prefix: IPv6Prefix? = nil, replication: Replication? = nil,
            dhcp: DHCPMode = .none, ipv4: SegmentIPv4? = nil
        ) {
            self.dhcp = dhcp
            self.ipv4 = ipv4
            self.ipam = ipam
            self.vni = vni
            self.prefix = prefix
            self.replication = replication
        }
    }

    package struct Assigned: Hashable, JSONCodable {
        package var vni: VNI
        /// The multicast group, also of a segment that now replicates by unicast.
        package var group: IPv6Address
        /// One MTU for all hosts, guests and router advertisements.
        package var mtu: MTU
        /// nil for `none`.
        package var prefix: IPv6Prefix?
        package var replication: Replication

        package init(vni: VNI, group: IPv6Address, mtu: MTU, prefix: IPv6Prefix?, replication: Replication) {
            self.vni = vni
            self.group = group
            self.mtu = mtu
            self.prefix = prefix
            self.replication = replication
        }
    }
}

package enum IPAM: String, Choice {
    /// Layer 2 only.
    case none
    /// A /64 is assigned and nothing is advertised.
    case manual
    /// A /64 is assigned and advertised by the segment's gateway (SLAAC).
    case automatic
}

/// How broadcast, unknown unicast and multicast reach the other hosts of a segment.
package enum Replication: String, Choice {
    /// One frame to the segment's group; the underlay copies it.
    case multicast
    /// One copy per host that has the segment.
    case unicast
}

extension Segment.Spec {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            ipam: try reader.required("ipam"), vni: try reader.optional("vni"), prefix: try reader.optional("prefix"),
            replication: try reader.optional("replication"), dhcp: try reader.optional("dhcp") ?? .none,
            ipv4: try reader.optional("ipv4"))
        guard dhcp == .none || ipam == .automatic else {
            throw FieldError(
                field: reader.path(of: "dhcp"), value: dhcp.rawValue,
                rule: "must be 'none' or absent for ipam '\(ipam.rawValue)': guests learn of DHCPv6 from router "
                    + "advertisements; use ipam 'automatic'")
        }
        if let ipv4, ipam == .none {
            throw FieldError(
                field: reader.path(of: "ipv4"), value: ipv4.prefix.description,
                rule: "must be absent for ipam 'none': nobody checks addresses there; use 'manual' or 'automatic'")
        }
        if let prefix {
            guard ipam != .none else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description,
                    rule: "must be absent for ipam 'none'; use 'manual' for a prefix without advertisements")
            }
            guard prefix.length == 64 else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description,
                    rule: "must be a /64: SLAAC needs 64 bits for the interface (RFC 4862)")
            }
            guard !prefix.address.isMulticast, !prefix.address.isLinkLocal else {
                throw FieldError(
                    field: reader.path(of: "prefix"), value: prefix.description,
                    rule: "must be unicast and not link-local")
            }
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ipam", ipam)
            writer.member("vni", vni)
            writer.member("prefix", prefix)
            writer.member("replication", replication)
            if dhcp != .none { writer.member("dhcp", dhcp) }
            writer.member("ipv4", ipv4)
        }
    }
}

extension Segment.Assigned {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            vni: try reader.required("vni"), group: try reader.required("group"), mtu: try reader.required("mtu"),
            prefix: try reader.optional("prefix"), replication: try reader.required("replication"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("vni", vni)
            writer.member("group", group)
            writer.member("mtu", mtu)
            writer.member("prefix", prefix)
            writer.member("replication", replication)
        }
    }
}
