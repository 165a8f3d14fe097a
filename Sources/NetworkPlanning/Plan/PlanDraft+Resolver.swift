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
            dns64: resolver.dns64, views: context.serviceViews(of: gateway, resolver, on: segments)
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
        guard gateway.resolver != nil else { return gateway.resolvers }
        let own = ownAddresses(of: gateway, on: segment)
        return Array((own.prefix(1) + gateway.resolvers.filter { !own.contains($0) }).prefix(8))
    }

    /// Where guests find what answers at port 80: `metadata`, alone, in the cloud's zones and where they look for names
    /// of one label; there an attachment of that name is found by its whole name alone.
    fileprivate func serviceViews(
        of gateway: DesiredGateway, _ resolver: DesiredResolver, on segments: [DesiredSegment]
    ) -> [UnboundConfiguration.View] {
        guard gateway.services.contains(where: { $0.port == 80 }) else { return [] }
        return segments.sorted { $0.vni < $1.vni }.compactMap { segment in
            guard let prefix = segment.prefix, let address = ownAddresses(of: gateway, on: segment).first else {
                return nil
            }
            let above = [.root] + resolver.zones.filter { !$0.isReverse } + search(of: gateway, on: segment)
            return UnboundConfiguration.View(
                segment: .gatewaySegment(segment.vni), clients: prefix,
                // A domain that leaves no room for the label has no such name.
                names: Set(above.compactMap { try? $0.prepending(["metadata"]) }).sorted(),
                addresses: [address] + (segment.ipv4 == nil ? [] : [IPv4Address.guestServices.mapped]))
        }
    }

    func search(of gateway: DesiredGateway, on segment: DesiredSegment) -> [DomainName] {
        gateway.resolver?.search[segment.id].map { [$0] } ?? []
    }
}
