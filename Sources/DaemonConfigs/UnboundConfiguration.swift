package import Addressing

/// unbound.conf(5) of one gateway: a recursive resolver that answers the guests of its segments and nobody else.
///
/// Only typed values reach the text.
package struct UnboundConfiguration: Hashable, Sendable {
    /// Who may ask: the prefixes of the segments.
    package var clients: [IPv6Prefix]
    /// Zones it asks their own servers for; whether they are signed is not asked, since nothing above them need know
    /// of them.
    package var zones: [DomainName]
    /// The servers of `zones`; without one those names do not resolve.
    package var servers: [IPv6Address]
    /// Where it asks for everything else; empty: from the root.
    package var forwarders: [IPv6Address]
    /// Makes AAAA records of A records behind this /96 (RFC 6147); nil: it does not.
    package var dns64: IPv6Prefix?
    /// What guests of one segment alone are answered.
    package var views: [View]

    /// Names that mean something else to each segment.
    package struct View: Hashable, Sendable {
        /// Names it.
        package var segment: InterfaceName
        /// Who sees it; one of `UnboundConfiguration.clients`.
        package var clients: IPv6Prefix
        package var names: [DomainName]
        /// Of all of them; IPv4 in its mapped form.
        package var addresses: [IPv6Address]

        package init(segment: InterfaceName, clients: IPv6Prefix, names: [DomainName], addresses: [IPv6Address]) {
            self.segment = segment
            self.clients = clients
            self.names = names
            self.addresses = addresses
        }
    }

    package init(
        clients: [IPv6Prefix], zones: [DomainName] = [], servers: [IPv6Address] = [],
        forwarders: [IPv6Address] = [], dns64: IPv6Prefix? = nil, views: [View] = []
    ) {
        self.clients = clients
        self.zones = zones
        self.servers = servers
        self.forwarders = forwarders
        self.dns64 = dns64
        self.views = views
    }

    /// The whole file; equal values give equal text.
    package var text: String {
        var lines = ["server:", "    do-daemonize: no", "    use-syslog: no", "    logfile: \"\"", "    verbosity: 0"]
        lines += ["    username: \"\"", "    chroot: \"\"", "    directory: \"\"", "    pidfile: \"pid\""]
        // One thread and small caches: a host carries hundreds of gateways.
        lines += ["    num-threads: 1", "    msg-cache-size: 1m", "    rrset-cache-size: 2m", "    key-cache-size: 1m"]
        lines += ["    neg-cache-size: 256k", "    outgoing-range: 512", "    num-queries-per-thread: 256"]
        lines += ["    do-ip4: no", "    ip-freebind: yes", "    hide-identity: yes", "    hide-version: yes"]
        lines += ["    trust-anchor-signaling: no", "    root-key-sentinel: no"]
        // Wherever it is asked, it answers from there: its segments come and go without a word to it.
        lines += ["    interface: ::0", "    interface-automatic: yes"]
        lines += ["    access-control: ::/0 refuse", "    access-control: 0.0.0.0/0 refuse"]
        for prefix in clients { lines.append("    access-control: \(prefix) allow") }
        for view in views { lines.append("    access-control-view: \(view.clients) \"\(view.segment)\"") }
        lines.append("    module-config: \"\(dns64 == nil ? "iterator" : "dns64 iterator")\"")
        if let dns64 {
            lines.append("    dns64-prefix: \(dns64)")
            // What stands for an IPv4 address already is no IPv6 address: it is taken out of answers, and then one is
            // made of the A record (RFC 6147 section 5.1.4).
            lines.append("    private-address: ::ffff:0:0/96")
        }
        for zone in zones {
            // Or unbound's own empty zones would answer: those of private addresses, `home.arpa`, `test` (RFC 6303, 6761).
            lines.append("    local-zone: \"\(zone.absolute)\" transparent")
        }
        lines += views.flatMap(\.lines)
        lines += ["remote-control:", "    control-enable: no"]
        for zone in zones where !servers.isEmpty {
            lines += ["stub-zone:", "    name: \"\(zone.absolute)\"", "    stub-no-cache: yes"]
            for server in servers { lines.append("    stub-addr: \(server)") }
        }
        if !forwarders.isEmpty {
            lines += ["forward-zone:", "    name: \".\""]
            for forwarder in forwarders { lines.append("    forward-addr: \(forwarder)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension UnboundConfiguration.View {
    /// What it does not name is answered as everybody is.
    fileprivate var lines: [String] {
        ["view:", "    name: \"\(segment)\"", "    view-first: yes"]
            + names.flatMap { name in
                ["    local-zone: \"\(name.absolute)\" static"]
                    + addresses.map { address in
                        let record = address.ipv4.map { "A \($0)" } ?? "AAAA \(address)"
                        return "    local-data: \"\(name.absolute) 60 IN \(record)\""
                    }
            }
    }
}
