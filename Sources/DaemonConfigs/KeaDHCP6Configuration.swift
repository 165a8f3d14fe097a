package import Addressing

/// The configuration of Kea's DHCPv6 server (kea-dhcp6, its JSON) of one gateway: what it answers on each of its
/// segments (RFC 8415).
///
/// It has no pools: an address is given to whom it is reserved for, and to nobody else. A client is known by its MAC
/// address, taken from its link-local address where that has it (the guards see to it that nobody uses another's), and
/// otherwise from its DUID.
package struct KeaDHCP6Configuration: Hashable, Sendable {
    package struct Subnet: Hashable, Sendable {
        package var vni: VNI
        package var prefix: IPv6Prefix
        /// Option 23 (RFC 3646).
        package var resolvers: [IPv6Address]
        /// Option 24 (RFC 3646).
        package var search: [DomainName]
        package var reservations: [Reservation]

        package init(
            vni: VNI, prefix: IPv6Prefix, resolvers: [IPv6Address], search: [DomainName] = [],
            reservations: [Reservation]
        ) {
            self.search = search
            self.vni = vni
            self.prefix = prefix
            self.resolvers = resolvers
            self.reservations = reservations
        }
    }

    /// Of one client, known by its MAC address.
    package struct Reservation: Hashable, Sendable {
        package var mac: MACAddress
        package var addresses: [IPv6Address]
        package var prefix: IPv6Prefix?

        package init(mac: MACAddress, addresses: [IPv6Address], prefix: IPv6Prefix?) {
            self.mac = mac
            self.addresses = addresses
            self.prefix = prefix
        }
    }

    /// What its DUID is made of (type LL, RFC 8415 section 11.4): the same wherever the gateway runs.
    package var identity: MACAddress
    package var subnets: [Subnet]

    package init(identity: MACAddress, subnets: [Subnet]) {
        self.identity = identity
        self.subnets = subnets
    }

    /// How long guests keep what they have without a word from the server, in seconds: long, so that they outlive a
    /// server that is away.
    package static let validLifetime = 86400
    package static let preferredLifetime = 43200
    /// How often clients ask again (T1), in seconds: so soon do they hear of other resolvers.
    package static let renewTimer = 1800
    package static let rebindTimer = 34560

    /// kea-dhcp6 waits by select(2), whose sets end at 1024 descriptors (FD_SETSIZE), and opens two an interface.
    package static let maximumSubnets = 480

    /// How often what is over is taken out of the file of leases, in seconds. With each new configuration the server reads
    /// that file, 15 µs a line, and answers nobody meanwhile; a port may have 500 lines a second written (its limit on
    /// frames to groups).
    package static let cleanUp = 60

    /// Names of files in the directory that the server is run in.
    package static let controlSocket = "control"
    package static let leases = "leases.csv"

    /// The whole file; equal values give equal text.
    package var text: String {
        let subnets = subnets.sorted { $0.vni < $1.vni }
        let names = subnets.map { "\"\($0.interface)\"" }.joined(separator: ", ")
        var lines = [
            "{ \"Dhcp6\": {",
            "\"interfaces-config\": {",
            "\(Self.interfacesStart)\(names)],",
            // An interface may be down when it starts, and another program may hold the port: it goes on trying.
            "\"re-detect\": true, \"service-sockets-max-retries\": 100000000, \"service-sockets-retry-wait-time\": 500 },",
            "\"control-socket\": { \"socket-type\": \"unix\", \"socket-name\": \"\(Self.controlSocket)\" },",
            "\"lease-database\": { \"type\": \"memfile\", \"name\": \"\(Self.leases)\", \"lfc-interval\": 3600 },",
            "\"server-id\": { \"type\": \"LL\", \"htype\": 1, \"identifier\": \"\(identity.digits)\", \"persist\": false },",
            "\"mac-sources\": [\"ipv6-link-local\", \"duid\"],",
            "\"host-reservation-identifiers\": [\"hw-address\"],",
            "\"reservations-global\": false, \"reservations-in-subnet\": true, \"reservations-out-of-pool\": true,",
            "\"preferred-lifetime\": \(Self.preferredLifetime), \"valid-lifetime\": \(Self.validLifetime),",
            "\"renew-timer\": \(Self.renewTimer), \"rebind-timer\": \(Self.rebindTimer),",
            "\"hooks-libraries\": [ { \"library\": \"\(Self.leaseCommands)\" } ],",
            "\"loggers\": [ { \"name\": \"kea-dhcp6\", \"severity\": \"WARN\",",
            "\"output_options\": [ { \"output\": \"stderr\", \"pattern\": \"%p %c %m\\n\" } ] } ],",
            "\"subnet6\": [",
        ]
        for (index, subnet) in subnets.enumerated() {
            lines += subnet.lines
            lines.append(index == subnets.count - 1 ? "] }" : "] },")
        }
        return (lines + ["] } }", ""]).joined(separator: "\n")
    }

    /// The interfaces that a text made here listens on.
    package static func interfaces(of text: String) -> [String] {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(interfacesStart) }) else { return [] }
        return line.dropFirst(interfacesStart.count).split(whereSeparator: { "\", ]".contains($0) }).map(String.init)
    }

    /// What a text made here reserves for a client: addresses, then prefixes (without their lengths).
    package static func reserved(for mac: MACAddress, in text: String) -> (addresses: [String], prefixes: [String]) {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(reservationStart(mac)) }) else {
            return ([], [])
        }
        let lists = line.split(separator: "[").dropFirst().map { list in
            list.prefix { $0 != "]" }.split(whereSeparator: { "\", ".contains($0) })
        }
        guard lists.count == 2 else { return ([], []) }
        return (lists[0].map(String.init), lists[1].map { String($0.prefix { $0 != "/" }) })
    }

    /// Kea's own library of questions about leases, for both of its servers.
    static let leaseCommands = "/usr/lib/\(multiarch)/kea/hooks/libdhcp_lease_cmds.so"

    static let interfacesStart = "\"interfaces\": ["

    fileprivate static func reservationStart(_ mac: MACAddress) -> String { "{ \"hw-address\": \"\(mac)\"," }

    /// Debian's directory of libraries for the machine's architecture.
    #if arch(arm64)
        private static let multiarch = "aarch64-linux-gnu"
    #else
        private static let multiarch = "x86_64-linux-gnu"
    #endif
}

