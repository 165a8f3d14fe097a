import Addressing
package import NodePorts
package import Resources

/// What the agent measures of itself and of its ports, for Prometheus (node_exporter's textfile collector reads the
/// file; the agent opens no port).
package struct AgentMetrics: Hashable, Sendable {
    /// Frames of one port that were dropped for one reason.
    package struct Drops: Hashable, Sendable {
        package var attachment: ResourceID
        package var segment: ResourceID
        package var reason: String
        package var count: UInt64

        package init(attachment: ResourceID, segment: ResourceID, reason: String, count: UInt64) {
            self.attachment = attachment
            self.segment = segment
            self.reason = reason
            self.count = count
        }
    }

    package var drops: [Drops] = []
    /// Frames that the gates of tunnels held back while the host's ruleset was gone, by segment.
    package var closedTunnels: [ResourceID: UInt64] = [:]
    /// Packets that gateways' firewalls have dropped, by gateway and reason.
    package var gatewayDrops: [ResourceID: [String: UInt64]] = [:]
    package var translations: [ResourceID: TranslatorStatistics] = [:]
    package var learned = 0
    package var bindings = BindingTable.Counters()
    package var claims = ClaimCounters()
    package var counters = AgentCounters()
    package var isConnected = false

    package init() {}

    package var text: String {
        var text = MetricsText()
        text.family("kc_drops_total", .counter, "Frames that guards and policies dropped, by port and reason.")
        for drop in drops {
            text.sample(
                "kc_drops_total", drop.count,
                [
                    ("attachment", drop.attachment.description), ("segment", drop.segment.description),
                    ("reason", drop.reason),
                ])
        }
        text.family(
            "kc_tunnel_closed_total", .counter,
            "Frames to and from other hosts that were held back while the ruleset was gone, by segment.")
        for (segment, count) in closedTunnels.sorted(by: { $0.key < $1.key }) {
            text.sample("kc_tunnel_closed_total", count, [("segment", segment.description)])
        }
        writeGatewayDrops(to: &text)
        text.family(
            "kc_ruleset_rebuilds_total", .counter, "Times that somebody else had changed or flushed the ruleset.")
        text.sample("kc_ruleset_rebuilds_total", counters.rulesetRebuilds)
        text.family("kc_bindings", .gauge, "Addresses that guests of this host gave themselves.")
        text.sample("kc_bindings", learned)
        text.family("kc_bindings_granted_total", .counter, "Claims of addresses that were granted.")
        text.sample("kc_bindings_granted_total", bindings.granted)
        text.family("kc_bindings_refused_total", .counter, "Claims of addresses that were refused, by reason.")
        for reason in BindingTable.Refusal.allCases {
            text.sample(
                "kc_bindings_refused_total", bindings.refused[reason] ?? 0, [("reason", reason.rawValue)])
        }
        text.family("kc_bindings_released_total", .counter, "Learned addresses that were released, by reason.")
        for (reason, count) in [
            ("evicted", bindings.evicted), ("unseen", bindings.aged), ("withdrawn", bindings.withdrawn),
        ] {
            text.sample("kc_bindings_released_total", count, [("reason", reason)])
        }
        text.family("kc_claims_lost_total", .counter, "Claims that came faster than they could be heard.")
        text.sample("kc_claims_lost_total", claims.lost)
        text.family("kc_claim_seconds", .summary, "From hearing claims to their elements in the kernel.")
        text.sample("kc_claim_seconds_sum", claims.took)
        text.sample("kc_claim_seconds_count", claims.answered)
        writeTranslations(to: &text)
        writeAgent(to: &text)
        return text.text
    }

    private func writeGatewayDrops(to text: inout MetricsText) {
        guard !gatewayDrops.isEmpty else { return }
        text.family("kc_gateway_drops_total", .counter, "Packets that gateways' firewalls dropped, by reason.")
        for (gateway, reasons) in gatewayDrops.sorted(by: { $0.key < $1.key }) {
            for (reason, count) in reasons.sorted(by: { $0.key < $1.key }) {
                text.sample(
                    "kc_gateway_drops_total", count, [("gateway", gateway.description), ("reason", reason)])
            }
        }
    }

    private func writeAgent(to text: inout MetricsText) {
        text.family("kc_agent_connected", .gauge, "1 while the API speaks of this host.")
        text.sample("kc_agent_connected", isConnected ? 1 : 0)
        text.family("kc_agent_in_sync", .gauge, "1 when the last turn left nothing undone.")
        text.sample("kc_agent_in_sync", counters.isInSync ? 1 : 0)
        text.family("kc_agent_turns_total", .counter, "Turns of the loop that looked at something.")
        text.sample("kc_agent_turns_total", counters.turns)
        text.family("kc_agent_operations_total", .counter, "Changes to the host, by outcome.")
        text.sample("kc_agent_operations_total", counters.operations, [("outcome", "done")])
        text.sample("kc_agent_operations_total", counters.failedOperations, [("outcome", "failed")])
        text.family("kc_agent_repairs_total", .counter, "Changes that mended what somebody else had changed.")
        text.sample("kc_agent_repairs_total", counters.driftRepairs)
    }
}
