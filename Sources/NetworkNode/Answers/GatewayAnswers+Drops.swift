import NetworkModel
import NodePorts
import Resources

extension GatewayAnswers {
    /// What the gateway's firewall has dropped since its structure was installed.
    func drops(of id: ResourceID) async -> ProbeResult {
        do throws(NodeError) {
            return ProbeResult(.done, drops: DropReport(counters: try await ports.firewalls.drops(in: .gateway(id))))
        } catch {
            return ProbeResult(.failed, message: "the firewall's counters cannot be read: \(error)")
        }
    }
}
