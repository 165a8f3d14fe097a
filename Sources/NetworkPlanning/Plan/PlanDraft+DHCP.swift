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
        if served.count > KeaDHCP6Configuration.maximumSubnets {
            refuse(
                .gateway(gateway.id), .failed,
                "has \(served.count) segments with DHCPv6, of which its server (Kea) can serve "
                    + "\(KeaDHCP6Configuration.maximumSubnets): those with the highest VNIs have none; divide them "
                    + "between two gateways")
            served = Array(served.prefix(KeaDHCP6Configuration.maximumSubnets))
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

    private func reservations(on segment: DesiredSegment) -> [KeaDHCP6Configuration.Reservation] {
        (context.desired.reservations[segment.id] ?? [:]).values.map { reservation in
            KeaDHCP6Configuration.Reservation(
                mac: reservation.mac, addresses: reservation.addresses, prefix: reservation.delegated)
        }
    }
}
