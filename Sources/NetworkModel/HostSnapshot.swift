package import Addressing
package import Resources

/// Everything one host must realise, and nothing else: what the API sends its agent and the agent keeps on disk.
package struct HostSnapshot: Hashable, Sendable {
    /// The store revision it is true for.
    package var revision: Revision
    package var host: HostIdentity
    package var underlay: Underlay.Spec
    /// The VTEPs of all hosts, this one included: who may send VXLAN here.
    package var vteps: Set<IPv6Address>
    /// By id: the segments that an attachment of this host needs.
    package var segments: [ResourceID: DesiredSegment]
    /// By id: the attachments bound to this host.
    package var attachments: [ResourceID: DesiredAttachment]
    /// By id: the gateways this host carries.
    package var gateways: [ResourceID: DesiredGateway]

    package init(
        revision: Revision, host: HostIdentity, underlay: Underlay.Spec, vteps: Set<IPv6Address> = [],
        segments: [ResourceID: DesiredSegment] = [:], attachments: [ResourceID: DesiredAttachment] = [:],
        gateways: [ResourceID: DesiredGateway] = [:]
    ) {
        self.revision = revision
        self.host = host
        self.underlay = underlay
        self.vteps = vteps
        self.segments = segments
        self.attachments = attachments
        self.gateways = gateways
    }
}

package struct HostIdentity: Hashable, Sendable {
    package var id: ResourceID
    package var name: Name
    package var vtep: IPv6Address
    package var interface: InterfaceName
    /// Of the host resource.
    package var generation: UInt64

    package init(id: ResourceID, name: Name, vtep: IPv6Address, interface: InterfaceName, generation: UInt64) {
        self.id = id
        self.name = name
        self.vtep = vtep
        self.interface = interface
        self.generation = generation
    }
}

package struct DesiredSegment: Hashable, Sendable {
    package var id: ResourceID
    package var generation: UInt64
    package var vni: VNI
    package var group: IPv6Address
    package var mtu: MTU
    package var ipam: IPAM
    package var prefix: IPv6Prefix?
    package var replication: Replication
    /// The VTEPs of the other hosts that have the segment; empty unless replication is `unicast`.
    package var peers: Set<IPv6Address>

    package init(
        id: ResourceID, generation: UInt64, vni: VNI, group: IPv6Address, mtu: MTU, ipam: IPAM, prefix: IPv6Prefix?,
        replication: Replication, peers: Set<IPv6Address> = []
    ) {
        self.id = id
        self.generation = generation
        self.vni = vni
        self.group = group
        self.mtu = mtu
        self.ipam = ipam
        self.prefix = prefix
        self.replication = replication
        self.peers = peers
    }
}

package struct DesiredAttachment: Hashable, Sendable {
    package var id: ResourceID
    package var generation: UInt64
    package var segment: ResourceID
    package var mac: MACAddress
    package var addresses: [AttachmentAddress]
    package var port: PortKind

    package init(
        id: ResourceID, generation: UInt64, segment: ResourceID, mac: MACAddress, addresses: [AttachmentAddress],
        port: PortKind
    ) {
        self.id = id
        self.generation = generation
        self.segment = segment
        self.mac = mac
        self.addresses = addresses
        self.port = port
    }
}

package struct DesiredGateway: Hashable, Sendable {
    package var id: ResourceID
    package var generation: UInt64
    /// Attachment id by segment id.
    package var ports: [ResourceID: ResourceID]
    package var resolvers: [IPv6Address]

    package init(id: ResourceID, generation: UInt64, ports: [ResourceID: ResourceID], resolvers: [IPv6Address]) {
        self.id = id
        self.generation = generation
        self.ports = ports
        self.resolvers = resolvers
    }
}
