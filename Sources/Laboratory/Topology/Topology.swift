package import Addressing
package import NetworkModel
package import Resources

/// A laboratory as an engineer writes it in `topology.yaml` (docs/topology.md): machines, and the underlay between them.
///
/// It says nothing of segments and attachments: those are resources in `desired/`.
package struct Topology: Hashable, Sendable {
    package var name: Name
    /// One sentence for people; may be empty.
    package var description: String
    package var links: [UnderlayLink]
    package var routers: [UnderlayRouter]
    package var hosts: [LabHost]
    /// Machines of the IPv4 world.
    package var outside: [OutsideMachine]
    package var api: APIPlace
    /// nil: one server of the API with a store of its own.
    package var cluster: ControlCluster?

    package init(
        name: Name, description: String, links: [UnderlayLink], routers: [UnderlayRouter], hosts: [LabHost],
        outside: [OutsideMachine] = [], api: APIPlace, cluster: ControlCluster? = nil
    ) {
        self.cluster = cluster
        self.name = name
        self.description = description
        self.links = links
        self.routers = routers
        self.hosts = hosts
        self.outside = outside
        self.api = api
    }

    /// The name of the machine that runs the API.
    package static let apiMachine = "api"
}

/// One layer-2 switch of the underlay with its subnet.
package struct UnderlayLink: Hashable, Sendable {
    package var name: Name
    package var prefix: IPv6Prefix
    /// Of the switch and of every interface on it that says nothing else.
    package var mtu: MTU
    /// false: the switch drops multicast beyond the link-local scope, as rented networks do. Neighbour discovery works.
    package var multicast: Bool
}

/// A machine that forwards between links, unicast and (with `multicast`) the groups of VXLAN.
package struct UnderlayRouter: Hashable, Sendable {
    package struct Leg: Hashable, Sendable {
        package var link: Name
        package var interface: InterfaceName
        package var address: IPv6Address
    }
    package var name: Name
    package var legs: [Leg]
    package var multicast: Bool
    /// To what is not of the underlay: the prefixes of segments.
    package var routes: [UnderlayRoute]
    /// To what is reached by IPv4: pools that gateways translate.
    package var ipv4Routes: [IPv4Route]
}

/// A machine with the node agent.
package struct LabHost: Hashable, Sendable {
    package var name: Name
    package var link: Name
    package var interface: InterfaceName
    /// Its VTEP.
    package var address: IPv6Address
    /// Of its underlay interface; nil = the link's. A smaller one makes a host that is unfit.
    package var mtu: MTU?
    package var roles: [HostRole]
    /// Namespaces inside the host that stand for virtual machines; attachments name them as their port.
    package var guests: [NamespaceName]
    /// Whether it routes for others, as a host with routed uplinks must.
    package var forwarding: Bool
    /// Its way to whatever is not of the underlay.
    package var defaultRoute: IPv6Address?
    /// Interfaces beside the underlay's, each with a cable to an interface of a router.
    package var cables: [LabCable]
}

/// A direct link between a host and a router, for an uplink: without addresses at the host's end.
package struct LabCable: Hashable, Sendable {
    package var interface: InterfaceName
    package var router: Name
    package var routerInterface: InterfaceName
    /// Of the router's end.
    package var address: OnLinkAddress
    /// Of the router's end too; nil for a cable without IPv4.
    package var ipv4: OnLinkIPv4Address?
}

/// Where the API runs: a machine of its own on the underlay.
package struct APIPlace: Hashable, Sendable {
    package var link: Name
    package var interface: InterfaceName
    package var address: IPv6Address
    package var port: UInt16
}
