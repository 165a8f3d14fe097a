import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

extension GatewayAnswers {
    /// What the gateway's DHCP servers say that they have given out, with the attachment that each is kept for.
    func leases(of id: ResourceID, _ gateway: DesiredGateway, _ snapshot: HostSnapshot) async -> ProbeResult {
        let segments = gateway.ports.keys.compactMap { snapshot.segments[$0] }
        var leases: [Lease] = []
        do throws(NodeError) {
            if segments.contains(where: { $0.dhcp != .none }) {
                leases += try await ports.daemons.leases(instance: DaemonInstance.keaDHCP6(of: id))
            }
            if segments.contains(where: { $0.ipv4 != nil }) {
                leases += try await ports.daemons.leases(instance: DaemonInstance.keaDHCP4(of: id))
            }
        } catch {
            return ProbeResult(.failed, message: "a DHCP server does not tell its leases: \(error)")
        }
        var holders: [String: ResourceID] = [:]
        for segment in gateway.ports.keys {
            for kept in (snapshot.reservations[segment] ?? [:]).values {
                for address in kept.addresses + (kept.ipv4.map { [$0.mapped] } ?? []) {
                    holders["\(address)/128"] = kept.attachment
                }
                if let prefix = kept.delegated { holders["\(prefix)"] = kept.attachment }
            }
        }
        for index in leases.indices { leases[index].attachment = holders["\(leases[index].prefix)"] }
        leases.sort { ($0.prefix.address, $0.prefix.length) < ($1.prefix.address, $1.prefix.length) }
        return ProbeResult(
            .done,
            leases: LeaseReport(leases: Array(leases.prefix(LeaseReport.maximumLeases)), total: leases.count))
    }
}
