package import Addressing
package import DaemonConfigs
package import NFTables
package import NetworkModel
package import Resources

/// One effect on a host. Every operation is idempotent: applied to a host that already is so, it succeeds.
package enum Operation: Hashable, Sendable {
    /// In the host's own namespace (nil) or in the named one.
    case link(LinkOperation, in: NamespaceName? = nil)
    case filter(FilterOperation)
    case createNamespace(NamespaceName)
    /// Deletes a gateway namespace with all that is in it.
    case deleteNamespace(NamespaceName)
    case setForwarding(Bool, in: NamespaceName)
    case firewall(FirewallOperation, in: NamespaceName)
    /// Tells others that a segment's prefix is reached by this host.
    case export(Route)
    /// No more.
    case withdraw(Route)
    case ensureDaemon(DaemonSpec)
    /// `withdraw`: a last message tells guests that the service ends (radvd: router lifetime 0); otherwise the daemon
    /// ends without a word, so that guests stay connected until its successor speaks.
    case stopDaemon(instance: String, withdraw: Bool)
    /// Makes the translator between IPv6 and IPv4 of a gateway's namespace what is given, with its device and routes.
    case ensureTranslator(TranslatorSpec, in: NamespaceName)
    case removeTranslator(in: NamespaceName)
}

package enum LinkOperation: Hashable, Sendable {
    /// Makes a device with all its settings, in one message where the kernel takes one.
    case create(NewLink)
    case change(InterfaceName, LinkChange)
    case delete(InterfaceName)
    case addFlood(InterfaceName, IPv6Address)
    case removeFlood(InterfaceName, IPv6Address)
    case addAddress(InterfaceName, InterfaceAddress)
    case removeAddress(InterfaceName, InterfaceAddress)
    case addRoute(Route)
    case removeRoute(Route)
    /// Moves a device, down, with its alias, into another namespace (nil: the agent's own) under another name.
    case move(InterfaceName, to: NamespaceName?, as: InterfaceName)
}

/// A device to be made.
package struct NewLink: Hashable, Sendable {
    package var name: InterfaceName
    package var kind: LinkKind
    package var settings: LinkSettings
    /// The other end of a veth; nil for other kinds.
    package var peer: NewPeer?

    package init(name: InterfaceName, kind: LinkKind, settings: LinkSettings, peer: NewPeer? = nil) {
        self.name = name
        self.kind = kind
        self.settings = settings
        self.peer = peer
    }
}

/// The other end of a veth, born in the namespace it belongs to.
package struct NewPeer: Hashable, Sendable {
    package var namespace: NamespaceName
    package var name: InterfaceName
    package var settings: LinkSettings
    /// Whether the kernel gives it a link-local address made of its MAC (RFC 4291 section 2.5.6). A router that has
    /// another one needs none: daemons that listen on each link-local address would hear every multicast twice.
    package var makesLinkLocal: Bool

    package init(
        namespace: NamespaceName, name: InterfaceName, settings: LinkSettings, makesLinkLocal: Bool = true
    ) {
        self.makesLinkLocal = makesLinkLocal
        self.namespace = namespace
        self.name = name
        self.settings = settings
    }
}

/// New values for some settings of a living device; nil leaves one as it is.
package struct LinkChange: Hashable, Sendable {
    package enum Master: Hashable, Sendable {
        case none
        case bridge(InterfaceName)
    }
    /// Empty takes the alias away.
    package var alias: String?
    package var mtu: Int?
    package var mac: MACAddress?
    package var master: Master?
    package var isUp: Bool?
    package var ipv6Disabled: Bool?
    package var multicastSnooping: Bool?
    package var netfilterCalls: Bool?
    package var linkLocalLearning: Bool?
    package var learning: Bool?
    /// Its group; without it, that of devices that KC made, or none on an operator's.
    package var takesMembers: Bool?
    /// Of a VXLAN device.
    package var hopLimit: UInt8?
    /// What is to be taken away of what keeps a bridge from passing everything on at this port of it.
    package var clears: Set<DeviceFinding.Obstacle> = []
    /// Entries to be taken away.
    package var strays: Set<StrayEntry> = []

    package init(
        alias: String? = nil, mtu: Int? = nil, mac: MACAddress? = nil, master: Master? = nil, isUp: Bool? = nil,
        ipv6Disabled: Bool? = nil, multicastSnooping: Bool? = nil, netfilterCalls: Bool? = nil,
        linkLocalLearning: Bool? = nil, learning: Bool? = nil, takesMembers: Bool? = nil,
        hopLimit: UInt8? = nil
    ) {
        self.takesMembers = takesMembers
        self.linkLocalLearning = linkLocalLearning
        self.hopLimit = hopLimit
        self.alias = alias
        self.mtu = mtu
        self.mac = mac
        self.master = master
        self.isUp = isUp
        self.ipv6Disabled = ipv6Disabled
        self.multicastSnooping = multicastSnooping
        self.netfilterCalls = netfilterCalls
        self.learning = learning
    }
}

package enum FilterOperation: Hashable, Sendable {
    /// Puts our two tables in place of whatever they are, in one transaction, with these elements already in them.
    case install(Ruleset, FilterContent)
    /// Takes everything of the port away: nothing passes it any more.
    case close(InterfaceName, [GuardElement])
    /// Takes elements of one owner away, then puts others in. Of a port that had none: opens it.
    case change(GuardOwner, remove: [GuardElement], add: [GuardElement])
    /// Takes both tables away.
    case uninstall
}

/// On the filter inside a gateway's namespace.
package enum FirewallOperation: Hashable, Sendable {
    /// Puts the table in place of whatever it is, in one transaction, with these known addresses in it. Connections go on.
    case install(Ruleset, known: Set<IPv6Address>)
    case change(remove: Set<IPv6Address>, add: Set<IPv6Address>)
}

/// Which resource an operation serves: a failure is reported there.
package enum Subject: Hashable, Sendable {
    case host
    case segment(ResourceID)
    case attachment(ResourceID)
    case gateway(ResourceID)
    /// Something ours that no resource wants any more.
    case orphan
}

package struct Step: Hashable, Sendable {
    package var operation: Operation
    package var subject: Subject
    package init(_ operation: Operation, for subject: Subject) {
        self.operation = operation
        self.subject = subject
    }
}

/// The ordered effects that take a host from what was observed to what is desired; empty when nothing is missing.
package struct HostPlan: Hashable, Sendable {
    package var steps: [Step]
    /// What cannot be had and why (an unfit MTU, a foreign device in the way): said to people, nothing is done.
    package var refusals: [Refusal]

    package init(steps: [Step] = [], refusals: [Refusal] = []) {
        self.steps = steps
        self.refusals = refusals
    }

    package var isEmpty: Bool { steps.isEmpty }
}

package struct Refusal: Hashable, Sendable {
    package var subject: Subject
    /// `unfit`, `failed`, or `pending` for what only has to wait.
    package var phase: Report.Phase
    package var message: String

    package init(_ subject: Subject, _ phase: Report.Phase, _ message: String) {
        self.subject = subject
        self.phase = phase
        self.message = message
    }
}
