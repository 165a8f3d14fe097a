package import NetworkModel
package import Resources

/// Names of supervised daemons.
package enum DaemonInstance {
    /// `radvd-<10 characters of base32(gateway id)>`, as in the name of the gateway's namespace.
    package static func radvd(of gateway: ResourceID) -> String {
        "radvd-" + NamespaceName.gateway(gateway).text.dropFirst("kcg-".count)
    }

    /// `kea6-…`: the DHCPv6 server of all its segments.
    package static func keaDHCP6(of gateway: ResourceID) -> String {
        "kea6-" + NamespaceName.gateway(gateway).text.dropFirst("kcg-".count)
    }

    /// `kea4-…`: the DHCPv4 server of all its segments that have IPv4.
    package static func keaDHCP4(of gateway: ResourceID) -> String {
        "kea4-" + NamespaceName.gateway(gateway).text.dropFirst("kcg-".count)
    }

    /// Those that a gateway may have for as long as it is there.
    package static func all(of gateway: ResourceID) -> [String] {
        [
            radvd(of: gateway), keaDHCP6(of: gateway), keaDHCP4(of: gateway), resolver(of: gateway),
            tayga(in: .gateway(gateway)), guestProxy(of: gateway),
        ]
    }

    /// The authoritative name server of the host, of which there is one.
    package static let nameServer = "knot"

    /// `unbound-…`: the resolver of all its segments.
    package static func resolver(of gateway: ResourceID) -> String {
        "unbound-" + NamespaceName.gateway(gateway).text.dropFirst("kcg-".count)
    }

    /// `tayga-…`: the translator between IPv6 and IPv4, where the kernel's cannot be loaded.
    package static func tayga(in namespace: NamespaceName) -> String {
        "tayga-" + namespace.text.dropFirst("kcg-".count)
    }

    /// `proxy-…`: what hands guests' connections on.
    package static func guestProxy(of gateway: ResourceID) -> String {
        "proxy-" + NamespaceName.gateway(gateway).text.dropFirst("kcg-".count)
    }

    /// The one that says goodbye on the segments that a gateway loses, and ends at once.
    package static func farewell(of gateway: ResourceID) -> String { radvd(of: gateway) + "-farewell" }
}
