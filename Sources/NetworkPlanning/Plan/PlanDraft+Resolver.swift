import Addressing
import DaemonConfigs
import NetworkModel
import Resources

extension PlanDraft {
    /// unbound, when the gateway has a resolver: one for all of its segments.
    mutating func planResolver(of gateway: DesiredGateway, on segments: [DesiredSegment]) {
        let instance = DaemonInstance.resolver(of: gateway.id)
        let clients = segments.compactMap(\.prefix).sorted()
        guard let resolver = gateway.resolver, !clients.isEmpty else {
            return stop(daemon: instance, for: .gateway(gateway.id))
        }
        let configuration = UnboundConfiguration(
            clients: clients, zones: resolver.zones, servers: resolver.servers, forwarders: resolver.forwarders,
            dns64: resolver.dns64
        ).text
        guard context.observed.daemons[instance]?.configuration != configuration else { return }
        add(
            .ensureDaemon(
                DaemonSpec(
                    program: .unbound, instance: instance, namespace: NamespaceName.gateway(gateway.id).text,
                    configuration: configuration)),
            for: .gateway(gateway.id), in: .gateways)
    }
}

extension PlanContext {
    /// What guests of a segment are told to ask: the gateway's own resolver at its address there, then the others.
    func resolvers(of gateway: DesiredGateway, on segment: DesiredSegment) -> [IPv6Address] {
        guard gateway.resolver != nil, let prefix = segment.prefix,
            let port = gateway.ports[segment.id].flatMap({ desired.attachments[$0] })
        else { return gateway.resolvers }
        let own = RouterAddresses.of(port, on: segment, serving: false).map(\.address).filter { prefix.contains($0) }
            .sorted()
        return Array((own.prefix(1) + gateway.resolvers.filter { !own.contains($0) }).prefix(8))
    }

    func search(of gateway: DesiredGateway, on segment: DesiredSegment) -> [DomainName] {
        gateway.resolver?.search[segment.id].map { [$0] } ?? []
    }
}
