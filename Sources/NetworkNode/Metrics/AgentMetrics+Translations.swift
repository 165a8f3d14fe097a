import Addressing
import NetworkPlanning
import NodePorts
import Resources

extension AgentMetrics {
    /// What the translators between IPv6 and IPv4 have counted, by gateway and mapping.
    func writeTranslations(to text: inout MetricsText) {
        guard !translations.isEmpty else { return }
        let all = translations.sorted { $0.key < $1.key }
        text.family("kc_nat64_packets_total", .counter, "Packets translated, by gateway and direction.")
        for (gateway, statistics) in all {
            for (counter, direction) in [(TranslatorCounter.toIPv4, "to-ipv4"), (.toIPv6, "to-ipv6")] {
                text.sample(
                    "kc_nat64_packets_total", statistics.counts[counter] ?? 0,
                    [("gateway", gateway.description), ("direction", direction)])
            }
        }
        text.family("kc_nat64_drops_total", .counter, "Packets that were not translated, by gateway and reason.")
        for (gateway, statistics) in all {
            for counter in TranslatorCounter.allCases where counter.isDrop {
                guard let count = statistics.counts[counter] else { continue }
                text.sample(
                    "kc_nat64_drops_total", count,
                    [("gateway", gateway.description), ("reason", counter.rawValue)])
            }
        }
        writeMappings(all, "packets", \.sentPackets, \.receivedPackets, to: &text)
        writeMappings(all, "bytes", \.sentBytes, \.receivedBytes, to: &text)
    }

    private func writeMappings(
        _ all: [(key: ResourceID, value: TranslatorStatistics)], _ unit: String,
        _ sent: KeyPath<MappingTraffic, UInt64>, _ received: KeyPath<MappingTraffic, UInt64>,
        to text: inout MetricsText
    ) {
        let name = "kc_nat64_mapping_\(unit)_total"
        text.family(name, .counter, "What went through a mapping, in \(unit), by direction seen from the attachment.")
        for (gateway, statistics) in all {
            for (ipv4, traffic) in statistics.traffic.sorted(by: { $0.key < $1.key }) {
                for (direction, count) in [("sent", traffic[keyPath: sent]), ("received", traffic[keyPath: received])] {
                    text.sample(
                        name, count,
                        [("gateway", gateway.description), ("ipv4", "\(ipv4)"), ("direction", direction)])
                }
            }
        }
    }
}
