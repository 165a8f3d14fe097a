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
    /// By id: the policies that an attachment of this host refers to; built-in ones are not here.
    package var policies: [ResourceID: DesiredPolicy]
    /// By policy: the addresses of the members of every policy that a rule of `policies` names; those are not
    /// themselves in `policies` unless an attachment of this host refers to them too.
    package var members: [ResourceID: Set<IPv6Address>]
    /// By segment of this host and address: who holds it, on this host or any other.
    package var bindings: [ResourceID: [IPv6Address: Binding]]
    /// By segment that a gateway of this host routes, and attachment: what its DHCP servers keep.
    package var reservations: [ResourceID: [ResourceID: Reservation]]
    /// What its name server serves; empty on a host without the role `dns`.
    package var names: DesiredNames
    /// By id: what somebody asks this host.
    package var probes: [ResourceID: DesiredProbe]

    package init(
        revision: Revision, host: HostIdentity, underlay: Underlay.Spec, vteps: Set<IPv6Address> = [],
        segments: [ResourceID: DesiredSegment] = [:], attachments: [ResourceID: DesiredAttachment] = [:],
        gateways: [ResourceID: DesiredGateway] = [:], policies: [ResourceID: DesiredPolicy] = [:],
        members: [ResourceID: Set<IPv6Address>] = [:], bindings: [ResourceID: [IPv6Address: Binding]] = [:],
        probes: [ResourceID: DesiredProbe] = [:], reservations: [ResourceID: [ResourceID: Reservation]] = [:],
        names: DesiredNames = DesiredNames()
    ) {
        self.names = names
        self.reservations = reservations
        self.probes = probes
        self.policies = policies
        self.members = members
        self.bindings = bindings
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
    /// Where its name server also answers.
    package var serviceAddress: IPv6Address?
    /// Nothing is to be changed on the host.
    package var isPaused: Bool

    package init(
        id: ResourceID, name: Name, vtep: IPv6Address, interface: InterfaceName, generation: UInt64,
        serviceAddress: IPv6Address? = nil, isPaused: Bool = false
    ) {
        self.serviceAddress = serviceAddress
        self.id = id
        self.name = name
        self.vtep = vtep
        self.interface = interface
        self.generation = generation
        self.isPaused = isPaused
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
    /// The MACs of the ports that hold the segment's gateway role: the one that routes now, and during a
    /// move the next one after it. Empty: nobody may send router advertisements.
    package var gateways: [MACAddress]
    package var dhcp: DHCPMode
    /// nil: no IPv4 and no ARP passes.
    package var ipv4: SegmentIPv4?
    /// What attachments, on any host, may use without holding it: the prefixes of their `allowedAddresses` that lie within the
    /// segment's /64 or are link-local. Nobody else learns addresses of them.
    package var shared: [IPv6Prefix]

    package init(
        id: ResourceID, generation: UInt64, vni: VNI, group: IPv6Address, mtu: MTU, ipam: IPAM, prefix: IPv6Prefix?,
        replication: Replication, peers: Set<IPv6Address> = [], gateways: [MACAddress] = [],
        dhcp: DHCPMode = .none, ipv4: SegmentIPv4? = nil, shared: [IPv6Prefix] = []
    ) {
        self.dhcp = dhcp
        self.ipv4 = ipv4
        self.shared = shared
        self.gateways = gateways
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
    /// Assigned and static ones; the learned ones are in `HostSnapshot.bindings`.
    package var addresses: [AttachmentAddress]
    package var port: PortKind
    /// What any of them lets through passes. A gateway's port has `allow-all`.
    package var policies: [PolicyUse]
    /// Sources allowed beside its own addresses; never reaching into the segment's /64 (unless inside of it), link-local
    /// (unless a single address) or multicast addresses, and disjoint.
    package var allowedAddresses: [IPv6Prefix]
    package var limits: AttachmentLimits
    /// How many addresses may be learned on the port.
    package var learnedAddressLimit: Int
    /// Its IPv4 address, on a segment that has IPv4.
    package var ipv4: IPv4Address?

    package init(
        id: ResourceID, generation: UInt64, segment: ResourceID, mac: MACAddress, addresses: [AttachmentAddress],
        port: PortKind, policies: [PolicyUse] = [.builtIn(.allowSegment)], allowedAddresses: [IPv6Prefix] = [],
        limits: AttachmentLimits = .none, learnedAddressLimit: Int = Attachment.Spec.standardLearnedAddresses,
        ipv4: IPv4Address? = nil
    ) {
        self.ipv4 = ipv4
        self.policies = policies
        self.allowedAddresses = allowedAddresses
        self.limits = limits
        self.learnedAddressLimit = learnedAddressLimit
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
    /// Its own resolver; nil when it has none.
    package var resolver: DesiredResolver?
    package var uplink: GatewayUplink?
    /// What crosses the uplink, seen from the segments; empty: everything.
    package var policies: [PolicyUse]
    package var limits: GatewayLimits
    /// What it translates; nil for nothing.
    package var nat64: DesiredNAT64?
    /// What this host is to it.
    package var role: GatewayRole
    /// The fencing token of the role: whoever knows a greater one passes this over.
    package var term: UInt64
    /// What it offers guests; in no order.
    package var services: [DesiredService]

    package init(
        id: ResourceID, generation: UInt64, ports: [ResourceID: ResourceID], resolvers: [IPv6Address],
        resolver: DesiredResolver? = nil, uplink: GatewayUplink? = nil, policies: [PolicyUse] = [],
        limits: GatewayLimits = .none, nat64: DesiredNAT64? = nil, services: [DesiredService] = [],
        role: GatewayRole = .active, term: UInt64 = 0
    ) {
        self.services = services
        self.role = role
        self.term = term
        self.nat64 = nat64
        self.resolver = resolver
        self.uplink = uplink
        self.policies = policies
        self.limits = limits
        self.id = id
        self.generation = generation
        self.ports = ports
        self.resolvers = resolvers
    }
}
