package import Addressing
package import NetworkModel
package import Resources

/// All that a verdict is made of: what shall be, and what the agents found.
package struct PathWorld: Hashable, Sendable {
    package struct Segment: Hashable, Sendable {
        package var name: String
        package var vni: VNI
        package var group: IPv6Address
        package var mtu: MTU
        package var replication: Replication

        package init(name: String, vni: VNI, group: IPv6Address, mtu: MTU, replication: Replication) {
            self.name = name
            self.vni = vni
            self.group = group
            self.mtu = mtu
            self.replication = replication
        }
    }

    package struct Host: Hashable, Sendable {
        package var id: ResourceID
        package var name: String
        package var vtep: IPv6Address
        package var interface: InterfaceName
        /// Whether its agent renews its lease.
        package var isUp: Bool
        package var answer: Answer
        /// Since its agent renewed its lease last; nil when this server has not heard it.
        package var heard: Duration?
        /// What its agent says of the segment, when something hinders it there.
        package var complaint: String?

        package init(
            id: ResourceID, name: String, vtep: IPv6Address, interface: InterfaceName, isUp: Bool, answer: Answer,
            complaint: String? = nil, heard: Duration? = nil
        ) {
            self.heard = heard
            self.complaint = complaint
            self.id = id
            self.name = name
            self.vtep = vtep
            self.interface = interface
            self.isUp = isUp
            self.answer = answer
        }
    }

    /// How far an agent has got.
    package enum Answer: Hashable, Sendable {
        case none
        /// It has acknowledged and measures.
        case measuring
        case failed(String)
        case done(PathFindings)
    }

    package struct Guest: Hashable, Sendable {
        package var id: ResourceID
        package var port: InterfaceName
        package var mac: MACAddress
        package var address: IPv6Address
        package var policies: [String]
        /// KC has assigned the address and nothing tells the guest: its administrator may not have given it.
        package var isAddressOptional: Bool

        package init(
            id: ResourceID, port: InterfaceName, mac: MACAddress, address: IPv6Address, policies: [String],
            isAddressOptional: Bool = false
        ) {
            self.isAddressOptional = isAddressOptional
            self.id = id
            self.port = port
            self.mac = mac
            self.address = address
            self.policies = policies
        }
    }

    package struct End: Hashable, Sendable {
        /// As people name it.
        package var name: String
        package var host: Host
        /// nil: the host itself.
        package var guest: Guest?

        package init(name: String, host: Host, guest: Guest? = nil) {
            self.name = name
            self.host = host
            self.guest = guest
        }
    }

    /// What `to` is a port of, when the way goes on.
    package struct Gateway: Hashable, Sendable {
        package var name: String
        package var namespace: NamespaceName
        package var target: IPv6Address?
        /// The attachment that has the target; nil outside.
        package var targetName: String?
        /// Of the first end's segment: what routers outside must know.
        package var prefix: IPv6Prefix?
        /// The target is an IPv4 address in the gateway's translation prefix: behind the translator its echoes are other ones.
        package var isTranslated: Bool

        package var isOutside: Bool { targetName == nil }

        package init(
            name: String, namespace: NamespaceName, target: IPv6Address?, targetName: String?, prefix: IPv6Prefix?,
            isTranslated: Bool = false
        ) {
            self.isTranslated = isTranslated
            self.name = name
            self.namespace = namespace
            self.target = target
            self.targetName = targetName
            self.prefix = prefix
        }
    }

    /// The managed gateway that advertises itself on the segment.
    package struct Router: Hashable, Sendable {
        package var name: String
        package var mac: MACAddress
        /// What guests shall make their addresses in.
        package var prefix: IPv6Prefix?

        package init(name: String, mac: MACAddress, prefix: IPv6Prefix?) {
            self.name = name
            self.mac = mac
            self.prefix = prefix
        }
    }

    package var from: End
    package var to: End
    /// nil where nobody is to advertise anything, or where that cannot be said just now.
    package var router: Router?
    /// Who resolves names for guests of the segment, and what was asked; nil: nobody.
    package var resolver: IPv6Address?
    /// By the server's clock; nil: clocks are not compared.
    package var asked: Timestamp?
    /// nil when the way ends at `to`.
    package var gateway: Gateway?
    package var flow: PathFlow
    /// nil between hosts.
    package var segment: Segment?
    package var underlay: Underlay.Spec
    /// MACs of all gateways of the segment: a guest may send to others through them.
    package var routers: Set<MACAddress>
    /// Since the question was put.
    package var elapsed: Duration

    package init(
        from: End, to: End, flow: PathFlow, segment: Segment?, underlay: Underlay.Spec, elapsed: Duration,
        gateway: Gateway? = nil, router: Router? = nil, resolver: IPv6Address? = nil, asked: Timestamp? = nil,
        routers: Set<MACAddress> = []
    ) {
        self.routers = routers
        self.router = router
        self.resolver = resolver
        self.asked = asked
        self.gateway = gateway
        self.from = from
        self.to = to
        self.flow = flow
        self.segment = segment
        self.underlay = underlay
        self.elapsed = elapsed
    }

    /// An agent that has not acknowledged by then is taken for dead or stuck.
    package static let acknowledgement = Duration.milliseconds(1500)
    /// How often agents renew their leases, with some slack: one that lives is heard within this.
    package static let renewal = Duration.milliseconds(3300)
    /// One that has not answered by then is taken for stuck.
    package static let patience = Duration.milliseconds(4300)

    /// Both ends are on one host.
    package var isLocal: Bool { from.host.id == to.host.id }
    package var hosts: [Host] { isLocal ? [from.host] : [from.host, to.host] }
}

extension PathWorld.Host {
    package var findings: PathFindings? { if case .done(let findings) = answer { findings } else { nil } }

    func tally(_ kind: ProbeTally.Kind) -> ProbeTally {
        findings?.tallies.first { $0.kind == kind } ?? ProbeTally(kind)
    }

    var isSilent: Bool { answer == .none }

    /// All states in which a device was seen.
    func devices(_ role: DeviceFinding.Role) -> [DeviceFinding] {
        (findings?.devices ?? []).filter { $0.role == role }.sorted {
            ($0.exists ? 1 : 0, $0.isUp ? 1 : 0, $0.name) < ($1.exists ? 1 : 0, $1.isUp ? 1 : 0, $1.name)
        }
    }
}
