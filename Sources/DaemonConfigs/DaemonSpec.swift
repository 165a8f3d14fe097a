/// One daemon instance the agent keeps running: what it runs, where, with which configuration text.
package struct DaemonSpec: Hashable, Sendable {
    /// Which daemon; the supervisor knows its binary, arguments, checker and signals.
    package enum Program: String, Hashable, Sendable, CaseIterable {
        case radvd
        /// Kea's DHCPv6 server.
        case keaDHCP6 = "kea-dhcp6"
        /// Kea's DHCPv4 server.
        case keaDHCP4 = "kea-dhcp4"
        /// Knot DNS, with authority over zones.
        case knot
        /// A recursive resolver.
        case unbound
        /// Between IPv6 and IPv4.
        case tayga
        /// KC's own, for guests' connections.
        case guestProxy = "kc-proxy"
    }

    package var program: Program
    /// Unique on the host and safe as a file name: "radvd-<10 characters of the gateway id>".
    package var instance: String
    /// The namespace under /run/netns it runs in; nil for the host's own.
    package var namespace: String?
    /// The whole configuration file.
    package var configuration: String

    package init(program: Program, instance: String, namespace: String?, configuration: String) {
        self.program = program
        self.instance = instance
        self.namespace = namespace
        self.configuration = configuration
    }
}
