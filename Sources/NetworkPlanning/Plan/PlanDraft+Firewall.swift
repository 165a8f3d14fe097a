import Addressing
import NFTables
import NetworkModel
import Resources

extension PlanDraft {
    /// The filter inside a gateway's namespace, before anything there forwards.
    mutating func planFirewall(of gateway: DesiredGateway) {
        let namespace = NamespaceName.gateway(gateway.id)
        let ruleset = context.firewall(of: gateway).ruleset
        guard context.observed.firewalls[namespace]?.digest != ruleset.digest else { return }
        let known = gateway.ports.keys.reduce(into: Set<IPv6Address>()) { $0.formUnion(context.known(on: $1)) }
        reinforced.insert(gateway.id)
        add(.firewall(.install(ruleset, known: known), in: namespace), for: .gateway(gateway.id), in: .namespaces)
    }

    /// Who has an address on a segment, for the gateway that routes it here.
    mutating func planKnown(on segment: ResourceID) {
        for gateway in context.desired.gateways.values
        where gateway.ports[segment] != nil && !gateway.services.isEmpty {
            planGuestProxy(of: gateway)
        }
        guard let prefix = context.desired.segments[segment]?.prefix else { return }
        for gateway in context.desired.gateways.values where gateway.ports[segment] != nil {
            let namespace = NamespaceName.gateway(gateway.id)
            guard !reinforced.contains(gateway.id), let observed = context.observed.firewalls[namespace],
                observed.digest == context.firewallDigest(of: gateway)
            else { continue }
            let wanted = context.known(on: segment)
            let present = observed.known.filter(prefix.contains)
            if wanted == present { continue }
            add(
                .firewall(
                    .change(remove: present.subtracting(wanted), add: wanted.subtracting(present)), in: namespace),
                for: .gateway(gateway.id), in: .gateways)
        }
    }
}

extension PlanContext {
    func firewallDigest(of gateway: DesiredGateway) -> String { firewall(of: gateway).ruleset.digest }

    /// The addresses of a segment's /64 that its binding table has.
    func known(on segment: ResourceID) -> Set<IPv6Address> {
        guard let prefix = desired.segments[segment]?.prefix else { return [] }
        return Set((desired.bindings[segment] ?? [:]).keys.filter(prefix.contains))
    }

    func firewall(of gateway: DesiredGateway) -> GatewayRuleset {
        let segments = gateway.ports.keys.compactMap { id in
            desired.segments[id].flatMap { segment in
                segment.prefix.map {
                    GatewayRuleset.Segment(interface: .gatewaySegment(segment.vni), prefix: $0)
                }
            }
        }
        var ruleset = GatewayRuleset(
            segments: segments.sorted(),
            newFlowsPerSource: gateway.limits.newFlowsPerSource ?? GatewayLimits.standardNewFlowsPerSource,
            bandwidthPerSegment: gateway.limits.bandwidthPerSegment, outgoing: gateway.nat64?.outgoing,
            servicePorts: Set(gateway.services.map(\.port)).sorted(),
            serviceAddresses: gateway.services.isEmpty ? [] : serviceAddresses(of: gateway),
            hasIPv4: gateway.ports.keys.contains { desired.segments[$0]?.ipv4 != nil })
        guard !gateway.policies.isEmpty, !gateway.policies.contains(.builtIn(.allowAll)) else { return ruleset }
        var policies: [DesiredPolicy] = []
        for case .policy(let id) in gateway.policies {
            if let policy = desired.policies[id] { policies.append(policy) }
        }
        policies.sort { $0.id < $1.id }
        ruleset.ingress = policies.flatMap(\.ingress).compactMap(firewallRule)
        if policies.contains(where: { $0.egress != nil }) {
            ruleset.egress = policies.flatMap { $0.egress ?? [] }.compactMap(firewallRule)
        }
        return ruleset
    }

    private func serviceAddresses(of gateway: DesiredGateway) -> [GatewayRuleset.ServiceAddress] {
        gateway.ports.keys.compactMap { desired.segments[$0] }.flatMap { segment in
            ownAddresses(of: gateway, on: segment).map {
                GatewayRuleset.ServiceAddress(interface: .gatewaySegment(segment.vni), address: $0)
            }
        }.sorted()
    }

    /// The gateway's addresses in the segment's /64, in order.
    func ownAddresses(of gateway: DesiredGateway, on segment: DesiredSegment) -> [IPv6Address] {
        guard let prefix = segment.prefix, let port = gateway.ports[segment.id].flatMap({ desired.attachments[$0] })
        else { return [] }
        return RouterAddresses.all(of: port, on: segment, serving: false).filter(prefix.contains)
    }

    /// nil for a rule whose other side nobody is now.
    private func firewallRule(_ rule: PolicyRule) -> GatewayRuleset.Rule? {
        var peers = desired.peers(of: rule)
        if let all = peers {
            // The kernel takes no overlapping intervals: what another one contains is left out.
            var disjoint: [IPv6Prefix] = []
            for prefix in all.sorted(by: { $0.length < $1.length }).filter({ $0.ipv4 == nil })
            where !disjoint.contains(where: { $0.contains(prefix) }) {
                disjoint.append(prefix)
            }
            if disjoint.isEmpty { return nil }
            peers = disjoint.contains { $0.length == 0 } ? nil : disjoint.sorted()
        }
        return GatewayRuleset.Rule(
            transport: rule.protocol.number, ports: rule.ports.map { $0.first...$0.last }, types: rule.types,
            peers: peers, rate: rule.rate)
    }
}
