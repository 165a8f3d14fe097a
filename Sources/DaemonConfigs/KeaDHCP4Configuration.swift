package import Addressing

/// The configuration of Kea's DHCPv4 server (kea-dhcp4, its JSON) of one gateway: what it answers on each of its segments
/// that have IPv4 (RFC 2131).
///
/// As with ``KeaDHCP6Configuration`` it has no pools: an address is given to whom it is reserved for, and to nobody else.
/// A client is known by its MAC address alone, so that a guest that is installed anew keeps its lease. No router is told
/// (option 3): nothing of a segment's IPv4 is routed.
package struct KeaDHCP4Configuration: Hashable, Sendable {
    package struct Subnet: Hashable, Sendable {
        package var vni: VNI
        package var prefix: IPv4Prefix
        /// Option 26 (RFC 2132).
        package var mtu: MTU
        /// Option 15 (RFC 2132).
        package var domain: DomainName?
        /// Who leads to 169.254.169.254 (option 121, RFC 3442); nil for nobody.
        package var services: IPv4Address?
        package var reservations: [Reservation]

        package init(
            vni: VNI, prefix: IPv4Prefix, mtu: MTU, domain: DomainName? = nil, services: IPv4Address? = nil,
            reservations: [Reservation]
        ) {
            self.services = services
            self.vni = vni
            self.prefix = prefix
            self.mtu = mtu
            self.domain = domain
            self.reservations = reservations
        }
    }

    package struct Reservation: Hashable, Sendable {
        package var mac: MACAddress
        package var address: IPv4Address

        package init(mac: MACAddress, address: IPv4Address) {
            self.mac = mac
            self.address = address
        }
    }

    package var subnets: [Subnet]

    package init(subnets: [Subnet]) { self.subnets = subnets }

    /// T1 and T2, in seconds; addresses live as long as DHCPv6's (``KeaDHCP6Configuration/validLifetime``).
    package static let renewTimer = 1800
    package static let rebindTimer = 75600

    /// As of ``KeaDHCP6Configuration/maximumSubnets``.
    package static let maximumSubnets = KeaDHCP6Configuration.maximumSubnets

    /// The whole file; equal values give equal text.
    package var text: String {
        let subnets = subnets.sorted { $0.vni < $1.vni }
        let names = subnets.map { "\"\($0.interface)\"" }.joined(separator: ", ")
        var lines = [
            "{ \"Dhcp4\": {",
            "\"interfaces-config\": {",
            "\(KeaDHCP6Configuration.interfacesStart)\(names)],",
            // Clients that have no address yet are answered by frames, which no socket of UDP can send.
            "\"dhcp-socket-type\": \"raw\", \"re-detect\": true,",
            "\"service-sockets-max-retries\": 100000000, \"service-sockets-retry-wait-time\": 500 },",
            "\"control-socket\": { \"socket-type\": \"unix\", \"socket-name\": \"\(KeaDHCP6Configuration.controlSocket)\" },",
            "\"lease-database\": { \"type\": \"memfile\", \"name\": \"\(KeaDHCP6Configuration.leases)\", \"lfc-interval\": 3600 },",
            "\"authoritative\": true, \"match-client-id\": false,",
            "\"host-reservation-identifiers\": [\"hw-address\"],",
            "\"reservations-global\": false, \"reservations-in-subnet\": true, \"reservations-out-of-pool\": true,",
            "\"valid-lifetime\": \(KeaDHCP6Configuration.validLifetime),",
            "\"renew-timer\": \(Self.renewTimer), \"rebind-timer\": \(Self.rebindTimer),",
            "\"hooks-libraries\": [ { \"library\": \"\(KeaDHCP6Configuration.leaseCommands)\" } ],",
            "\"loggers\": [ { \"name\": \"kea-dhcp4\", \"severity\": \"WARN\",",
            "\"output_options\": [ { \"output\": \"stderr\", \"pattern\": \"%p %c %m\\n\" } ] } ],",
            "\"subnet4\": [",
        ]
        for (index, subnet) in subnets.enumerated() {
            lines += subnet.lines
            lines.append(index == subnets.count - 1 ? "] }" : "] },")
        }
        return (lines + ["] } }", ""]).joined(separator: "\n")
    }
}

extension KeaDHCP4Configuration.Subnet {
    fileprivate var interface: InterfaceName { .gatewaySegment(vni) }

    fileprivate var lines: [String] {
        var options = ["{ \"name\": \"interface-mtu\", \"data\": \"\(mtu.bytes)\" }"]
        if let domain { options.append("{ \"name\": \"domain-name\", \"data\": \"\(domain)\" }") }
        if let services {
            // Kea has no name for it yet: the prefix's length, the prefix, the router.
            let bytes = "20\(Self.digits(.guestServices))\(Self.digits(services))"
            options.append("{ \"code\": 121, \"space\": \"dhcp4\", \"csv-format\": false, \"data\": \"\(bytes)\" }")
        }
        let kept = reservations.sorted { $0.mac.value < $1.mac.value }
        return [
            "{ \"id\": \(vni), \"subnet\": \"\(prefix)\", \"interface\": \"\(interface)\",",
            "\"option-data\": [ \(options.joined(separator: ", ")) ],", "\"reservations\": [",
        ]
            + kept.enumerated().map { index, reservation in
                "{ \"hw-address\": \"\(reservation.mac)\", \"ip-address\": \"\(reservation.address)\" }"
                    + (index == kept.count - 1 ? "" : ",")
            }
    }

    /// Eight hex digits.
    private static func digits(_ address: IPv4Address) -> String {
        let text = String(address.value, radix: 16)
        return String(repeating: "0", count: 8 - text.count) + text
    }
}
