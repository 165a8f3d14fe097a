package import Addressing

/// radvd.conf(5) of one gateway: what it advertises on each of its segments (RFC 4861, RFC 8106).
package struct RadvdConfiguration: Hashable, Sendable {
    package struct Interface: Hashable, Sendable {
        package var name: InterfaceName
        /// The segment's /64: on-link and for SLAAC.
        package var prefix: IPv6Prefix
        package var mtu: MTU
        /// 0 while the gateway has no way out; otherwise 600 (the longest interval between advertisements) to 9000.
        package var routerLifetimeSeconds: Int
        /// RDNSS; none are advertised when empty.
        package var resolvers: [IPv6Address]

        package init(
            name: InterfaceName, prefix: IPv6Prefix, mtu: MTU, routerLifetimeSeconds: Int, resolvers: [IPv6Address]
        ) {
            self.name = name
            self.prefix = prefix
            self.mtu = mtu
            self.routerLifetimeSeconds = routerLifetimeSeconds
            self.resolvers = resolvers
        }
    }

    package var interfaces: [Interface]

    package init(interfaces: [Interface]) { self.interfaces = interfaces }

    /// The whole file.
    package var text: String { interfaces.map(\.text).joined(separator: "\n") }
}

extension RadvdConfiguration.Interface {
    fileprivate var text: String {
        var lines = [
            "interface \(name) {",
            // The device is there before radvd starts, but may be made again under a running one.
            "    IgnoreIfMissing on;",
            "    AdvSendAdvert on;",
            // The one link-local address that stays when the router moves to another host.
            "    AdvRASrcAddress { \(IPv6Address.segmentRouter); };",
            "    MinRtrAdvInterval 200;",
            "    MaxRtrAdvInterval 600;",
            "    AdvDefaultLifetime \(routerLifetimeSeconds);",
            "    AdvLinkMTU \(mtu);",
            "    prefix \(prefix) {",
            "        AdvOnLink on;",
            "        AdvAutonomous on;",
            "    };",
        ]
        if !resolvers.isEmpty {
            lines += [
                "    RDNSS \(resolvers.map(\.description).joined(separator: " ")) {",
                "    };",
            ]
        }
        return (lines + ["};", ""]).joined(separator: "\n")
    }
}
