package import Addressing
package import NetworkModel

/// One network namespace's devices as the kernel shows them, at one moment.
package struct ObservedLinks: Hashable, Sendable {
    package var links: [InterfaceName: ObservedLink]
    /// Flood entries (FDB 00:00:00:00:00:00, NTF_SELF) of VXLAN devices.
    package var floods: [InterfaceName: Set<IPv6Address>]
    /// Addresses by device, without those the kernel made by itself (link-local of EUI-64, loopback). An IPv4 address
    /// is there in its mapped form (::ffff:a.b.c.d, length + 96): it matters whether a device has one.
    package var addresses: [InterfaceName: Set<InterfaceAddress>]
    /// Whether an IPv6 default route exists (RTA_DST absent, not `unreachable`) whose device has a carrier and whose
    /// next hop, if it has one, answers Neighbor Solicitations (RFC 4861 section 7.3).
    package var hasDefaultRoute: Bool
    /// Those of KC's own in the main table.
    package var routes: Set<Route>
    /// Devices that a route of either family leaves through, without those the kernel made by itself (RTPROT_KERNEL).
    package var routed: Set<InterfaceName>
    /// net.ipv6.conf.all.forwarding.
    package var isForwarding: Bool
    /// What translates between IPv6 and IPv4 here; nil when nothing does, or not as a whole.
    package var translator: TranslatorSpec?

    package init(
        links: [InterfaceName: ObservedLink] = [:], floods: [InterfaceName: Set<IPv6Address>] = [:],
        addresses: [InterfaceName: Set<InterfaceAddress>] = [:], hasDefaultRoute: Bool = false,
        routes: Set<Route> = [], routed: Set<InterfaceName> = [], isForwarding: Bool = false,
        translator: TranslatorSpec? = nil
    ) {
        self.links = links
        self.floods = floods
        self.addresses = addresses
        self.hasDefaultRoute = hasDefaultRoute
        self.routes = routes
        self.routed = routed
        self.isForwarding = isForwarding
        self.translator = translator
    }
}

package struct InterfaceAddress: Hashable, Sendable {
    package var address: IPv6Address
    package var length: Int
    package init(_ address: IPv6Address, length: Int) {
        self.address = address
        self.length = length
    }
}

/// What the packet filter holds.
package struct ObservedFilter: Hashable, Sendable {
    /// The digest of the structure in the kernel; nil when our tables are missing or not whole.
    package var digest: String?
    /// All elements that the agent put in.
    package var content: FilterContent
    /// Whether either of our tables exists, whole or not.
    package var isPresent: Bool

    /// `isPresent` follows from a digest or elements when it is not given.
    package init(digest: String? = nil, content: FilterContent = FilterContent(), isPresent: Bool? = nil) {
        self.digest = digest
        self.content = content
        self.isPresent = isPresent ?? (digest != nil || !content.isEmpty)
    }

    /// Ports with elements: those that frames may pass, and no others.
    package var ready: Set<InterfaceName> { content.ports }
}

/// A daemon under the agent's supervision.
package struct ObservedDaemon: Hashable, Sendable {
    package var isRunning: Bool
    /// The configuration it was last started or reloaded with.
    package var configuration: String
    /// How often it ended unasked since the agent started.
    package var restarts: Int
    /// What keeps a running one from serving all that it shall, or one from running, in its own words; nil when nothing does, or
    /// it said nothing.
    package var problem: String?

    package init(isRunning: Bool, configuration: String, restarts: Int = 0, problem: String? = nil) {
        self.problem = problem
        self.isRunning = isRunning
        self.configuration = configuration
        self.restarts = restarts
    }
}

/// Everything on a host that the planner looks at.
package struct ObservedHost: Hashable, Sendable {
    package var links: ObservedLinks
    package var filter: ObservedFilter
    /// All names under /run/netns.
    package var namespaces: Set<NamespaceName>
    /// The devices inside gateway namespaces (`kcg-…`) and inside those that attachments name.
    package var inside: [NamespaceName: ObservedLinks]
    /// By instance.
    package var daemons: [String: ObservedDaemon]
    /// What the filters inside gateway namespaces hold.
    package var firewalls: [NamespaceName: ObservedFirewall]
    /// The routes to segments that this host tells others of.
    package var exports: Set<Route>

    package init(
        links: ObservedLinks = ObservedLinks(), filter: ObservedFilter = ObservedFilter(),
        namespaces: Set<NamespaceName> = [], inside: [NamespaceName: ObservedLinks] = [:],
        daemons: [String: ObservedDaemon] = [:], firewalls: [NamespaceName: ObservedFirewall] = [:],
        exports: Set<Route> = []
    ) {
        self.firewalls = firewalls
        self.exports = exports
        self.links = links
        self.filter = filter
        self.namespaces = namespaces
        self.inside = inside
        self.daemons = daemons
    }
}
