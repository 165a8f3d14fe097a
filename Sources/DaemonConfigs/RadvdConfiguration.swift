package import Addressing

/// radvd.conf(5) of one gateway: what it advertises on each of its segments (RFC 4861 section 6.2.1, RFC 8106).
///
/// Only typed values reach the text. Segments that are not configured automatically have no place in it: radvd is
/// silent on an interface it is not told of.
package struct RadvdConfiguration: Hashable, Sendable {
    package struct Interface: Hashable, Sendable {
        package var name: InterfaceName
        /// The segment's /64: on-link and for SLAAC.
        package var prefix: IPv6Prefix
        package var mtu: MTU
        /// 0 while the gateway has no way out; otherwise `maximumInterval` to 9000 (radvd.conf(5)). 1800, the default
        /// of RFC 4861 for its default interval, lets a router be restarted, replaced or moved without guests losing
        /// their route.
        package var routerLifetimeSeconds: Int
        /// What this router leads to although it is no default router (RFC 4191 section 2.3), in order.
        package var routes: [IPv6Prefix]
        /// RDNSS; none are advertised when empty.
        package var resolvers: [IPv6Address]
        /// DNSSL (RFC 8106 section 5.2): where names of one label are looked for.
        package var search: [DomainName]
        /// M: addresses come from DHCPv6, and guests make none of the prefix (A is off then).
        package var isManaged: Bool
        /// O: resolvers and search domains come from DHCPv6 too.
        package var hasOther: Bool

        package init(
            name: InterfaceName, prefix: IPv6Prefix, mtu: MTU, routerLifetimeSeconds: Int, routes: [IPv6Prefix] = [],
            resolvers: [IPv6Address], search: [DomainName] = [], isManaged: Bool = false, hasOther: Bool = false
        ) {
            self.routes = routes
            self.search = search
            self.isManaged = isManaged
            self.hasOther = hasOther
            self.name = name
            self.prefix = prefix
            self.mtu = mtu
            self.routerLifetimeSeconds = routerLifetimeSeconds
            self.resolvers = resolvers
        }
    }

    /// At least one: radvd refuses an empty configuration.
    package var interfaces: [Interface]

    package init(interfaces: [Interface]) { self.interfaces = interfaces }

    /// Of unsolicited advertisements, in seconds (RFC 4861 section 6.2.1: 3 or more, and 4 to 1800). Far below its
    /// defaults of 200 and 600: a guest whose three solicitations were lost, because its port was not yet ready while
    /// it booted, waits 20 seconds on average and not seven minutes. The price is one small multicast frame on the
    /// segment in that time.
    package static let minimumInterval = 10
    package static let maximumInterval = 30

    /// The most routes that a router should tell of on a link (RFC 4191 section 4).
    package static let maximumRoutes = 17

    /// How long guests keep a route they hear nothing more of, in seconds.
    static let routeLifetime = 1800

    /// How long guests keep a resolver they hear nothing more of, in seconds: as long as their default route, also
    /// while the gateway has no way out, since a resolver may be on the segment itself.
    package static let resolverLifetime = 1800

    /// For a process of its own that is started and stopped: it tells the guests of these interfaces, which the gateway
    /// leaves, that it is no router any more (router lifetime 0, RFC 4861 section 6.2.5). Their prefix stays the
    /// segment's, so nothing is said of it.
    package static func farewell(on interfaces: [InterfaceName]) -> String {
        interfaces.map { name in
            [
                header(of: name), "    IgnoreIfMissing on;", "    AdvSendAdvert on;",
                "    AdvRASrcAddress { \(IPv6Address.segmentRouter); };", "    AdvDefaultLifetime 0;", "};", "",
            ].joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// Whether a text made here advertises on the interface.
    package static func advertises(_ text: String, on interface: InterfaceName) -> Bool {
        text.split(separator: "\n").contains { $0 == header(of: interface) }
    }

    fileprivate static func header(of interface: InterfaceName) -> String { "interface \(interface) {" }

    /// The whole file; equal values give equal text.
    package var text: String { interfaces.map(\.text).joined(separator: "\n") }
}

extension RadvdConfiguration.Interface {
    fileprivate var text: String {
        var lines = [
            RadvdConfiguration.header(of: name),
            // The device is there before radvd starts, but may be made again under a running one.
            "    IgnoreIfMissing on;",
            "    AdvSendAdvert on;",
            // The one link-local address that stays when the router moves to another host.
            "    AdvRASrcAddress { \(IPv6Address.segmentRouter); };",
            "    MinRtrAdvInterval \(RadvdConfiguration.minimumInterval);",
            "    MaxRtrAdvInterval \(RadvdConfiguration.maximumInterval);",
            "    AdvDefaultLifetime \(routerLifetimeSeconds);",
            "    AdvLinkMTU \(mtu);",
        ]
        if isManaged { lines.append("    AdvManagedFlag on;") }
        if hasOther { lines.append("    AdvOtherConfigFlag on;") }
        lines += [
            "    prefix \(prefix) {",
            "        AdvOnLink on;",
            "        AdvAutonomous \(isManaged ? "off" : "on");",
            "    };",
        ]
        for route in routes {
            lines += [
                "    route \(route) {", "        AdvRouteLifetime \(RadvdConfiguration.routeLifetime);", "    };",
            ]
        }
        // The grammar takes three addresses a block; several blocks are several options (RFC 8106 section 5.1).
        for start in stride(from: 0, to: resolvers.count, by: 3) {
            let some = resolvers[start..<min(start + 3, resolvers.count)].map(\.description).joined(separator: " ")
            lines += [
                "    RDNSS \(some) {",
                "        AdvRDNSSLifetime \(RadvdConfiguration.resolverLifetime);",
                "    };",
            ]
        }
        if !search.isEmpty {
            lines += [
                "    DNSSL \(search.map(\.description).joined(separator: " ")) {",
                "        AdvDNSSLLifetime \(RadvdConfiguration.resolverLifetime);",
                "    };",
            ]
        }
        return (lines + ["};", ""]).joined(separator: "\n")
    }
}
