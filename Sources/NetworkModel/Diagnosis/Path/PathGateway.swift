package import Addressing
package import Resources

/// The gateway that a way leads through: the far end of the way is then its port on the first end's segment.
package struct PathGateway: Hashable, Sendable {
    package var id: ResourceID
    /// What the first end sends echoes to through it; nil: nothing beyond the gateway is asked.
    package var target: IPv6Address?
    /// The segment that the target is on; nil outside.
    package var next: ResourceID?

    package init(id: ResourceID, target: IPv6Address?, next: ResourceID?) {
        self.id = id
        self.target = target
        self.next = next
    }
}

/// What the agent of its host found of a gateway.
package struct GatewayFinding: Hashable, Sendable {
    /// One interface of its namespace, and the echoes of the probe that were seen there.
    package struct Hop: Hashable, Sendable {
        package var device: InterfaceName
        package var exists: Bool
        /// Up, and with a carrier.
        package var isRunning: Bool
        /// Echo requests that came in by it and that left by it.
        package var requestsIn = 0
        package var requestsOut = 0
        /// Answers that came in by it and that left by it.
        package var answersIn = 0
        package var answersOut = 0

        package init(_ device: InterfaceName, exists: Bool = false, isRunning: Bool = false) {
            self.device = device
            self.exists = exists
            self.isRunning = isRunning
        }
    }

    /// One that it shall have and that did not run, or not all the time.
    package struct Daemon: Hashable, Sendable {
        /// "radvd".
        package var name: String
        /// In its own words, or those of who started it.
        package var problem: String

        package init(name: String, problem: String) {
            self.name = name
            self.problem = problem
        }
    }

    /// Its namespace is there; nothing below says anything when it is not.
    package var exists: Bool
    /// net.ipv6.conf.all.forwarding inside.
    package var isForwarding: Bool
    /// fe80::1 is on its interface in the segment.
    package var hasRouterAddress: Bool
    /// A default route whose next hop answers.
    package var hasWayOut: Bool
    /// The way in: its interface in the first end's segment.
    package var inner: Hop
    /// The way on: its interface in the target's segment, or its uplink; nil when it has none.
    package var outer: Hop?
    /// Those that do not run as they shall.
    package var daemons: [Daemon]
    /// What its firewall dropped meanwhile, by reason.
    package var drops: [String: Int]
    /// What its translator lacks for the first end: "translator", or the IPv4 address of a mapping; nil: nothing.
    package var lacks: String?

    /// Of `lacks`, in bytes.
    static let maximumLack = 64

    package init(
        exists: Bool, isForwarding: Bool = false, hasRouterAddress: Bool = false, hasWayOut: Bool = false, inner: Hop,
        outer: Hop? = nil, daemons: [Daemon] = [], drops: [String: Int] = [:], lacks: String? = nil
    ) {
        self.lacks = lacks
        self.exists = exists
        self.isForwarding = isForwarding
        self.hasRouterAddress = hasRouterAddress
        self.hasWayOut = hasWayOut
        self.inner = inner
        self.outer = outer
        self.daemons = daemons
        self.drops = drops
    }
}
