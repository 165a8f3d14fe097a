import Addressing
import DaemonConfigs
import NetworkModel
import Resources

extension PlanDraft {
    /// Kea, when any segment has DHCPv6: one server for all of them.
    mutating func planDHCP(of gateway: DesiredGateway, on segments: [DesiredSegment]) {
        let instance = DaemonInstance.keaDHCP6(of: gateway.id)
        var served = segments.filter { $0.dhcp != .none }.sorted { $0.vni < $1.vni }
        guard !served.isEmpty else { return stop(daemon: instance, for: .gateway(gateway.id)) }
        // It listens at each link-local address, and with services there are two.
        let limit = KeaDHCP6Configuration.maximumSubnets / (gateway.services.isEmpty ? 1 : 2)
        if served.count > limit {
            refuse(
                .gateway(gateway.id), .failed,
                "has \(served.count) segments with DHCPv6, of which its server (Kea) can serve "
                    + "\(limit): those with the highest VNIs have none; divide them "
                    + "between two gateways")
            served = Array(served.prefix(limit))
        }
        let subnets = served.compactMap { segment in
            segment.prefix.map { prefix in
                KeaDHCP6Configuration.Subnet(
                    vni: segment.vni, prefix: prefix, resolvers: context.resolvers(of: gateway, on: segment),
                    search: context.search(of: gateway, on: segment),
                    reservations: reservations(on: segment))
            }
        }
        let configuration = KeaDHCP6Configuration(identity: RouterMAC.derive(segment: gateway.id), subnets: subnets)
            .text
        guard context.observed.daemons[instance]?.configuration != configuration else { return }
        add(
            .ensureDaemon(
                DaemonSpec(
                    program: .keaDHCP6, instance: instance, namespace: NamespaceName.gateway(gateway.id).text,
                    configuration: configuration)),
            for: .gateway(gateway.id), in: .gateways)
    }

    /// Kea for IPv4, when any segment has that.
    mutating func planDHCPv4(of gateway: DesiredGateway, on segments: [DesiredSegment]) {
        let instance = DaemonInstance.keaDHCP4(of: gateway.id)
        var served = segments.filter { $0.ipv4 != nil }.sorted { $0.vni < $1.vni }
        guard !served.isEmpty else { return stop(daemon: instance, for: .gateway(gateway.id)) }
        if served.count > KeaDHCP4Configuration.maximumSubnets {
            refuse(
                .gateway(gateway.id), .failed,
                "has \(served.count) segments with IPv4, of which its server (Kea) can serve "
                    + "\(KeaDHCP4Configuration.maximumSubnets): those with the highest VNIs have none; divide them "
                    + "between two gateways")
            served = Array(served.prefix(KeaDHCP4Configuration.maximumSubnets))
        }
        let configuration = KeaDHCP4Configuration(
            subnets: served.compactMap { segment in
                segment.ipv4.map { ipv4 in
                    KeaDHCP4Configuration.Subnet(
                        vni: segment.vni, prefix: ipv4.prefix, mtu: segment.mtu,
                        domain: context.search(of: gateway, on: segment).first,
                        services: gateway.services.isEmpty ? nil : ipv4.router,
                        reservations: (context.desired.reservations[segment.id] ?? [:]).values.compactMap { kept in
                            kept.ipv4.map { KeaDHCP4Configuration.Reservation(mac: kept.mac, address: $0) }
                        })
                }
            }
        ).text
        guard context.observed.daemons[instance]?.configuration != configuration else { return }
        add(
            .ensureDaemon(
                DaemonSpec(
                    program: .keaDHCP4, instance: instance, namespace: NamespaceName.gateway(gateway.id).text,
                    configuration: configuration)),
            for: .gateway(gateway.id), in: .gateways)
    }

    private func reservations(on segment: DesiredSegment) -> [KeaDHCP6Configuration.Reservation] {
        (context.desired.reservations[segment.id] ?? [:]).values.compactMap { reservation in
            // What has IPv4 alone is not this server's.
            guard !reservation.addresses.isEmpty || reservation.delegated != nil else { return nil }
            return KeaDHCP6Configuration.Reservation(
                mac: reservation.mac, addresses: reservation.addresses, prefix: reservation.delegated)
        }
    }
}