extension KeaDHCP6Configuration.Subnet {
    fileprivate var interface: InterfaceName { .gatewaySegment(vni) }

    fileprivate var lines: [String] {
        var lines = [
            "{ \"id\": \(vni), \"subnet\": \"\(prefix)\", \"interface\": \"\(interface)\", \"rapid-commit\": true,"
        ]
        let options = [
            ("dns-servers", resolvers.map(\.description)), ("domain-search", search.map(\.absolute)),
        ].filter { !$0.1.isEmpty }.map { name, values in
            "{ \"name\": \"\(name)\", \"data\": \"\(values.joined(separator: ", "))\" }"
        }
        if !options.isEmpty { lines.append("\"option-data\": [ \(options.joined(separator: ", ")) ],") }
        lines.append("\"reservations\": [")
        let kept = reservations.sorted { $0.mac.value < $1.mac.value }
        for (index, reservation) in kept.enumerated() {
            let addresses = reservation.addresses.map { "\"\($0)\"" }.joined(separator: ", ")
            let prefixes = reservation.prefix.map { "\"\($0)\"" } ?? ""
            lines.append(
                "\(KeaDHCP6Configuration.reservationStart(reservation.mac)) \"ip-addresses\": [\(addresses)], "
                    + "\"prefixes\": [\(prefixes)] }" + (index == kept.count - 1 ? "" : ","))
        }
        return lines
    }
}

extension MACAddress {
    /// Twelve hex digits.
    fileprivate var digits: String { String(description.filter { $0 != ":" }) }
}
