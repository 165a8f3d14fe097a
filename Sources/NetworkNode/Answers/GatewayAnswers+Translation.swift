import Addressing
import NetworkModel
import NetworkPlanning
import NodePorts
import Resources

extension GatewayAnswers {
    /// What the gateway's translator has counted.
    func translation(of id: ResourceID, _ gateway: DesiredGateway) async -> ProbeResult {
        guard gateway.nat64 != nil else {
            return ProbeResult(.done, translation: TranslationReport(translator: "none"))
        }
        do throws(NodeError) {
            guard let statistics = try await ports.translators.statistics(in: .gateway(id)) else {
                return ProbeResult(.done, translation: TranslationReport(translator: "none"))
            }
            return ProbeResult(.done, translation: TranslationReport(statistics))
        } catch {
            return ProbeResult(.failed, message: "the translator's counters cannot be read: \(error)")
        }
    }
}

extension TranslationReport {
    init(_ statistics: TranslatorStatistics) {
        let mappings = statistics.traffic.sorted { $0.key < $1.key }.prefix(Self.maximumMappings).map { ipv4, traffic in
            Mapping(
                ipv4: ipv4, sentPackets: traffic.sentPackets, sentBytes: traffic.sentBytes,
                receivedPackets: traffic.receivedPackets, receivedBytes: traffic.receivedBytes)
        }
        self.init(
            translator: statistics.translator.rawValue,
            counters: [String: UInt64](uniqueKeysWithValues: statistics.counts.map { ($0.key.rawValue, $0.value) }),
            mappings: mappings)
    }
}
